"""Every point measured by the definition, many at a time: what is quickest where rows are narrow."""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.blocks import TOGETHER, lowest, near_in_block
from knn.kernels.cpu_heap import SHORT
from knn.kernels.jit import jit
from knn.kernels.short import closed, opened, put

#: Rows narrower than this have a plain sum for a definition, which vectors can hold for many points at once.
NARROW = 16
#: Blocks to a tile, which stays in the first-level cache.
TILE = 16


@jit
def scan_narrow(X, alive, Q, best, best_slots):
    """Offers every living point to the heap of every query: `scan` for d < 16, a tile of points at a time.

    X (n, d), alive bool (n,), Q float64 (q, d), heaps (q, k).
    """
    n, d = X.shape
    lanes, lane_slots = np.empty(SHORT), np.empty(SHORT, np.int64)
    blocks, totals = np.empty((TILE, d, TOGETHER)), np.empty(TOGETHER)
    for start in range(0, n, TILE * TOGETHER):
        count = -(-min(TILE * TOGETHER, n - start) // TOGETHER)
        for i in range(count * TOGETHER):
            block, lane = divmod(i, TOGETHER)
            here = start + i < n and alive[start + i]
            for c in range(d):
                blocks[block, c, lane] = X[start + i, c] if here else np.inf
        for row in range(Q.shape[0]):
            q = Q[row]
            distances, found = opened(best, best_slots, row, lanes, lane_slots)
            limit = limit_of(distances[0])
            for block in range(count):
                mask = near_in_block(blocks, block, q, limit, totals)
                while mask:
                    i = lowest(mask)
                    mask &= mask - 1
                    if totals[i] <= limit and totals[i] < np.inf:
                        put(distances, found, math.sqrt(totals[i]), start + block * TOGETHER + i)
                        limit = limit_of(distances[0])
            closed(best, best_slots, row, lanes, lane_slots)


@jit
def limit_of(distance):
    """A sum of squares that no sum exceeds whose root rounds to `distance` or less: a few units above its square."""
    return distance * distance * (1.0 + 2.0**-50)
