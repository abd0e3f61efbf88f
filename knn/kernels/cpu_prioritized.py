"""Single-level Prioritized DCI (Li & Malik 2017, algorithm 2): which points become candidates, and their ranking.

A composite index pops the entry (j, x) of least |⟨uⱼ, x⟩ − ⟨uⱼ, q⟩| over its m sorted lists; x is a candidate once all
m lists have popped it. So candidates come in the order of max_j |⟨uⱼ, x − q⟩|, and one scan with a threshold
(`complete`) finds those that the queue (`pop_complete`) finds. Entries and points that tie with the last one that a
budget allows are taken too, by both routes: so no answer depends on the order of the data.
"""

from __future__ import annotations

import heapq

import numpy as np

from knn.kernels.cpu_distance import rank
from knn.kernels.cpu_projections import distance_of_visit, visits_within
from knn.kernels.cpu_select import kth_smallest
from knn.kernels.jit import jit


@jit
def complete(keys, order, bounds, dead, q, gaps, budgets):
    """The reach of a composite index: the distance of the last entry popped before a budget ends, ∞ if none does.

    keys, order (m, ≥ n), bounds (r + 1,), dead (t,), q (m,); gaps (n,) as `largest_gaps` made them; budgets (2,) int64:
    entries visited, points completed. The candidates are the points whose gap is at most the reach.
    """
    living = gaps.shape[0] - dead.shape[0]
    reach = gaps.dtype.type(np.inf)
    if budgets[1] < living:
        reach = kth_smallest(gaps, budgets[1])
    if budgets[0] < living * keys.shape[0] and visits_within(keys, order, bounds, dead, q, reach) > budgets[0]:
        reach = distance_of_visit(keys, order, bounds, dead, q, budgets[0])
    return reach


@jit
def pop_complete(keys, order, bounds, alive, q, budgets, out):
    """The papers' algorithm itself: pops entries nearest first until a budget is spent, through ties.

    Returns (number of candidates, whose slots are in out[:that], in the order in which they completed; distance of the
    last entry popped, ∞ if all were). Arguments as in `complete`, alive bool (n,), out int64 (n,).
    """
    m, n = keys.shape[0], alive.shape[0]
    queue = [(np.inf, 0, 0, 0, 0)]
    for j in range(m):
        for run in range(bounds.shape[0] - 1):
            middle = bounds[run] + np.searchsorted(keys[j][order[j, bounds[run] : bounds[run + 1]]], q[j])
            _push(queue, keys, order, q, (j, run, middle, np.int64(1)), bounds)
            _push(queue, keys, order, q, (j, run, middle - 1, np.int64(-1)), bounds)
    visited = np.zeros(n, np.int64)
    visits, candidates, last = 0, 0, 0.0
    while len(queue) > 1:
        gap, j, run, place, step = heapq.heappop(queue)
        if (visits >= budgets[0] or candidates >= budgets[1]) and gap > last:
            return candidates, last
        _push(queue, keys, order, q, (j, run, place + step, step), bounds)
        slot = order[j, place]
        if not alive[slot]:
            continue
        last = gap
        visits += 1
        visited[slot] += 1
        if visited[slot] == m:
            out[candidates] = slot
            candidates += 1
    return candidates, np.inf


@jit
def _push(queue, keys, order, q, entry, bounds):
    """Enters the entry at a place of a run, if the run reaches so far."""
    j, run, place, step = entry
    if bounds[run] <= place < bounds[run + 1]:
        heapq.heappush(queue, (np.float64(abs(keys[j, order[j, place]] - q[j])), j, run, place, step))


@jit
def within(gaps, reaches, slots, bounds):
    """Gathers the points that some composite index completed, with the lower bounds of their distances.

    gaps (l, n), reaches (l,): a point is gathered if gaps[c, i] ≤ reaches[c] < ∞ or gaps[c, i] < ∞ = reaches[c], for
    some c. Writes slots[:count] and bounds[:count] = max_c gaps[c, i]; returns count.
    """
    count = 0
    for i in range(gaps.shape[1]):
        inside = False
        bound = gaps[0, i]
        for c in range(gaps.shape[0]):
            inside |= gaps[c, i] <= reaches[c]
            bound = max(bound, gaps[c, i])
        if inside and bound < np.inf:
            slots[count] = i
            bounds[count] = bound
            count += 1
    return count


@jit
def bounded(X, slots, bounds, q, margin, best, best_slots):
    """Ranks points in the order of their lower bounds until the bound, less rounding, passes the k-th distance.

    X (n, d), slots (c,), bounds (c,), q float64 (d,), margin (2,) = (c·u, η): a point of bound b is at least
    b(1 − c·u) − η away. Returns how many distances were computed. A tie is not passed: it may have the smaller slot.
    """
    order = np.argsort(bounds, kind="mergesort")
    for done in range(order.shape[0]):
        i = order[done]
        if np.float64(bounds[i]) * (1.0 - margin[0]) - margin[1] > best[0]:
            return done
        rank(X, slots[i : i + 1], q, best, best_slots)
    return order.shape[0]
