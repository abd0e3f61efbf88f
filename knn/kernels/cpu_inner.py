"""What an inner product is, and the ranking of points by it."""

from __future__ import annotations

import numpy as np

from knn.kernels.cpu_heap import offer
from knn.kernels.jit import jit


@jit
def inner_sum(q, x):
    """⟨q, x⟩ by the definition: float64, coordinates in order. q float64 (d,); of x (≥ d,) the first d count."""
    total = 0.0
    for i in range(q.shape[0]):
        total += q[i] * np.float64(x[i])
    return total


@jit
def rank_inner(X, slots, Q, best, best_slots):
    """Offers to each query's heap the points in its row of `slots` (q, m), −1 for none, ranked by (−⟨q, x⟩, slot)."""
    for row in range(Q.shape[0]):
        for slot in slots[row]:
            if slot >= 0:
                offer(best[row], best_slots[row], 0.0 - inner_sum(Q[row], X[slot]), slot)


@jit
def scan_inner(X, alive, Q, best, best_slots):
    """Offers every living point to the heap of every query: X (n, ≥ d), alive bool (n,), Q float64 (q, d)."""
    for slot in range(X.shape[0]):
        if alive[slot]:
            for row in range(Q.shape[0]):
                offer(best[row], best_slots[row], 0.0 - inner_sum(Q[row], X[slot]), slot)
