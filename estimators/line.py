"""Measures on the line through their sorted points: O(n log n), and no pair is looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from estimators.measures import Weighted

Array = NDArray[np.float64]


def sorted_cdf(part: Weighted) -> tuple[Array, Array]:
    """The points in order, and the distribution function at each, every value rounded once."""
    from estimators.kernels.cpu_sorted import running_sum

    if part.sampled:
        points = np.sort(part.points[:, 0])
        return points, np.arange(1, len(points) + 1) / len(points)
    order = np.argsort(part.points[:, 0], kind="stable")
    return part.points[order, 0], running_sum(part.weights[order])


def cdf_integrals_of(p: Weighted, q: Weighted) -> tuple[float, float, float, float]:
    """∫|F−G|, ∫(F−G)², ∫F(1−F), ∫G(1−G), for points (n, 1)."""
    from estimators.kernels.cpu_sorted import cdf_integrals

    first, second, third, fourth = cdf_integrals(*sorted_cdf(p), *sorted_cdf(q)).tolist()
    return first, second, third, fourth


def mean_distances(at: Weighted, of: Weighted) -> Array:
    """E|x − Y| for each point x of `at`, Y drawn from `of`; through running sums about the middle of `of`."""
    order = np.argsort(of.points[:, 0], kind="stable")
    middle = of.points[order[len(order) // 2], 0]  # sums of numbers far from 0 would round away the differences
    points, weights = of.points[order, 0] - middle, of.weights[order]
    below = np.concatenate([[0.0], np.cumsum(weights)])
    moment = np.concatenate([[0.0], np.cumsum(weights * points)])
    x = at.points[:, 0] - middle
    place = np.searchsorted(points, x, side="right")
    return x * (2 * below[place] - below[-1]) + moment[-1] - 2 * moment[place]
