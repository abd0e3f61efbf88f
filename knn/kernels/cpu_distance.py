"""What a distance is, and the ranking of points by it."""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_heap import offer
from knn.kernels.jit import jit
from knn.kernels.lanes import lane_sum

#: Coordinates between two looks at the bound: long enough for the vectors, short enough to save reading.
CHUNK = 64


@jit
def definition_sum(q, x):
    """‖q − x‖² by the definition: differences, float64, chunks of 64 coordinates in order, sixteen lanes in each.

    What is left of the last chunk after its sixteens is added one by one. q float64 (d,), x float (d,).
    """
    return sum_within(q, x, np.inf)


@jit
def sum_within(q, x, bound):
    """The same, or ∞ as soon as the distance is sure to exceed `bound`.

    Rounded sums of squares never fall, and the rounded root is monotone, so an early end is no approximation. The
    limit is a few units above bound²: enough that no sum beyond it has a root that rounds to the bound.
    """
    d = q.shape[0]
    limit = bound * bound * (1.0 + 2.0**-50)
    total = 0.0
    for start in range(0, d, CHUNK):
        stop = min(start + CHUNK, d)
        whole = stop - (stop - start) % 16
        if whole > start:
            total += lane_sum(q, x, start, whole)
        for i in range(whole, stop):
            gap = q[i] - np.float64(x[i])
            total += gap * gap
        if total > limit:
            return np.inf
    return total


@jit
def rank(X, slots, q, best, best_slots):
    """Offers the points in `slots` to the heap of one query, ranked by (distance, slot). X (n, d), q float64 (d,)."""
    for slot in slots:
        total = sum_within(q, X[slot], best[0])
        if total < np.inf:
            offer(best, best_slots, math.sqrt(total), slot)


@jit
def scan(X, alive, Q, best, best_slots):
    """Offers every living point to the heap of every query: exact search with nothing but the definition.

    X (n, d), alive bool (n,), Q float64 (q, d), heaps (q, k). Rows are read once for all queries.
    """
    for slot in range(X.shape[0]):
        if alive[slot]:
            x = X[slot]
            for row in range(Q.shape[0]):
                total = sum_within(Q[row], x, best[row, 0])
                if total < np.inf:
                    offer(best[row], best_slots[row], math.sqrt(total), slot)
