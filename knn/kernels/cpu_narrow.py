"""Every point measured by the definition, many at a time: what is quickest where rows are narrow."""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_heap import offer
from knn.kernels.jit import jit

#: Rows narrower than this have a plain sum for a definition, which vectors can hold for many points at once.
NARROW = 16
#: Points to a tile, which stays in the first-level cache, and points that one comparison turns away together.
TILE, GROUP = 256, 32


@jit
def scan_narrow(X, alive, Q, best, best_slots):
    """Offers every living point to the heap of every query: `scan` for d < 16, a tile of points at a time.

    X (n, d), alive bool (n,), Q float64 (q, d), heaps (q, k).
    """
    n, d = X.shape
    columns, fixed, totals = np.empty((d, TILE)), np.empty(TILE), np.empty(TILE)
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        fixed[:] = np.inf
        for i in range(start, stop):
            if alive[i]:
                fixed[i - start] = 0.0
        for i in range(start, stop):
            for c in range(d):
                columns[c, i - start] = X[i, c]
        for row in range(Q.shape[0]):
            sums_of_squares(columns, fixed, Q[row], totals)
            _offer_all(totals, start, best[row], best_slots[row])


@jit
def sums_of_squares(columns, fixed, q, totals):
    """totals[i] = fixed[i] + Σ_c (q_c − columns[c, i])², in the order of the definition. columns float64 (d, n)."""
    n = totals.shape[0]
    totals[:] = fixed
    for c in range(q.shape[0]):
        column, value = columns[c], q[c]
        for i in range(n):
            gap = value - column[i]
            totals[i] += gap * gap


@jit
def _offer_all(totals, start, distances, found):
    """Offers the points of a tile, of which the first is slot `start`; a total of ∞ is no point."""
    limit = limit_of(distances[0])
    for first in range(0, totals.shape[0], GROUP):
        below = 0
        for i in range(first, first + GROUP):
            below += totals[i] <= limit
        if below == 0:
            continue
        for i in range(first, first + GROUP):
            if totals[i] <= limit and totals[i] < np.inf:
                offer(distances, found, math.sqrt(totals[i]), start + i)
                limit = limit_of(distances[0])


@jit
def limit_of(distance):
    """A sum of squares that no sum exceeds whose root rounds to `distance` or less: a few units above its square."""
    return distance * distance * (1.0 + 2.0**-50)
