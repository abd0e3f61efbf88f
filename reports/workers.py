"""What runs inside a worker process: one cell at a time, within its memory, on its share of the machine."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any

from knn.registry import EXTRAS
from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.record import WHOLE_CELL, Status, dump

#: Every variable from which a numerical library takes its number of threads when it is loaded.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)

#: The exit code of a worker that passed its cell's memory limit; Python itself uses 1 and 2.
MEMORY_EXIT = 77

#: Seconds between two looks at the memory: 1 GB/s of growth passes a limit by 50 MB.
_WATCH = 0.05


#: glibc's names for `mallopt`, the most bytes at the top of the heap that it keeps, and from what size on an array is
#: mapped by itself, which may be no more than this.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _LARGEST_ON_HEAP = -1, -3, 32 * 2**20


class WorkersBroken(RuntimeError):
    """No worker can be had, or none that may be used; the message says why, and what to do."""


@dataclass(frozen=True)
class Job:
    """A cell as it is sent to a worker: with its experiment, its key, and what its key was made from."""

    experiment: str
    module: str
    size: str
    key: str
    cell: Cell
    data: dict[str, str]
    code: str
    timing: bool
    memory: int

    @property
    def modules(self) -> tuple[str, ...]:
        """The modules whose source closure is the job's `code`."""
        return (self.module, *self.cell.modules)

    def __str__(self) -> str:
        return f"{self.experiment}({', '.join(f'{k}={v}' for k, v in self.cell.params.items())})"


class _Watch:
    """The memory limit in force, read by the watching thread."""

    limit: int | None = None


def start(threads: int, pinned: bool) -> None:
    """Prepares a fresh worker: its threads, its processor, its allocator, and the watch over its memory."""
    if not pinned:  # what is timed, or its memory measured, has the allocator that users have
        _keep_freed_pages()
    for variable in THREAD_VARIABLES:
        os.environ[variable] = str(threads)
    if "numpy" in sys.modules:  # loaded before the variables were set
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
    if pinned and hasattr(os, "sched_setaffinity"):
        # The last ones: interrupts and the coordinator prefer the first.
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])
    threading.Thread(target=_watch_memory, name="memory watch", daemon=True).start()


def _of_glibc(name: str) -> Any:
    """A function of the C library, None where it has none of that name."""
    return getattr(ctypes.CDLL(None), name, None) if os.name == "posix" else None


def _give_back() -> None:
    """What the cell before has freed goes back to the system: it is none of the next one's memory."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _keep_freed_pages() -> None:
    """Lets glibc keep what is freed; elsewhere nothing is changed.

    A step of training takes and frees the same megabytes, and each page that went back is zeroed and mapped by a fault.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGEST_ON_HEAP)
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)


def perform(job: Job) -> str:
    """Measures one cell; `dump` of its status, detail, seconds and measurements. Raises nothing that a cell raises."""
    started = time.perf_counter()
    try:
        _give_back()
        experiment = _prepare(job)
        _Watch.limit = job.memory
        started = time.perf_counter()
        measured = list(experiment.measure(job.cell))
        seconds = time.perf_counter() - started
        if not measured:
            raise ValueError("measure() gave nothing; a cell without a result must say why in a measurement's status")
        return _written(measured, seconds)
    except BaseException as error:  # sys.exit() too
        return _written([_failure(error)], time.perf_counter() - started)
    finally:
        _Watch.limit = None


def _written(measured: list[Measurement], seconds: float) -> str:
    for given in measured:
        if not isinstance(given, Measurement):
            raise TypeError(f"measure() gave a {type(given).__name__}; it must give Measurements")
    return dump({"seconds": seconds, "measurements": [vars(m) for m in measured]})


def _prepare(job: Job) -> Experiment:
    """The experiment's object, once sources and data are known to be those of the job's key."""
    from reports.provenance import code_key

    importlib.import_module(job.module)
    if code_key(job.modules) != job.code:
        raise RuntimeError("the sources changed while the run was under way; run again")
    if job.data:
        from reports.datasets.source import datasets

        for name, checksum in job.data.items():
            if datasets[name].checksum != checksum:
                raise RuntimeError(f"data set {name!r} changed while the run was under way; run again")
    return experiments[job.experiment]()


def _failure(error: BaseException) -> Measurement:
    status = Status.FAILED
    if isinstance(error, MemoryError):
        status = Status.MEMORY
    elif isinstance(error, ImportError) and error.name in EXTRAS:
        status = Status.SKIPPED
    told = {"traceback": "".join(traceback.format_exception(error)[-12:])}
    detail = "".join(traceback.format_exception_only(error)).strip()
    return Measurement(WHOLE_CELL, None, status=status, detail=detail, payload=told)


def _watch_memory() -> None:
    import psutil

    me = psutil.Process()
    while True:
        time.sleep(_WATCH)
        limit = _Watch.limit
        if limit is not None and me.memory_info().rss > limit:
            os._exit(MEMORY_EXIT)
