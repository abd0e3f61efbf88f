"""Quality cells on the workers of a Dask scheduler, which are asked first whether they would compute the same."""

from __future__ import annotations

import queue
import re
import time
import uuid
import warnings
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from knn.registry import missing_extra
from reports import cluster_worker
from reports.cluster_worker import description
from reports.lane import Outcome, limit_of, stopped
from reports.record import Status
from reports.workers import Job, WorkersBroken

#: `cluster` for a scheduler and workers of one's own on this machine.
LOCAL = "local"
#: Seconds within which a scheduler must answer, and for which a run without any worker waits for one.
_ANSWER, _PATIENCE = 15.0, 60.0
#: A scheduler's address: its protocol, if it is not TCP, its host and its port.
_ADDRESS = re.compile(r"(\w+://)?[^\s/]+:\d+|inproc://\S+")
#: Seconds between two looks at which workers there are.
_LOOK = 0.5


class WorkersDiffer(WorkersBroken):
    """Workers have other sources, libraries or data than the coordinator, and would compute other numbers."""


def check_address(address: str) -> None:
    """Raises WorkersBroken for what is no scheduler's address: Dask tries it for half a minute, and has a traceback."""
    if address != LOCAL and not _ADDRESS.fullmatch(address):
        raise WorkersBroken(f"{address!r} is no address of a scheduler: give --cluster tcp://host:8786, or local")


class Cluster:
    """A connection to the scheduler at `address`, or to one of its own with `jobs` workers where that is `local`.

    `slots` is how many cells of one thread it serves at once. Raises WorkersBroken, ImportError without [cluster].
    """

    def __init__(self, address: str, jobs: int):
        try:
            from distributed import Client, LocalCluster
        except ModuleNotFoundError as error:
            raise missing_extra(error, f"cluster={address!r}") from error
        check_address(address)
        self.address, self.run = address, uuid.uuid4().hex
        self._owned = None
        try:
            if address == LOCAL:
                self._owned = LocalCluster(
                    n_workers=jobs, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=40
                )
            self.client = Client(self._owned or address, timeout=_ANSWER, set_as_default=False)
        except BaseException as error:
            if self._owned is not None:
                self._owned.close(timeout=_ANSWER)
            if not isinstance(error, OSError | RuntimeError | ValueError):
                raise
            raise WorkersBroken(
                f"no workers could be started here ({error}): a script that asks for them begins its work under "
                '`if __name__ == "__main__":`, because each worker process imports it'
                if address == LOCAL
                else f"no scheduler answers at {address!r} ({error}): start one with `dask scheduler`, "
                "or give --cluster local"
            ) from error
        self._admitted: dict[str, int] = {}
        self._refused: dict[str, str] = {}

    @property
    def slots(self) -> int:
        return sum(self.workers().values())

    def workers(self) -> dict[str, int]:
        """The addresses of the workers that there are now, with their threads. Raises WorkersBroken."""
        try:
            return dict(self.client.nthreads())
        except (OSError, TimeoutError, RuntimeError, AttributeError) as error:
            raise WorkersBroken(
                f"the scheduler at {self.address!r} is gone ({error}): start it and its workers, and run again"
            ) from error

    def admit(self, jobs: Sequence[Job]) -> None:
        """Asks every worker what it would compute the jobs with. Raises WorkersDiffer naming workers and differences.

        Waits for a first worker. One that joins later is asked too, and if it differs it is left out with a warning.
        """
        modules = tuple(sorted({module for job in jobs for module in job.modules}))
        data = tuple(sorted({name for job in jobs for name in job.data}))
        self._asked = modules, data
        self._mine = description(modules, data)
        deadline = time.monotonic() + _PATIENCE
        while not self.workers():
            if time.monotonic() > deadline:
                raise WorkersBroken(f"{self.address}: no worker; start some with `dask worker {self.address}`")
            time.sleep(_LOOK)
        asked = {address: self._ask(address) for address in self.workers()}
        for address, future in asked.items():
            self._answered(address, future)
        if self._refused:
            raise WorkersDiffer(
                "; ".join(self._refused.values()) + ": install the same on all by `pip install -c constraints.txt "
                "-e '.[all]'` in a checkout of one commit (docs/reports.md, On a cluster), or leave them out"
            )

    def admitted(self) -> dict[str, int]:
        """The workers that may be given jobs and are there, with their threads; those that are new are asked."""
        there = self.workers()
        self._asking = {address: future for address, future in getattr(self, "_asking", {}).items() if address in there}
        for address in there.keys() - self._admitted.keys() - self._refused.keys() - self._asking.keys():
            self._asking[address] = self._ask(address)
        for address, future in list(self._asking.items()):
            if future.done():
                del self._asking[address]
                self._answered(address, future)
                if address in self._refused:
                    warnings.warn(f"left out: {self._refused[address]}", stacklevel=2)
        return {address: threads for address, threads in there.items() if address in self._admitted}

    def close(self) -> None:
        with suppress(Exception):  # a scheduler that is gone has nothing to be told
            self.client.run(cluster_worker.leave, self.run)
        self.client.close(timeout=_ANSWER)
        if self._owned is not None:
            self._owned.close(timeout=_ANSWER)

    def _ask(self, address: str) -> Any:
        return self.client.submit(
            cluster_worker.describe,
            *self._asked,
            key=f"describe-{uuid.uuid4().hex}",
            workers=[address],
            allow_other_workers=False,
            pure=False,
        )

    def _answered(self, address: str, future: Any) -> None:
        try:
            theirs = future.result(timeout=2 * _PATIENCE)
        except Exception as error:
            if address in self.workers():
                self._refused[address] = f"worker {address} cannot say what it would run ({error})"
            return
        if told := differences(self._mine, theirs):
            self._refused[address] = f"worker {address} differs in {told}"
        else:
            self._admitted[address] = self.workers().get(address, 1)


def differences(mine: dict[str, str], theirs: dict[str, str], most: int = 6) -> str:
    """What two descriptions disagree on, by name, in words; "" where they agree."""

    def shown(version: str | None) -> str:
        return "absent" if version is None else version[:12]

    names = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
    told = [f"{name} ({shown(theirs.get(name))} there, {shown(mine.get(name))} here)" for name in names[:most]]
    return ", ".join(told) + (f" and {len(names) - most} more" if len(names) > most else "")


class ClusterPlace:
    """A place (`reports.lane.Place`): each job is given to one worker that has a slot of `threads` threads free.

    So it is known which jobs go with a worker that is lost, and that none waits where another could begin.
    """

    def __init__(self, cluster: Cluster, threads: int):
        self._cluster, self._threads = cluster, threads
        self._busy: dict[str, tuple[Job, str, Any, float]] = {}
        self._ended: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._workers = cluster.admitted()
        self._looked = self._served = time.monotonic()

    def room(self) -> bool:
        return self._free() is not None

    def begin(self, job: Job) -> None:
        address = self._free()
        assert address is not None
        future = self._cluster.client.submit(
            cluster_worker.perform,
            job,
            self._cluster.run,
            self._threads,
            key=f"{job.key}-{uuid.uuid4().hex}",
            workers=[address],
            allow_other_workers=False,
            pure=False,
            retries=0,
        )
        self._busy[job.key] = job, address, future, time.monotonic()
        future.add_done_callback(partial(self._announce, job.key))

    def ended(self, seconds: float) -> tuple[Job, Outcome] | None:
        if (lost := self._look()) is not None:
            return lost
        try:
            key, future = self._ended.get(timeout=seconds)
        except queue.Empty:
            return None
        if key not in self._busy or self._busy[key][2] is not future:
            return None  # of a worker that had been given up
        job, address, _, _ = self._busy.pop(key)
        try:
            return job, future.result(timeout=_ANSWER)
        except Exception as error:
            if address not in self._cluster.workers():
                return job, _lost(address)
            return job, stopped(Status.FAILED, f"on worker {address}: {type(error).__name__}: {error}")

    def running(self) -> list[Job]:
        return [job for job, *_ in self._busy.values()]

    def close(self) -> None:
        for _, _, future, _ in self._busy.values():
            with suppress(Exception):
                future.cancel(force=True)
        self._busy.clear()

    def _announce(self, key: str, future: Any) -> None:
        self._ended.put((key, future))

    def _free(self) -> str | None:
        """The admitted worker with the most free slots."""
        busy = Counter(address for _, address, _, _ in self._busy.values())
        free = {a: max(1, threads // self._threads) - busy[a] for a, threads in self._workers.items()}
        best = max(free, key=lambda address: free[address], default=None)
        return best if best is not None and free[best] > 0 else None

    def _look(self) -> tuple[Job, Outcome] | None:
        """A job whose worker is gone, if there is one. Raises WorkersBroken when nobody has come for a while."""
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked, self._workers = now, self._cluster.admitted()
        if self._workers:
            self._served = now
        elif now - self._served > _PATIENCE:
            raise WorkersBroken(
                f"{self._cluster.address}: no worker is left and none came for {_PATIENCE:g} s; "
                "start some and run again"
            )
        for key, (job, address, future, begun) in self._busy.items():
            if address not in self._workers and not future.done():
                del self._busy[key]
                future.cancel(force=True)
                return job, _lost(address)
            if now - begun > limit_of(job) + _PATIENCE:  # it holds its limits itself: it is stopped, or cut off
                del self._busy[key]
                future.cancel(force=True)
                return job, stopped(Status.TIMEOUT, f"worker {address} was silent for {now - begun:.0f} s", now - begun)
        return None


def _lost(address: str) -> Outcome:
    return stopped(Status.DIED, f"its worker {address} was lost", lost=True)
