"""Runs experiments: the cells that the store lacks, the untimed ones side by side, then the timed ones alone."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path

import psutil

from reports import provenance
from reports.experiment import SIZES, Cell, Measurement
from reports.experiment import experiments as registry
from reports.interrupts import DeferredInterrupt
from reports.lane import Outcome, Place, measure_all
from reports.local_pool import LocalPool
from reports.progress import OnProgress, Remaining, RunState
from reports.record import Record, Status
from reports.store import Damage, Store
from reports.workers import Job

Select = Mapping[str, object] | Callable[[Cell], bool]

#: The share of the machine's memory that all workers together may fill; the rest is the system's.
_MEMORY_SHARE = 0.8
#: Bytes below which no limit of the runner's own goes: libraries alone fill half of it.
_LEAST_MEMORY = 2 << 30


@dataclass(frozen=True)
class RunSummary:
    """What a run did. `counts`: cells measured now, by status; `failures`: records that the next run tries again.

    A cell's status is that of its first such record if it has one, else OK if anything was measured.

    `present` of the `planned` cells were measured before; `unavailable` names modules of experiments
    whose optional packages are not installed, with the remedy.
    """

    path: Path
    planned: int
    present: int
    counts: Mapping[Status, int]
    failures: tuple[Record, ...]
    unavailable: Mapping[str, str]
    damage: tuple[Damage, ...]
    seconds: float

    @property
    def measured(self) -> int:
        return sum(self.counts.values())

    @property
    def ok(self) -> bool:
        """True when every planned cell is recorded with a result."""
        return not self.failures


def run(
    experiments: str | Sequence[str] | None = None,
    *,
    size: str = "quick",
    output: str | Path | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    select: Select | None = None,
    progress: OnProgress | None = None,
) -> RunSummary:
    """Measures every cell of the named experiments (None: all) that is not in the store with a final status.

    Quality cells run in `jobs` processes (None: one a processor), or on the workers of the Dask scheduler whose address
    `cluster` is (`local`: one of our own with `jobs` workers); then timing cells run here, one at a time, pinned. Where
    a cell runs changes no number of it. `select` keeps the cells whose parameters equal a mapping's, or for which a
    function is true. Each cell is on the disk when the next is reported; stopped at any moment, a later call
    goes on. What a cell raises becomes its record. Raises KeyError for an unknown experiment,
    ValueError for arguments and for cells that cannot be told apart, StoreError and its kin, WorkersBroken where no
    worker can be had, WorkersDiffer naming the cluster's workers that would compute something else, and what differs.
    """
    started = time.monotonic()
    provenance.forget()
    _check(size, jobs)
    asked = [experiments] if isinstance(experiments, str) else registry if experiments is None else experiments
    names = list(dict.fromkeys(asked))
    workers = jobs or _processors()
    found = _FoundData()
    with Store(output, write=True) as store:
        every = [job for name in names for job in _plan(store, name, size, found, workers)]
        selected = [job for job in every if _matches(select, job.cell)]
        todo = [job for job in selected if not store.has(job.key)]
        run = _Run(store, len(selected) - len(todo), todo, workers, cluster, progress, started)
        run.measure()
        return RunSummary(
            path=store.path,
            planned=len(selected),
            present=run.present,
            counts=dict(run.counts),
            failures=tuple(run.failures),
            unavailable={module: str(error) for module, error in registry.unavailable.items()},
            damage=store.damage,
            seconds=time.monotonic() - started,
        )


@dataclass
class _Run:
    """The coordinator's state: the only writer of the store."""

    store: Store
    present: int
    todo: list[Job]
    workers: int
    cluster: str | None
    progress: OnProgress | None
    started: float
    counts: Counter[Status] = field(default_factory=Counter)
    failures: list[Record] = field(default_factory=list)

    def measure(self) -> None:
        with DeferredInterrupt() as self.interrupt:
            # The cluster is left before anything is timed: its workers may be on this machine.
            quality, timing = ([job for job in self.todo if job.timing is timed] for timed in (False, True))
            if quality and self.cluster is not None:
                from reports.cluster import Cluster, ClusterPlace

                with closing(Cluster(self.cluster, self.workers)) as cluster:
                    cluster.admit(quality)
                    self.remaining = Remaining(self.todo, cluster.slots, self.store.expected_seconds)
                    self._measure(quality, partial(ClusterPlace, cluster))
                self._measure(timing, self._alone)
            else:
                self.remaining = Remaining(self.todo, self.workers, self.store.expected_seconds)
                self._measure(quality, lambda threads: LocalPool(max(1, self.workers // threads), threads=threads))
                self._measure(timing, self._alone)

    def _alone(self, threads: int) -> Place:
        return LocalPool(1, threads=threads, pinned=True)

    def _measure(self, jobs: list[Job], place: Callable[[int], Place]) -> None:
        def threads(job: Job) -> int:
            return job.cell.threads

        for count, group in groupby(sorted(jobs, key=threads), key=threads):
            name = "timing" if jobs[0].timing else "quality"
            self._report(name, [])
            with closing(measure_all(list(group), place(count), tick=partial(self._report, name))) as outcomes:
                for job, outcome in outcomes:
                    self._record(job, outcome)
                    self._report(name, [])

    def _record(self, job: Job, outcome: Outcome) -> None:
        records = _records(job, outcome)
        self.store.append(records)
        # Of several statuses the one that a reader must hear of: a failure, else a success, else the rest.
        self.counts[min((r.status for r in records), key=lambda s: (s.final, s is not Status.OK))] += 1
        self.failures += [record for record in records if not record.status.final]
        self.remaining.ended(job, outcome.seconds)

    def _report(self, lane: str, running: list[Job]) -> None:
        self.interrupt.deliver()
        if self.progress is not None:
            failed = sum(count for status, count in self.counts.items() if not status.final)
            self.progress(
                RunState(
                    present=self.present,
                    todo=len(self.todo),
                    done=self.counts.total(),
                    failed=failed,
                    running=tuple(str(job) for job in running),
                    lane=lane,
                    elapsed=time.monotonic() - self.started,
                    remaining=self.remaining.seconds(),
                )
            )


def _plan(store: Store, name: str, size: str, found: Mapping[str, str], workers: int) -> list[Job]:
    """The experiment's jobs; the store is told which cells there are."""
    jobs = list(_jobs(name, size, found, workers))
    by_key: dict[str, Job] = {}
    for job in jobs:
        if job.key in by_key:
            raise ValueError(f"experiment {name!r}: two cells have params {job.cell.params} and seed {job.cell.seed}")
        by_key[job.key] = job
    store.plan(name, size, list(by_key))
    return jobs


def _jobs(name: str, size: str, found: Mapping[str, str], workers: int) -> Iterator[Job]:
    experiment = registry[name]()
    kind = type(experiment)
    machine = str(provenance.machine()["fingerprint"]) if kind.timing else None
    for cell in experiment.cells(size, found):
        absent = [data for data in cell.data if data not in found]
        if absent:
            raise ValueError(
                f"experiment {name!r}: cell {cell.params} needs data {absent}, and found are {sorted(found)}"
            )
        data = {data: found[data] for data in cell.data}
        code = provenance.code_key((kind.__module__, *cell.modules))
        key = provenance.cell_key(
            experiment=name, params=cell.params, size=size, seed=cell.seed, data=data, code=code, fingerprint=machine
        )
        beside = 1 if kind.timing else max(1, workers // cell.threads)
        memory = cell.memory or max(_LEAST_MEMORY, int(_MEMORY_SHARE * psutil.virtual_memory().total / beside))
        yield Job(name, kind.__module__, size, key, cell, data, code, kind.timing, memory)


class _FoundData(Mapping[str, str]):
    """The checksums of the data sets on this machine by name; each is looked for when it is asked for."""

    def __init__(self) -> None:
        self._looked: dict[str, str | None] = {}

    def _checksum(self, name: str) -> str | None:
        if name not in self._looked:
            from reports.datasets.source import datasets

            self._looked[name] = datasets[name].checksum if datasets[name].status().found else None
        return self._looked[name]

    def __getitem__(self, name: str) -> str:
        checksum = self._checksum(name)
        if checksum is None:
            raise KeyError(f"data set {name!r} is not on this machine; `implicitbench datasets` says how to get it")
        return checksum

    def __iter__(self) -> Iterator[str]:
        from reports.datasets.source import datasets

        return (name for name in datasets if self._checksum(name) is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _records(job: Job, outcome: Outcome) -> list[Record]:
    created = datetime.now(UTC).isoformat(timespec="milliseconds")

    def record(m: Measurement) -> Record:
        return Record(
            **vars(m),
            experiment=job.experiment,
            cell=job.key,
            params=job.cell.params,
            size=job.size,
            seed=job.cell.seed,
            data=job.data,
            commit=provenance.commit(),
            machine=outcome.machine or provenance.machine(),
            versions=provenance.versions(),
            created=created,
            seconds=outcome.seconds,
        )

    return [record(measurement) for measurement in outcome.measurements]


def _matches(select: Select | None, cell: Cell) -> bool:
    if select is None:
        return True
    if callable(select):
        return bool(select(cell))
    return all(name in cell.params and cell.params[name] == value for name, value in select.items())


def _check(size: str, jobs: int | None) -> None:
    if size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be at least 1, not {jobs}")


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
