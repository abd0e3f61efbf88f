"""Projections of points on directions: made, kept in sorted runs, and compared with a query's."""

from __future__ import annotations

import numpy as np

from knn.kernels.assign import assign
from knn.kernels.jit import jit

#: Points whose gaps are found together: their largest gaps stay in the first-level cache while directions pass by.
BLOCK = 2048


@jit
def project(X, directions, out):
    """out[j, i] = ⟨uⱼ, xᵢ⟩: float64, coordinates in order, rounded once to the type of `out`.

    X (n, d), directions float64 (d, m), out (m, n). A row's result does not depend on the rows around it, so a point
    that was inserted has the projections that a fresh build gives it.
    """
    m = directions.shape[1]
    sums = np.empty(m)
    for i in range(X.shape[0]):
        x = X[i]
        sums[:] = 0.0
        for c in range(X.shape[1]):
            value = np.float64(x[c])
            direction = directions[c]
            for j in range(m):
                sums[j] += value * direction[j]
        for j in range(m):
            out[j, i] = sums[j]


@jit
def largest_gaps(projections, q, penalty, out):
    """out[i] = max_j |projections[j, i] − q[j]| + penalty[i], where the penalty is 0 for the living and ∞ for the dead.

    projections (m, ≥ n), q (m,), penalty and out (n,), all of one type. Four rows a pass over blocks of 2048 points;
    the rows are C-contiguous and handed on one by one, or LLVM would gather where it can load (five times slower).
    """
    m, n = projections.shape[0], out.shape[0]
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        gaps = out[start:stop]
        assign(gaps, penalty[start:stop])
        whole = m - m % 4
        for j in range(0, whole, 4):
            a, b = projections[j, start:stop], projections[j + 1, start:stop]
            c, d = projections[j + 2, start:stop], projections[j + 3, start:stop]
            _raise_by_four(a, b, c, d, q[j : j + 4], gaps)
        for j in range(whole, m):
            _raise_by_one(projections[j, start:stop], q[j], gaps)


@jit
def gaps_of(projections, slots, q, out):
    """out[i] = max_j |projections[j, slots[i]] − q[j]|: what `largest_gaps` finds, of some points alone."""
    for i in range(slots.shape[0]):
        gap = abs(projections[0, slots[i]] - q[0])
        for j in range(1, q.shape[0]):
            gap = max(gap, abs(projections[j, slots[i]] - q[j]))
        out[i] = gap


@jit
def _raise_by_four(a, b, c, d, q, gaps):
    qa, qb, qc, qd = q[0], q[1], q[2], q[3]
    for i in range(gaps.shape[0]):
        gap_a = abs(a[i] - qa)
        gap_b = abs(b[i] - qb)
        gap_c = abs(c[i] - qc)
        gap_d = abs(d[i] - qd)
        low = gap_a if gap_a > gap_b else gap_b
        high = gap_c if gap_c > gap_d else gap_d
        gap = low if low > high else high
        gaps[i] = gap if gap > gaps[i] else gaps[i]


@jit
def _raise_by_one(row, q, gaps):
    for i in range(gaps.shape[0]):
        gap = abs(row[i] - q)
        gaps[i] = gap if gap > gaps[i] else gaps[i]


@jit
def merge_runs(keys, order, start, middle, stop):
    """Merges two neighbouring sorted runs order[:, start:middle] and order[:, middle:stop] in place, row by row.

    keys (m, ≥ n) are the projections, order (m, ≥ n) int32 the slots sorted by (key, slot); every slot of the left run
    is smaller than every slot of the right, so that equal keys keep the left first. O(stop − start) a row.
    """
    left = np.empty(middle - start, order.dtype)
    for row in range(order.shape[0]):
        key = keys[row]
        line = order[row]
        assign(left, line[start:middle])
        a, b, place = 0, middle, start
        while a < left.shape[0]:
            if b < stop and key[line[b]] < key[left[a]]:
                line[place] = line[b]
                b += 1
            else:
                line[place] = left[a]
                a += 1
            place += 1


@jit
def visits_within(keys, order, bounds, dead, q, radius):
    """How many entries of a composite index lie within `radius` of the query: what its queue pops up to that distance.

    keys, order (m, ≥ n), bounds (r + 1,) the runs' ends, dead (t,) the slots that no longer count, q (m,) and radius of
    the keys' type. Two binary searches a run and direction: O(m r log n), and O(m t) for the dead.
    """
    visits = 0
    for j in range(keys.shape[0]):
        key = keys[j]
        line = order[j]
        for run in range(bounds.shape[0] - 1):
            start, stop = bounds[run], bounds[run + 1]
            visits += first_right_of(key, line, start, stop, q[j], radius)
            visits -= first_inside(key, line, start, stop, q[j], radius)
        for slot in dead:
            visits -= abs(key[slot] - q[j]) <= radius
    return visits


@jit
def distance_of_visit(keys, order, bounds, dead, q, visit):
    """The `visit`-th least |keys[j, i] − q[j]| over all lists: the least radius within which there are so many entries.

    Arguments as in `visits_within`. Bisection, until no float lies between a radius that has too few and one that has
    enough.
    """
    low = keys.dtype.type(0.0)
    if visits_within(keys, order, bounds, dead, q, low) >= visit:
        return low
    high = keys.dtype.type(0.0)
    for j in range(keys.shape[0]):
        for run in range(bounds.shape[0] - 1):
            high = max(high, abs(keys[j, order[j, bounds[run]]] - q[j]))
            high = max(high, abs(keys[j, order[j, bounds[run + 1] - 1]] - q[j]))
    while True:
        middle = low + (high - low) / keys.dtype.type(2.0)
        if middle <= low or middle >= high:
            return high
        if visits_within(keys, order, bounds, dead, q, middle) >= visit:
            high = middle
        else:
            low = middle


@jit
def first_inside(key, line, start, stop, q, radius):
    """The first place of a sorted run that is not left of the ball."""
    while start < stop:
        middle = (start + stop) // 2
        value = key[line[middle]]
        if value < q and q - value > radius:
            start = middle + 1
        else:
            stop = middle
    return start


@jit
def first_right_of(key, line, start, stop, q, radius):
    """The first place of a sorted run that is right of the ball."""
    while start < stop:
        middle = (start + stop) // 2
        value = key[line[middle]]
        if value > q and value - q > radius:
            stop = middle
        else:
            start = middle + 1
    return start
