"""Streams whose work is put off until something waits for it, so that a wait that was forgotten shows.

Each operation knows those that CUDA's rules put before it: the last of its stream, what its stream was told to wait
for, and what the legacy default stream orders. Only what something waits for is run, after all that is before it.
"""

from __future__ import annotations

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from tests.cuda.stand_in.entries import Refused

Work = Callable[[], None]
#: How a capture restricts the rest of a process.
GLOBAL, THREAD_LOCAL, RELAXED = range(3)
_handles = itertools.count(0x1000, 16)


class Task:
    """An operation, and the ones before it, which are forgotten once it is done."""

    __slots__ = ("before", "done", "time", "work")

    def __init__(self, work: Work | None, before: Iterable[Task | None]):
        self.work, self.before = work, [task for task in before if task is not None and not task.done]
        self.done, self.time = False, 0.0


class Capture:
    """What was asked of streams between the beginning and the end of their capture."""

    def __init__(self, origin: Stream, mode: int):
        self.origin, self.mode, self.thread = origin, mode, threading.get_ident()
        self.graph, self.streams, self.valid = Graph([]), [origin], True


class Stream:
    """A queue: its last operation, or the last ones captured from it."""

    def __init__(self, handle: int, blocking: bool):
        self.handle, self.blocking, self.last, self.alive = handle, blocking, None, True
        self.capture: Capture | None = None
        self.captured: list[Task] = []


class Event:
    """What was last recorded: an operation, or a place in a capture."""

    def __init__(self, timed: bool):
        self.handle, self.timed, self.record = next(_handles), timed, None
        self.capture: Capture | None = None
        self.captured: list[Task] = []


class Graph:
    """Captured operations, in an order in which they may run; `last` is when it was last started."""

    def __init__(self, tasks: list[Task]):
        self.handle, self.tasks, self.last = next(_handles), tasks, None


class Streams:
    """All streams of a device; `failed` hears what an operation raised and `broken` tells whether any has."""

    def __init__(self, late: bool, failed: Callable[[Exception], None], broken: Callable[[], bool]):
        self.late, self._failed, self._broken = late, failed, broken
        self.legacy, self.own = Stream(1, True), Stream(2, True)
        self._all, self._captures = [self.legacy, self.own], []
        self._by_handle = {0: self.legacy, 1: self.legacy, 2: self.own}
        self.events: dict[int, Event] = {}
        self.graphs: dict[int, Graph] = {}

    def create(self, blocking: bool) -> Stream:
        stream = Stream(next(_handles), blocking)
        self._all.append(stream)
        self._by_handle[stream.handle] = stream
        return stream

    def destroy(self, handle: int) -> None:
        """What was asked of it is done all the same."""
        stream = self._by_handle.pop(handle if handle > 2 else -1, None)
        if stream is None:
            raise Refused("INVALID_HANDLE")
        stream.alive = False

    def stream(self, handle: int) -> Stream:
        return _known(self._by_handle, handle)

    def event(self, handle: int) -> Event:
        return _known(self.events, handle)

    def put(self, stream: Stream, work: Work | None, *before: Task | None) -> Task:
        """One more operation of a stream, behind its last and these."""
        if stream.capture is not None:
            task = Task(work, stream.captured)
            stream.capture.graph.tasks.append(task)
            stream.captured = [task]
            return task
        stream.last = task = Task(work, (*self._ahead(stream), *before))
        if not self.late:
            self.finish(task)
        return task

    def finish(self, *tasks: Task | None) -> None:
        """Runs all that must have run before these have, and these."""
        waiting = [task for task in tasks if task is not None]
        while waiting:
            task = waiting[-1]
            while task.before and task.before[-1].done:
                task.before.pop()
            if task.before:
                waiting.append(task.before[-1])
            elif not waiting.pop().done:
                self._run(task)

    def step(self, task: Task | None) -> bool:
        """Whether it was done; if not, one operation nearer to it is run, so that who asks again and again ends."""
        if task is None or task.done:
            return True
        last = task
        while earlier := [each for each in last.before if not each.done]:
            last = earlier[-1]
        self._run(last)
        return False

    def last(self, stream: Stream) -> Task | None:
        """What a wait for a stream waits for."""
        return Task(None, self._ahead(stream)) if stream is self.legacy else stream.last

    def finish_all(self) -> None:
        self.finish(*(stream.last for stream in self._all))

    def record(self, event: Event, stream: Stream) -> None:
        event.capture, event.captured = stream.capture, list(stream.captured)
        if stream.capture is None:
            event.record = self.put(stream, None)

    def wait(self, stream: Stream, event: Event) -> None:
        """Later work of the stream comes after the event's most recent record."""
        if event.capture is not None:
            if event.capture not in self._captures or stream.capture not in (None, event.capture):
                raise Refused("CAPTURED_EVENT" if stream.capture is None else "STREAM_CAPTURE_MERGE")
            if stream.capture is None:
                stream.capture = event.capture
                stream.capture.streams.append(stream)
            stream.captured = list(dict.fromkeys([*stream.captured, *event.captured]))
        elif stream.capture is not None:
            self._invalidate(stream.capture, "STREAM_CAPTURE_ISOLATION")
        else:
            self.put(stream, None, event.record)

    def begin(self, stream: Stream, mode: int) -> None:
        if stream is self.legacy:
            raise Refused("STREAM_CAPTURE_UNSUPPORTED")
        if stream.capture is not None:
            raise Refused("ILLEGAL_STATE")
        stream.capture, stream.captured = Capture(stream, mode), []
        self._captures.append(stream.capture)
        self.keep(stream.capture.graph)

    def end(self, stream: Stream) -> Graph:
        """The graph of what was asked since the stream's capture began; streams that joined must have come back."""
        capture = stream.capture
        if capture is None:
            raise Refused("ILLEGAL_STATE")
        if capture.origin is not stream:
            raise Refused("STREAM_CAPTURE_UNMATCHED")
        if capture.mode != RELAXED and capture.thread != threading.get_ident():
            raise Refused("STREAM_CAPTURE_WRONG_THREAD")
        joined, reached = set(), list(stream.captured)
        while reached:
            task = reached.pop()
            if task not in joined:
                joined.add(task)
                reached += task.before
        strays = any(task not in joined for each in capture.streams for task in each.captured)
        self._captures.remove(capture)
        for each in capture.streams:
            each.capture, each.captured = None, []
        if not capture.valid or strays:
            del self.graphs[capture.graph.handle]
            raise Refused("STREAM_CAPTURE_UNJOINED" if capture.valid else "STREAM_CAPTURE_INVALIDATED")
        return capture.graph

    def keep(self, graph: Graph) -> Graph:
        self.graphs[graph.handle] = graph
        return graph

    def launch(self, graph: Graph, stream: Stream) -> None:
        """All of a graph's operations, ordered among themselves as they were captured, and none with the rest."""
        if stream.capture is not None:
            self._invalidate(stream.capture, "STREAM_CAPTURE_UNSUPPORTED")
        first = Task(None, (*self._ahead(stream), graph.last))
        copies: dict[Task, Task] = {}
        for task in graph.tasks:
            copies[task] = Task(task.work, (first, *(copies[each] for each in task.before)))
        graph.last = self.put(stream, None, first, *copies.values())

    def check(self, stream: Stream | None = None) -> None:
        """That no capture forbids to wait, for this stream or at all, or to do what may wait."""
        if stream is self.legacy:
            self._ahead(stream)
        for capture in self._captures:
            here = capture.thread == threading.get_ident()
            strict = capture.mode == GLOBAL or (capture.mode == THREAD_LOCAL and here)
            if strict or (stream is not None and stream.capture is capture):
                self._invalidate(capture, "STREAM_CAPTURE_UNSUPPORTED")

    def check_all(self) -> None:
        """That nothing is captured at all."""
        for capture in self._captures:
            self._invalidate(capture, "STREAM_CAPTURE_UNSUPPORTED")

    def _ahead(self, stream: Stream) -> list[Task | None]:
        """What CUDA puts before the next operation of a stream, whatever was said of events."""
        if stream is not self.legacy:
            return [stream.last, self.legacy.last if stream.blocking else None]
        self._all = [each for each in self._all if each.alive or (each.last is not None and not each.last.done)]
        blocking = [each for each in self._all if each.blocking]
        for each in blocking:
            if each.capture is not None:
                self._invalidate(each.capture, "STREAM_CAPTURE_IMPLICIT")
        return [each.last for each in blocking]

    def _invalidate(self, capture: Capture, error: str) -> None:
        capture.valid = False
        raise Refused(error)

    def _run(self, task: Task) -> None:
        """The operation itself; no finalizer of Python's may ask for another meanwhile."""
        work, task.done, task.before = task.work, True, []
        if work is not None and not self._broken():
            collects = gc.isenabled()
            gc.disable()
            try:
                work()
            except Exception as error:
                self._failed(error)
            finally:
                if collects:
                    gc.enable()
        task.work, task.time = None, time.perf_counter()


def _known(table: dict[int, Any], handle: int) -> Any:
    """What a handle stands for."""
    if handle not in table:
        raise Refused("INVALID_HANDLE")
    return table[handle]
