"""Lower bounds on distances in a hierarchy of cells: from bytes of principal coordinates, or from projections."""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_select import kth_smallest
from knn.kernels.jit import jit

#: Bytes of a code: a number that the compiler knows makes it one short run of vector instructions.
WIDTH = 64


@jit
def lower_bounds(table, query, places, lower):
    """lower[i] = a distance that the point in places[i] is not nearer than, both bounds that a table may hold taken.

    table = (codes int8 (p, w), keys (p, m)), either of no width; query = (q, its code, its projections, numbers), with
    numbers = (units a step, loss in steps, c·u, η): (√‖c − b‖² − loss) units, and gap (1 − c·u) − η.
    """
    codes, keys = table
    b, near, numbers = query[1], query[2], query[3]
    for i in range(places.shape[0]):
        place = places[i]
        bound = 0.0
        if b.shape[0] > 0:
            bound = max(bound, (math.sqrt(float(_squared_gap(codes[place], b))) - numbers[1]) * numbers[0])
        if near.shape[0] > 0:
            bound = max(bound, _largest_gap(keys[place], near) * (1.0 - numbers[2]) - numbers[3])
        lower[i] = bound


@jit
def _squared_gap(c, b):
    """‖c − b‖² of two codes in int32, without error; LLVM makes it a few vector instructions."""
    total = np.int32(0)
    for j in range(WIDTH):
        gap = np.int32(c[j]) - np.int32(b[j])
        total += gap * gap
    return total


@jit
def _largest_gap(key, near):
    largest = 0.0
    for j in range(near.shape[0]):
        largest = max(largest, abs(np.float64(key[j]) - np.float64(near[j])))
    return largest


@jit
def completed(keys, near, places, budgets, keep, allowed):
    """allowed[i]: whether a composite index completes the point in places[i] before its budget is spent, ties included.

    keys (p, m), near (m,), budgets float64 (3,): composite indices, then candidates and visits each, numbers if
    positive and shares if negative; `keep` is the least that a share of candidates comes to. The order of the papers'
    queue is that of max_j |⟨u_j, x − q⟩|, so a threshold finds what it completes.
    """
    count, composites = places.shape[0], int(budgets[0])
    m = near.shape[0] // composites
    gaps, singles = np.empty(count), np.empty(count * m)
    candidates, visits = _spent(budgets[1], count, keep), _spent(budgets[2], count * m, keep * m)
    allowed[:count] = False
    for c in range(composites):
        for i in range(count):
            gaps[i] = 0.0
            for j in range(m):
                gap = abs(np.float64(keys[places[i], c * m + j]) - np.float64(near[c * m + j]))
                singles[i * m + j] = gap
                gaps[i] = max(gaps[i], gap)
        reach = kth_smallest(gaps, candidates) if candidates < count else np.inf
        if visits < count * m:
            reach = min(reach, kth_smallest(singles, visits))
        for i in range(count):
            allowed[i] |= gaps[i] <= reach


@jit
def promising(lower, budgets, keep, allowed):
    """allowed[i]: whether lower[i] is among the least that the budget of candidates, budgets[1], takes, ties too."""
    count = lower.shape[0]
    candidates = max(keep, _spent(budgets[1], count, keep))
    reach = kth_smallest(lower, candidates) if candidates < count else np.inf
    for i in range(count):
        allowed[i] = lower[i] <= reach


@jit
def _spent(budget, of, least):
    """What a budget comes to when there are `of`: itself, or if it is negative that share, but at least `least`."""
    wanted = int(budget) if budget > 0.0 else max(least, math.ceil(-budget * of))
    return min(of, wanted)
