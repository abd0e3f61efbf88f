"""MMD² from blocks of a sample: a mean of independent U-statistics, in less than quadratic time."""

from __future__ import annotations

import math
from numbers import Integral
from typing import Any

import numpy as np

from estimators.arguments import random_generator
from estimators.bandwidth import median_distance
from estimators.intervals import checked_confidence, normal_interval
from estimators.kernel_distances import mmd
from estimators.measures import Empirical, weighted_pair
from estimators.result import Estimate

#: Points of either sample among which the median distance is taken.
_FOR_THE_MEDIAN = 500


def block_mmd(
    X: Any,
    Y: Any,
    *,
    block: int | None = None,
    kernel: str = "gaussian",
    bandwidth: str | float = "median",
    confidence_level: float = 0.95,
    random_state: Any = 0,
) -> Estimate:
    """MMD² as the mean of the U-statistics of n/B disjoint blocks of B points of either sample, for arrays (n, d).

    Unbiased; its standard error is that of a mean of independent terms, and its interval the normal one at
    `confidence_level`, in (0, 1), both right whether or not the laws agree (where the whole U-statistic is degenerate).
    O(nBd) time.
    `block` is B, by default √n; block=2 is the linear-time statistic. Blocks are drawn by
    `random_state`, since data are often sorted; of the longer sample, and of the rest of either, points are
    left out and their number is told. `kernel` and `bandwidth` as `mmd`.

    Raises ValueError for measures, for fewer than 2 points a block, or fewer than 8 blocks, whose mean is not yet
    normal. Source: Zaremba, Gretton & Blaschko 2013 (blocks); Gretton et al. 2012, section 6 (linear time).
    """
    for name, given in (("X", X), ("Y", Y)):
        if isinstance(given, Empirical):
            raise ValueError(f"{name} is a measure: pass a sample, an array (n, d)")
    first, second = weighted_pair(X, Y, ("X", "Y"))
    n = min(len(first.points), len(second.points))
    size = max(2, math.isqrt(n)) if block is None else block
    if not (isinstance(size, Integral) and size >= 2):
        raise ValueError(f"block is {block!r}: pass a whole number of points ≥ 2")
    checked_confidence(confidence_level)
    count = n // int(size)
    if count < 8:
        raise ValueError(f"{n} points make {count} blocks of {size}: pass a smaller block, so that there are 8 or more")
    rng = random_generator(random_state)
    x, y = (part.points[rng.permutation(len(part.points))[: count * size]] for part in (first, second))
    width: Any = bandwidth
    if bandwidth == "median" and kernel not in ("energy", "triangular-gap"):
        width = median_distance(Empirical(x[:_FOR_THE_MEDIAN]), Empirical(y[:_FOR_THE_MEDIAN]))
    options: dict[str, Any] = {"kernel": kernel, "bandwidth": width, "squared": True, "statistic": "u"}
    found = [mmd(x[i : i + size], y[i : i + size], **options) for i in range(0, count * size, int(size))]
    values = np.array([part.value for part in found])
    value = math.fsum(values) / count
    stderr = float(values.std(ddof=1)) / math.sqrt(count)
    left = len(first.points) + len(second.points) - 2 * count * int(size)
    told = "" if kernel in ("energy", "triangular-gap") else f"kernel {kernel}, bandwidth {width:.6g}; "
    detail = f"{told}{left} points left out"
    interval = normal_interval(value, stderr, confidence_level)
    return Estimate(value, stderr, interval, f"mean of {count} blocks of {size}", None, found[0].unit, detail)
