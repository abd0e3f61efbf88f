"""A lane: jobs at a place where some are performed at once, and what became of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from reports.child import Child, ChildDied
from reports.experiment import Measurement
from reports.record import WHOLE_CELL, Scalar, Status, load
from reports.workers import MEMORY_EXIT, Job, perform

#: Seconds that a cell may take where it does not say.
TIME_LIMIT = {"quick": 120.0, "standard": 1200.0, "full": 12 * 3600.0}

#: Seconds between two reports of progress while nothing ends.
TICK = 0.5

#: Further attempts at a cell whose process died, and at one whose worker was lost, which is seldom the cell's doing.
_AFTER_DEATH, _AFTER_LOSS = 1, 3

_ORDINALS = ("first", "second", "third", "fourth")


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `lost` if its worker went with it, `machine` where it was measured if not here."""

    measurements: list[Measurement]
    seconds: float
    lost: bool = False
    machine: Mapping[str, Scalar] | None = None

    @property
    def failed(self) -> bool:
        return not all(Status(m.status).final for m in self.measurements)


class Place(Protocol):
    """Where jobs are performed: processes of this machine (`local_pool`), or of a cluster's workers (`cluster`)."""

    def room(self) -> bool:
        """Whether one more job would begin now. One that had to wait could begin before another's end is recorded."""

    def begin(self, job: Job) -> None: ...

    def ended(self, seconds: float) -> tuple[Job, Outcome] | None:
        """The next job to end, or None after so many seconds. Raises WorkersBroken."""

    def running(self) -> list[Job]: ...

    def close(self) -> None:
        """Kills what runs."""


def measure_all(
    jobs: Sequence[Job], place: Place, *, tick: Callable[[list[Job]], None]
) -> Generator[tuple[Job, Outcome], None, None]:
    """Every job with its outcome, in the order in which they end.

    A process that dies by itself costs its job one further attempt, a lost worker up to three, and the records of the
    last attempt say why; time and memory limits, which would be reached again, do not. A job begins when those that
    ended were taken from the generator, so that of a killed run each process has at most one to do again. `tick` is
    called with the running jobs. Closing the generator closes the place. Raises WorkersBroken.
    """
    waiting = deque(jobs)
    reasons: dict[str, list[str]] = {job.key: [] for job in jobs}
    try:
        while waiting or place.running():
            while waiting and place.room():
                place.begin(waiting.popleft())
            found = place.ended(TICK)
            if found is None:
                tick(place.running())
                continue
            job, outcome = found
            before = reasons[job.key]
            died = outcome.measurements[0].status is Status.DIED
            if died and len(before) < (_AFTER_LOSS if outcome.lost else _AFTER_DEATH):
                before.append(outcome.measurements[0].detail)
                waiting.appendleft(job)
                continue
            yield job, _told(outcome, before)
    finally:
        place.close()


def limit_of(job: Job) -> float:
    """The seconds that the job may take."""
    return job.cell.seconds or TIME_LIMIT[job.size]


def attempt(child: Child, job: Job, wanted: Callable[[], bool] | None = None) -> Outcome:
    """Performs the job in the process, within its limits; `wanted` and what else is raised as `Child.call` has them."""
    limit = limit_of(job)
    try:
        result = load(child.call(perform, job, limit=limit, wanted=wanted))
    except TimeoutError:
        return stopped(Status.TIMEOUT, f"stopped after {limit:g} s", limit)
    except ChildDied as died:
        if died.code == MEMORY_EXIT:
            return stopped(Status.MEMORY, f"stopped at more than {job.memory / 2**20:.0f} MiB")
        return stopped(Status.DIED, f"the worker died: {died}")
    return Outcome([Measurement(**m) for m in result["measurements"]], result["seconds"])


def stopped(status: Status, detail: str, seconds: float = 0.0, *, lost: bool = False) -> Outcome:
    """The outcome of a job that gave nothing."""
    return Outcome([Measurement(WHOLE_CELL, None, status=status, detail=detail)], seconds, lost)


def _told(outcome: Outcome, reasons: Sequence[str]) -> Outcome:
    """The outcome of a later attempt, each of whose measurements says why there was one."""
    if not reasons:
        return outcome
    note = f"{_ORDINALS[len(reasons)]} attempt, because {', then '.join(reasons)}"
    told = [
        Measurement(**{**vars(m), "detail": f"{m.detail}; {note}" if m.detail else note}) for m in outcome.measurements
    ]
    return Outcome(told, outcome.seconds, outcome.lost, outcome.machine)
