"""What two measures on the line have between their distribution functions, in one walk over sorted points."""

from __future__ import annotations

import numpy as np

from knn.kernels.jit import jit


@jit
def running_sum(weights):
    """Partial sums of the weights, each rounded once: the walk carries what rounding lost (TwoSum)."""
    out = np.empty(len(weights))
    total, lost = 0.0, 0.0
    for i in range(len(weights)):
        after = total + weights[i]
        back = after - total
        lost += (total - (after - back)) + (weights[i] - back)
        total = after
        out[i] = total + lost
    return out


@jit
def cdf_integrals(x, F, y, G):
    """∫|F−G|, ∫(F−G)², ∫F(1−F) and ∫G(1−G) dt; x (n,), y (m,) sorted, F and G the running sums of their weights.

    Each sum of positive terms is compensated.
    """
    totals, lost = np.zeros(4), np.zeros(4)
    i, j, f, g = 0, 0, 0.0, 0.0
    here = min(x[0], y[0])
    while i < len(x) or j < len(y):
        if j == len(y) or (i < len(x) and x[i] <= y[j]):
            there = x[i]
        else:
            there = y[j]
        width = there - here
        if width > 0:
            heights = (abs(f - g), (f - g) * (f - g), f * (1 - f), g * (1 - g))
            for place in range(4):
                add(totals, lost, place, heights[place] * width)
        while i < len(x) and x[i] == there:
            f = F[i]
            i += 1
        while j < len(y) and y[j] == there:
            g = G[j]
            j += 1
        here = there
    return totals + lost


@jit
def distance_sums(x, y):
    """Σⱼ |xᵢ − yⱼ| for each i; x (n,) and y (m,) sorted, through running sums about the middle of y.

    About any other centre the sums would be of large numbers, and their rounding would show in the differences.
    """
    centre = y[len(y) // 2]
    everything = 0.0
    for j in range(len(y)):
        everything += y[j] - centre
    out = np.empty(len(x))
    j, below = 0, 0.0
    for i in range(len(x)):
        while j < len(y) and y[j] <= x[i]:
            below += y[j] - centre
            j += 1
        out[i] = (x[i] - centre) * (2 * j - len(y)) + everything - 2 * below
    return out


@jit
def add(totals, lost, place, term):
    """totals[place] + lost[place] gains `term` (TwoSum)."""
    before = totals[place]
    after = before + term
    back = after - before
    totals[place] = after
    lost[place] += (before - (after - back)) + (term - back)
