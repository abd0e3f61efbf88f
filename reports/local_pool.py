"""Jobs on this machine: each in a process that can be killed alone, some side by side."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor

from reports.child import Child, ChildNotStarted
from reports.lane import Outcome, attempt
from reports.workers import Job, WorkersBroken, start


class LocalPool:
    """A place (`reports.lane.Place`) with `workers` processes of `threads` threads, `pinned` to processors or not.

    A process serves one job after another until it dies or is killed at a limit; then the next job has a new one.
    """

    def __init__(self, workers: int, *, threads: int = 1, pinned: bool = False):
        self._workers, self._prepared = workers, (threads, pinned)
        self._idle: list[Child] = []
        self._busy: dict[str, Job] = {}
        self._children: set[Child] = set()
        self._ended: queue.SimpleQueue[tuple[Job, Outcome | Exception]] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="worker")
        self._closed = False

    def room(self) -> bool:
        return len(self._busy) < self._workers

    def begin(self, job: Job) -> None:
        self._busy[job.key] = job
        self._threads.submit(self._perform, job)

    def ended(self, seconds: float) -> tuple[Job, Outcome] | None:
        try:
            job, outcome = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        del self._busy[job.key]
        if isinstance(outcome, ChildNotStarted):
            raise WorkersBroken(f"{outcome}; run `implicitbench doctor`") from outcome
        if isinstance(outcome, Exception):
            raise outcome
        return job, outcome

    def running(self) -> list[Job]:
        return list(self._busy.values())

    def close(self) -> None:
        self._closed = True
        for child in list(self._children):
            child.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for child in list(self._children):  # one may just have been started
            child.kill()

    def _perform(self, job: Job) -> None:
        try:
            child = self._child()
            outcome = attempt(child, job)
            if child.alive:
                self._idle.append(child)
            else:
                self._children.discard(child)
            self._ended.put((job, outcome))
        except Exception as error:
            self._ended.put((job, error))

    def _child(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            self._children.discard(child)
        child = Child(start, *self._prepared)
        self._children.add(child)
        if self._closed:
            child.kill()
        return child
