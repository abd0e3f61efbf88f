"""KL between the laws behind two samples on the line, from their empirical distribution functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.fdivergences.batches import from_parts
from estimators.points import as_points
from estimators.result import Estimate
from estimators.scoring import ties_matter

Array = NDArray[np.float64]

#: Points of a part below which its estimate is mostly its ends.
_LEAST = 20


@ties_matter
def kl_cdf(X: Any, Y: Any, *, batches: int | None = 10, random_state: Any = 0) -> Estimate:
    """KL(p‖q) between the laws on the line of X ~ p (n,) and Y ~ q (m,), in nats: (1/n) Σᵢ log(P′(xᵢ)/Q′(xᵢ)) − 1.

    P and Q are the empirical distribution functions made continuous: linear between the points of their sample, where
    they take the middle of the step, (i − ½)/n, and 0 and 1 at two ends beyond all points; slopes are those to the
    left. n(xᵢ − xᵢ₋₁)p tends to an exponential variable and m times the gap of Y about xᵢ times q to the sum of two,
    whose mean logarithms are −γ and 1 − γ: without the 1 the estimate tends to KL + 1, with it to KL, almost surely.
    Its variance is of order 1/n. The ends are free in the source; here they are the pooled mean spacing beyond the
    pooled extremes, so that moving or scaling the line changes nothing. Where q is thin and few or no y lie, the slope
    there is a guess, and the bias that of the share of such x: of order (log n)/n for a bounded p/q, larger where p has
    the heavier tail.

    `batches`, standard error and interval as `kl_knn`, in parts of 20 points at least. The value may be negative.
    Raises ValueError for points not on the line, fewer than 2, and equal points of one sample, which densities never
    give. Source: Pérez-Cruz 2008, eq. 4 and theorem 1.
    """
    x, y = (_sorted(as_points(given, name, dimension=1)[:, 0], name) for given, name in ((X, "X"), (Y, "Y")))
    value = _estimate(x, y)
    stderr, interval, note = from_parts(
        value, lambda a, b: _estimate(np.sort(a), np.sort(b)), (x, y), _LEAST, batches, random_state
    )
    detail = f"biased where Y has few points; {note}"
    return Estimate(value, stderr, interval, "distribution functions", unit="nats", detail=detail)


def _estimate(x: Array, y: Array) -> float:
    low, high = min(x[0], y[0]), max(x[-1], y[-1])
    spacing = (high - low) / (len(x) + len(y) - 1)
    own, other = (_slopes(sample, x, low - spacing, high + spacing) for sample in (x, y))
    return math.fsum(np.log(own) - np.log(other)) / len(x) - 1


def _slopes(sample: Array, places: Array, low: float, high: float) -> Array:
    """The slope to the left of each place of the distribution function of `sample`, sorted, with its ends."""
    rises = np.full(len(sample) + 1, 1 / len(sample))
    rises[[0, -1]] /= 2
    return np.asarray((rises / np.diff(sample, prepend=low, append=high))[np.searchsorted(sample, places, side="left")])


def _sorted(sample: Array, name: str) -> Array:
    if len(sample) < 2:
        raise ValueError(f"{name} has 1 point: pass at least 2")
    order = np.argsort(sample, kind="stable")
    ordered = sample[order]
    equal = np.diff(ordered) == 0
    if equal.any():
        first, second = order[np.argmax(equal)], order[np.argmax(equal) + 1]
        raise ValueError(
            f"{name}: rows {first} and {second} are equal, which samples of densities never have: drop the copies, or "
            "compare Empirical(X) with Empirical(Y) if the laws have atoms"
        )
    return ordered
