"""What a Dask worker does for a run: its cells in processes that can be killed, and a word on what it would run.

The worker itself imports no code that a number comes from: whatever is installed beside it is seen by fresh processes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from reports import provenance
from reports.child import Child
from reports.lane import Outcome, attempt
from reports.workers import Job, start

#: The share of a worker's memory that its cells may fill together; the rest is the worker's own.
_MEMORY_SHARE = 0.8

_idle: dict[tuple[str, int], list[Child]] = {}
_guard = threading.Lock()


def perform(job: Job, run: str, threads: int) -> Outcome:
    """Performs the job in a process of the run; raises Abandoned when the scheduler wants its result no more."""
    child = _child(run, threads)
    if job.cell.memory is None:
        job = replace(job, memory=_memory(job, threads))
    try:
        outcome = attempt(child, job, _still_wanted())
    except BaseException:
        child.kill()
        raise
    if child.alive:
        with _guard:
            _idle.setdefault((run, threads), []).append(child)
    return replace(outcome, machine=provenance.machine())


def leave(run: str) -> None:
    """Ends the idle processes of the run."""
    _end(lambda of: of == run)


def describe(modules: tuple[str, ...], data: tuple[str, ...]) -> dict[str, str]:
    """What decides the numbers of cells here, by name: source files, libraries and data sets, each with its version."""
    child = Child(start, 1, False)
    try:
        return child.call(description, modules, data, limit=600.0)
    finally:
        child.kill()


def description(modules: Iterable[str], data: Iterable[str]) -> dict[str, str]:
    """`describe` in this process."""
    modules = tuple(modules)
    told = {f"{name}.py": digest for name, digest in provenance.source_closure(modules).items()}
    told |= provenance.foreign_versions(modules)
    if data:
        from reports.datasets.source import datasets

        for name in data:
            told[f"data {name}"] = datasets[name].checksum if datasets[name].status().found else "absent"
    return told


def _child(run: str, threads: int) -> Child:
    _end(lambda of: of != run)  # what another run left, if its coordinator was killed
    with _guard:
        waiting = _idle.get((run, threads), [])
        while waiting:
            child = waiting.pop()
            if child.alive:
                return child
    return Child(start, threads, False)


def _end(which: Any) -> None:
    with _guard:
        for key in [key for key in _idle if which(key[0])]:
            for child in _idle.pop(key):
                child.kill()


def _memory(job: Job, threads: int) -> int:
    from distributed import get_worker

    with suppress(ValueError, AttributeError):  # no worker, or one without a limit
        worker: Any = get_worker()
        limit, slots = worker.memory_manager.memory_limit, max(1, worker.state.nthreads // threads)
        if limit:
            return int(_MEMORY_SHARE * limit / slots)
    return job.memory


def _still_wanted() -> Any:
    """A function that is false once the scheduler has cancelled the task which calls this."""
    from distributed import get_worker

    try:
        worker: Any = get_worker()
        key = worker.get_current_task()
    except (ValueError, KeyError):
        return lambda: True  # not in a task

    def wanted() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state not in ("cancelled", "released", "forgotten")

    return wanted
