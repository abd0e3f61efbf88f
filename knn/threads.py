"""Threads over blocks of queries, and the locks that keep an index whole meanwhile."""

from __future__ import annotations

import functools
import numbers
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
from joblib import effective_n_jobs
from threadpoolctl import ThreadpoolController

T = TypeVar("T")


def over_blocks(serve: Callable[[slice], T], n_queries: int, block: int, n_jobs: int | None) -> list[T]:
    """`serve` of each block of at most `block` queries, in order, on `n_jobs` threads (joblib's meaning of −1, None).

    The blocks do not depend on the number of threads, and BLAS keeps to one thread in each, so nor does the answer.
    """
    if n_queries <= block:
        return [serve(slice(0, n_queries))]
    blocks = [slice(start, min(start + block, n_queries)) for start in range(0, n_queries, block)]
    workers = min(effective_n_jobs(n_jobs), len(blocks))
    if workers <= 1:
        return [serve(part) for part in blocks]
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(serve, blocks))


class _OneBlasThread:
    """Holds BLAS to one thread while anybody is inside, and restores what it was when the last one leaves."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._inside = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._gate:
            if self._inside == 0:
                self._limit = _controller().limit(limits=1, user_api="blas")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._gate:
            self._inside -= 1
            if self._inside == 0:
                self._limit.restore_original_limits()


one_blas_thread = _OneBlasThread()


@functools.lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


class _Searching:
    """`with lock.searching():`; a generator would cost a tenth of a search for one query."""

    __slots__ = ("_lock",)

    def __init__(self, lock: ChangeLock):
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.enter()

    def __exit__(self, *_: object) -> None:
        self._lock.leave()


class ChangeLock:
    """Many searches at a time, or one change alone. A change waits for the searches under way, new searches for it."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._searches = 0
        self._changing = False

    def searching(self) -> _Searching:
        return _Searching(self)

    def enter(self) -> None:
        """A search begins."""
        with self._free:
            while self._changing:
                self._free.wait()
            self._searches += 1

    def leave(self) -> None:
        """A search has ended."""
        with self._free:
            self._searches -= 1
            if self._searches == 0:
                self._free.notify_all()

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._free:
            self._free.wait_for(lambda: not self._changing)
            self._changing = True
            self._free.wait_for(lambda: self._searches == 0)
        try:
            yield
        finally:
            with self._free:
                self._changing = False
                self._free.notify_all()


def checked_jobs(value: Any) -> None:
    """Raises TypeError or ValueError unless `n_jobs` is a whole number that leaves somebody to work, or None."""
    if value is not None and (isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral)):
        raise TypeError(f"n_jobs must be a whole number of threads, −1 for all, or None for one, not {value!r}")
    if value == 0:
        raise ValueError("n_jobs=0 leaves nobody to work: use a number of threads, −1 for all, or None for one")
