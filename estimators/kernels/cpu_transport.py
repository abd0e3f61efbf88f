"""Potentials that prove an assignment optimal, and costs of couplings, in compiled loops."""

from __future__ import annotations

import numpy as np

from knn.kernels.jit import jit


@jit
def settled_potentials(cost, taker, hair, u):
    """Lowers u until uᵢ − u_k ≤ cost[j, i] − cost[j, k] for k = taker[j], all i and j; True if that was reached.

    cost (n, n) has a row for each target j, taker[j] is the source that j is assigned to, and u (n,) belongs to the
    sources. These are the shortest paths of Bellman and Ford, which exist iff the assignment is optimal; a source
    whose potential stayed is not looked at again. Steps below `hair` are rounding and are not taken; n rounds suffice.
    """
    n = len(u)
    waiting = np.ones(n, np.bool_)
    for _ in range(n + 1):
        moved = False
        for j in range(n):
            k = taker[j]
            if not waiting[k]:
                continue
            waiting[k] = False
            base, row = u[k] - cost[j, k], cost[j]
            for i in range(n):
                if base + row[i] < u[i] - hair:
                    u[i] = base + row[i]
                    waiting[i] = True
                    moved = True
        if not moved:
            return True
    return False


@jit
def coupling_cost(x, F, y, G, power):
    """(Σ π ‖xᵢ − yⱼ‖ᵖ / Dᵖ, D) for the monotone coupling π of the rows in the order given, D its largest ‖xᵢ − yⱼ‖.

    x (n, d), y (m, d); F (n,) and G (m,) the running sums of their weights. Positive terms, so that each rounding is
    relative; levels that differ by rounding alone move at most that much mass.
    """
    largest, total = 0.0, 0.0
    for sweep in range(2):
        i, j, here = 0, 0, 0.0
        while i < len(x) and j < len(y):
            there = min(F[i], G[j])
            if there > here:
                length = 0.0
                for k in range(x.shape[1]):
                    length += (x[i, k] - y[j, k]) ** 2
                length = np.sqrt(length)
                if sweep == 0:
                    largest = max(largest, length)
                elif largest > 0:
                    total += (there - here) * (length / largest) ** power
                here = there
            done = F[i] <= there
            if G[j] <= there:
                j += 1
            if done:
                i += 1
    return total, largest
