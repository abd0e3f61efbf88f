"""A lane: jobs on a pool of processes, each of which can be killed alone."""

from __future__ import annotations

import multiprocessing
import queue
import signal
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import TimeoutError as TimedOut
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from typing import Any

from pebble import ProcessExpired, ProcessPool

from reports.experiment import Measurement
from reports.record import WHOLE_CELL, Status, load
from reports.workers import MEMORY_EXIT, Job, perform, start

#: Seconds that a cell may take where it does not say.
TIME_LIMIT = {"quick": 120.0, "standard": 1200.0, "full": 12 * 3600.0}

#: Seconds between two reports of progress while nothing ends.
TICK = 0.5


class WorkersBroken(RuntimeError):
    """No worker process can be started, or all die when idle."""


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    measurements: list[Measurement]
    seconds: float

    @property
    def failed(self) -> bool:
        return not all(Status(m.status).final for m in self.measurements)


def measure_all(
    jobs: Sequence[Job], *, workers: int, threads: int, pinned: bool, tick: Callable[[list[Job]], None]
) -> Generator[tuple[Job, Outcome], None, None]:
    """Every job with its outcome, in the order in which they end.

    A worker that dies by itself costs its job one further attempt, whose records say why; time and
    memory limits, which would be reached again, do not. `tick` is called with the running jobs.
    Closing the generator kills what runs. Raises WorkersBroken.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPool(workers, initializer=start, initargs=(threads, pinned), context=context)
    ended: queue.SimpleQueue[tuple[Job, str, Any]] = queue.SimpleQueue()
    waiting = deque((job, "") for job in jobs)
    under_way: dict[str, tuple[Job, Any]] = {}
    try:
        while waiting or under_way:
            while waiting and len(under_way) < 2 * workers:  # the next job waits at the worker's door
                job, reason = waiting.popleft()
                limit = job.cell.seconds or TIME_LIMIT[job.size]
                future = pool.schedule(perform, args=(job,), timeout=limit)
                under_way[job.key] = job, future
                future.add_done_callback(partial(_announce, ended, job, reason))
            try:
                job, reason, future = ended.get(timeout=TICK)
            except queue.Empty:
                tick([job for job, future in under_way.values() if future.running()])
                continue
            del under_way[job.key]
            outcome = _outcome(job, future)
            if outcome.measurements[0].status is Status.DIED and not reason:
                waiting.appendleft((job, outcome.measurements[0].detail))
                continue
            yield job, _told(outcome, reason)
    except BrokenProcessPool as error:
        raise WorkersBroken(
            "worker processes die before they begin; in a script, call reports.run under `if __name__ == '__main__':`"
        ) from error
    finally:
        pool.stop()
        pool.join()


def _announce(ended: queue.SimpleQueue[tuple[Job, str, Any]], job: Job, reason: str, future: Any) -> None:
    ended.put((job, reason, future))


def _outcome(job: Job, future: Any) -> Outcome:
    try:
        result = load(future.result())
    except TimedOut:
        limit = job.cell.seconds or TIME_LIMIT[job.size]
        return _stopped(Status.TIMEOUT, f"stopped after {limit:g} s", limit)
    except ProcessExpired as expired:
        if expired.exitcode == MEMORY_EXIT:
            return _stopped(Status.MEMORY, f"stopped at more than {job.memory / 2**20:.0f} MiB", 0.0)
        return _stopped(Status.DIED, f"the worker died: {_exit(expired.exitcode)}", 0.0)
    return Outcome([Measurement(**m) for m in result["measurements"]], result["seconds"])


def _stopped(status: Status, detail: str, seconds: float) -> Outcome:
    return Outcome([Measurement(WHOLE_CELL, None, status=status, detail=detail)], seconds)


def _told(outcome: Outcome, reason: str) -> Outcome:
    """The outcome of a second attempt, each of whose measurements says why there was one."""
    if not reason:
        return outcome
    note = f"second attempt, because {reason}"
    told = [
        Measurement(**{**vars(m), "detail": f"{m.detail}; {note}" if m.detail else note}) for m in outcome.measurements
    ]
    return Outcome(told, outcome.seconds)


def _exit(code: int) -> str:
    try:
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    except ValueError:
        return f"exit code {code}"
