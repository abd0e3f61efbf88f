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
