"""The standard error of a squared kernel or energy distance, from its sums a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from estimators.measures import Weighted


def squared_jackknife(p: Weighted, q: Weighted, parts: Any, statistic: str) -> tuple[float | None, str]:
    """Standard error of the square by leaving out each point once; `parts` = (Σ k to the other sample, to its own).

    With one point of n left out, only 2·Σ k(xᵢ,·)/((n−1)m) − 2·Σ k(xᵢ,·)/((n−1)(n−2)) (V: (n−1)²) varies with i.
    """
    if not (p.sampled and q.sampled):
        return no_error(p, q, "")
    n, m = len(p.points), len(q.points)
    if min(n, m) < 3:
        return None, "no standard error from fewer than 3 points"
    variance = 0.0
    for (other, own), size, opposite in zip(parts, (n, m), (m, n), strict=True):
        pairs = (size - 1) * (size - 2 if statistic == "u" else size - 1)
        left_out = 2 * (other / ((size - 1) * opposite) - own / pairs)
        variance += (size - 1) / size * float(np.square(left_out - left_out.mean()).sum())
    return math.sqrt(variance), ""


def no_error(p: Weighted, q: Weighted, reason: str) -> tuple[None, str]:
    """No standard error, and why: the `reason` for samples, else that nothing was sampled."""
    if p.sampled and q.sampled:
        return None, reason
    return None, "between given measures, nothing is sampled"
