"""What benchmarks/gpu.py measures of the k-d tree: beside our own exact search there, and beside the CPU's tree."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.gpu import Figure, milliseconds, row
from benchmarks.gpu_rows import SETS, held, normal

N, K, QUERIES = 1_000_000, 10, 100_000
#: Queries for each number of coordinates, which are independent; and for which of them the CPU's tree is asked too.
#: In sixteen dimensions it looks at a sixth of all points, and 100k queries would take sixteen cores five minutes.
WIDTHS, BESIDE = {3: QUERIES, 8: QUERIES, 16: 10_000}, (3, 8)
BESIDE_EXACT, BESIDE_HOST = "beside our exact search", "NumPy to NumPy, beside the CPU's tree on all cores"
#: Threads of a block, and the most neighbours that these hold in shared memory.
SHAPES = ((32, 16), (64, 16), (64, 8), (96, 8))
SHAPE = "k-d tree, 1M × 3, k = 8, blocks of {} threads, {} neighbours in shared memory"


def what(d: int, beside: str) -> str:
    return f"k-d tree, 1M × {d}, {WIDTHS[d] // 1000}k queries, k = 10, {beside}"


@row("tree", *(what(d, by) for d in WIDTHS for by in (BESIDE_EXACT, BESIDE_HOST) if by == BESIDE_EXACT or d in BESIDE))
def tree() -> Iterator[Figure]:
    """Held to the CPU's definition first. Beside the CPU: milliseconds of a clock."""
    from knn import KDTree
    from knn.device_rows import DeviceRows

    for d, queries in WIDTHS.items():
        X, sets = normal(N, d, queries)
        there, rows = KDTree(device="cuda").fit(X), DeviceRows(X)
        found = there.search(sets[0], K)
        held(X, sets[0], K, found.distances, found.indices)
        looked = float(found.evaluations.double().mean())

        def walked(turn: int, there: Any = there, sets: Any = sets) -> Any:
            return there.search(sets[turn % SETS], K)

        def exact(turn: int, rows: Any = rows, sets: Any = sets) -> Any:
            return rows.nearest(sets[turn % SETS], K)

        taken = milliseconds([walked, exact], 7)
        yield Figure(what(d, BESIDE_EXACT), taken[:, 0], taken[:, 1], value=looked, unit="distances a query")
        if d in BESIDE:
            here = KDTree(n_jobs=os.cpu_count()).fit(X.cpu().numpy())
            taken = beside_clock(there, here, [part.cpu().numpy() for part in sets])
            yield Figure(what(d, BESIDE_HOST), taken[:, 0], taken[:, 1])


def beside_clock(there: Any, here: Any, sets: list[np.ndarray], turns: int = 5) -> np.ndarray:
    """Milliseconds of a clock (turns, 2), in turns, after one that warms up."""
    taken = np.empty((turns + 1, 2))
    for turn in range(turns + 1):
        for which, index in enumerate((there, here)):
            started = time.perf_counter()
            index.search(sets[turn % SETS], K)
            taken[turn, which] = 1e3 * (time.perf_counter() - started)
    return taken[1:]


@row("tree-shapes", *(SHAPE.format(threads, room) for threads, room in SHAPES))
def shapes() -> Iterator[Figure]:
    """What other blocks would take: the whole search, with the constants of knn/device_tree.py changed."""
    from knn import KDTree, device_tree

    X, sets = normal(N, 3, QUERIES)
    before = device_tree.WALKERS, device_tree.ROOM
    try:
        for threads, room in SHAPES:
            device_tree.WALKERS, device_tree.ROOM = threads, room
            index = KDTree(device="cuda").fit(X)
            found = index.search(sets[0], 8)
            held(X, sets[0], 8, found.distances, found.indices)
            taken = milliseconds([lambda turn, index=index: index.search(sets[turn % SETS], 8)], 7)[:, 0]
            yield Figure(SHAPE.format(threads, room), taken)
    finally:
        device_tree.WALKERS, device_tree.ROOM = before
