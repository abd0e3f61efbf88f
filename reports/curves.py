"""Costs at one quality: a search is asked with one budget after another, and the cost is read off the curve."""

from __future__ import annotations

import numpy as np


def cost_at(quality: np.ndarray, cost: np.ndarray, wanted: float) -> float:
    """The cost at which the quality falls to `wanted`, ∞ if it never does.

    quality, cost (s,): one entry a budget, budgets rising, quality better the smaller it is. Between the first budget
    that is good enough and the one before it log cost is linear in quality; the first one's own cost stands if nothing
    comes before it, since less was not tried.
    """
    enough = np.flatnonzero(quality <= wanted)
    if not len(enough):
        return float("inf")
    after = int(enough[0])
    if after == 0 or not np.isfinite(quality[after - 1]) or quality[after] == wanted:
        return float(cost[after])
    share = (quality[after - 1] - wanted) / (quality[after - 1] - quality[after])
    return float(np.exp((1 - share) * np.log(cost[after - 1]) + share * np.log(cost[after])))


def resampled(quality: np.ndarray, cost: np.ndarray, wanted: float, rng: np.random.Generator, times: int = 200):
    """The standard deviation of `cost_at` over resamples of the queries; quality, cost (s, q), one column a query.

    NaN if fewer than nine resamples in ten reach the quality.
    """
    n = quality.shape[1]
    values = []
    for _ in range(times):
        drawn = rng.integers(n, size=n)
        values.append(cost_at(quality[:, drawn].mean(axis=1), cost[:, drawn].mean(axis=1), wanted))
    finite = np.array([value for value in values if np.isfinite(value)])
    return float(finite.std(ddof=1)) if len(finite) >= 0.9 * times else float("nan")
