"""Sums of a kernel over all pairs of points: blocks handed to threads, added in a fixed order."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

import joblib
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
T = TypeVar("T")
#: Called with the number of pairs that were just done.
Tick = Callable[[int], None]

#: Columns to a task are a multiple of the kernels' block of 64, whatever the number of threads: so the order of
#: addition, and every bit, is the same on one as on twenty. At most 48 tasks make up a sum, and a task has 8 blocks
#: or more, since each has sums over all rows to clear and to add.
_BLOCK, _TASKS, _LEAST_BLOCKS = 64, 48, 8


class Profile(NamedTuple):
    """A kernel of the distance: `kind`, a number of `kernels.profiles`, and its scale."""

    kind: int
    scale: float


class PairSums(NamedTuple):
    """`total` = Σᵢⱼ wᵢvⱼ k(xᵢ, yⱼ), to twice a float's digits; `rows` (n,) = Σⱼ vⱼ k; `columns` (m,) = Σᵢ wᵢ k."""

    total: Fraction
    rows: Array
    columns: Array


def cross_sums(
    x: Array, w: Array, y: Array, v: Array, profile: Profile, n_jobs: int | None = None, tick: Tick | None = None
) -> PairSums:
    """The sums of k(xᵢ, yⱼ) over all i and j, in memory O(n + m).

    x (n, d) with weights w (n,), y (m, d) with weights v (m,); `n_jobs` threads, None for 1, −1 for all; `tick` is
    told of each task done. What it raises, like an interrupt, ends the sum once the tasks that run have ended.
    """
    from estimators.kernels.cpu_pairwise import strip_sums
    from estimators.kernels.vectors import LANES

    def task(span: tuple[int, int]) -> tuple[tuple[int, int], Array, Array]:
        columns, rows = np.zeros((2, span[1] - span[0])), np.zeros((len(x), LANES))
        strip_sums(x, w, y, v, span, tuple(profile), columns, rows)
        return span, columns, rows.sum(axis=1)  # what waits to be added is an eighth as large

    columns, rows = np.zeros((2, len(y))), np.zeros(len(x))
    for (first, last), part, part_rows in _in_order(task, _spans(len(y)), n_jobs):
        columns[:, first:last] = part
        rows += part_rows
        if tick is not None:
            tick(len(x) * (last - first))
    return PairSums(_exact_sum(columns * v), rows, columns.sum(axis=0))


def self_sums(x: Array, w: Array, profile: Profile, n_jobs: int | None = None, tick: Tick | None = None) -> PairSums:
    """The sums of k(xᵢ, xⱼ) over all i and j, i = j too, each pair computed once; arguments as `cross_sums`."""
    from estimators.kernels.cpu_pairwise import triangle_sums
    from estimators.kernels.vectors import LANES

    def task(span: tuple[int, int]) -> tuple[tuple[int, int], Array, Array, Array]:
        above, within = np.zeros((2, 2, span[1] - span[0]))
        rows = np.zeros((span[1], LANES))
        triangle_sums(x, w, span, tuple(profile), above, within, rows)
        return span, above, within, rows.sum(axis=1)

    above, within = np.zeros((2, 2, len(x)))
    rows = np.zeros(len(x))
    # The last columns have the most rows before them: first, so that no thread is left with them alone.
    for (first, last), *parts, part_rows in _in_order(task, _spans(len(x))[::-1], n_jobs):
        above[:, first:last], within[:, first:last] = parts
        rows[:last] += part_rows
        if tick is not None:
            tick((last - first) * (first + last + 1) // 2)
    sums = above.sum(axis=0) + within.sum(axis=0) + rows
    return PairSums(_exact_sum(np.concatenate([2 * above, within]) * w), sums, sums)


def _exact_sum(terms: Array) -> Fraction:
    """The sum of the terms to twice the digits of a float."""
    values = terms.ravel().tolist()
    total = math.fsum(values)
    return Fraction(total) + Fraction(math.fsum([*values, -total]))


def _spans(n: int) -> list[tuple[int, int]]:
    width = _BLOCK * max(_LEAST_BLOCKS, -(-n // (_BLOCK * _TASKS)))
    return [(first, min(first + width, n)) for first in range(0, n, width)]


def _in_order(task: Callable[[Any], T], items: Iterable[Any], n_jobs: int | None) -> Iterator[T]:
    """`map(task, items)` on threads, with at most two results a thread waiting, so that memory stays bounded."""
    threads = joblib.effective_n_jobs(n_jobs)
    if threads == 1:
        yield from map(task, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque = deque()
        try:
            for item in items:
                waiting.append(pool.submit(task, item))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # of an interrupt: what has not begun never does
            pool.shutdown(wait=True, cancel_futures=True)
