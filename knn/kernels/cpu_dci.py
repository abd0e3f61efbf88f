"""DCI (Li & Malik 2016, algorithm 2): the points that all lists of a composite index have visited after so many steps.

After i steps a list has visited the i entries nearest to the query, those within some radius; entries that tie with
the last are taken too. So the candidates are the points that lie within every list's radius.
"""

from __future__ import annotations

from knn.kernels.cpu_projections import distance_of_visit, first_inside, first_right_of
from knn.kernels.jit import jit


@jit
def radii_of_visits(keys, order, bounds, dead, q, visits, radii):
    """radii[j] = the `visits`-th least |keys[j, i] − q[j]| over the living i: how far list j has been visited.

    keys, order (m, ≥ n), bounds (r + 1,) the runs' ends, dead (t,), q and radii (m,); 1 ≤ visits ≤ number of living.
    """
    for j in range(q.shape[0]):
        radii[j] = distance_of_visit(keys[j : j + 1], order[j : j + 1], bounds, dead, q[j : j + 1], visits)


@jit
def inside(keys, order, bounds, alive, q, radii, out):
    """Writes to `out` the living slots that lie within the radius of every list; returns how many.

    The first list is walked within its radius, and a point is looked up in the others until one has not visited it.
    """
    count = 0
    for run in range(bounds.shape[0] - 1):
        first = first_inside(keys[0], order[0], bounds[run], bounds[run + 1], q[0], radii[0])
        last = first_right_of(keys[0], order[0], bounds[run], bounds[run + 1], q[0], radii[0])
        for place in range(first, last):
            slot = order[0, place]
            if alive[slot] and _within_all(keys, slot, q, radii):
                out[count] = slot
                count += 1
    return count


@jit
def _within_all(keys, slot, q, radii):
    for j in range(1, q.shape[0]):  # noqa: SIM110 (Numba compiles a loop where it would not a generator)
        if abs(keys[j, slot] - q[j]) > radii[j]:
            return False
    return True
