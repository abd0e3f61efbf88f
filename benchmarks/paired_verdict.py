"""What paired ratios say: an interval for their median that assumes nothing of the noise, and a verdict.

A round starts both sides anew and gives one ratio r = (seconds of the new) / (seconds of the base), the median over
turns in which the two alternate. With n independent rounds and their order statistics r₍₁₎ ≤ … ≤ r₍ₙ₎,
P(median < r₍ₖ₊₁₎) ≤ P(Bin(n, ½) ≤ k) whatever the law of the rounds: so the bounds below need no normality and no
equal variances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Interval(NamedTuple):
    """A confidence interval (low, high) of the median, its point, and the level that it has."""

    low: float
    middle: float
    high: float
    level: float


def median_interval(ratios: Sequence[float], alpha: float) -> Interval:
    """The interval whose two ends each err with probability at most `alpha`/2; (0, ∞) where the rounds are too few."""
    ordered = sorted(ratios)
    n = len(ordered)
    if n == 0 or any(not r > 0 for r in ordered):
        raise ValueError(f"ratios must be positive, and at least one: {ordered}")
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    below, k = 0.0, -1
    while k + 1 < n // 2 and below + math.comb(n, k + 1) / 2**n <= alpha / 2:
        k += 1
        below += math.comb(n, k) / 2**n
    if k < 0:
        return Interval(0.0, middle, math.inf, 1.0)
    return Interval(ordered[k], middle, ordered[n - 1 - k], 1 - 2 * below)


def rounds_needed(alpha: float, compared: int) -> int:
    """The fewest rounds with which an interval exists when `compared` of them share the error level `alpha`."""
    return math.ceil(math.log2(2 * max(1, compared) / alpha))


def suspect(ratios: Sequence[float], threshold: float) -> bool:
    """Whether a few rounds give reason to look again: their median is slower than the threshold."""
    return median_interval(ratios, 1.0).middle > 1 + threshold


def slower(ratios: Sequence[float], threshold: float, alpha: float) -> bool:
    """Whether the whole interval lies beyond the threshold, on rounds that were not used to choose the benchmark."""
    return median_interval(ratios, alpha).low > 1 + threshold
