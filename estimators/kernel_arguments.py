"""What energy distance and MMD refuse of their arguments, and a bandwidth in the units of scaled data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from estimators.measures import Weighted


def checked_statistic(squared: bool, statistic: str) -> None:
    """Raises ValueError unless `statistic` is 'v', or 'u' of what is squared, since the U-statistic may be negative."""
    if statistic not in ("u", "v"):
        raise ValueError(f"statistic is {statistic!r}: pass 'v' (between the empirical measures) or 'u' (unbiased)")
    if statistic == "u" and not squared:
        raise ValueError("the U-statistic may be negative and has no root: pass squared=True with statistic='u'")


def checked_samples(p: Weighted, q: Weighted, statistic: str) -> None:
    """Raises ValueError unless P and Q are samples of two points or more, where `statistic` is 'u'; any serve 'v'."""
    if statistic == "u":
        for name, part in (("P", p), ("Q", q)):
            if not part.sampled:
                raise ValueError(
                    f"{name} is a measure, and statistic='u' is for samples: pass an array, or statistic='v'"
                )
            if len(part.points) < 2:
                raise ValueError(f"{name} has one point, and statistic='u' needs two or more")


def positive_bandwidth(bandwidth: Any) -> float:
    """`bandwidth` as a float; raises ValueError unless 0 < bandwidth < ∞."""
    if isinstance(bandwidth, str) or not 0 < float(bandwidth) < math.inf:
        raise ValueError(f"bandwidth is {bandwidth!r}: pass a positive number or 'median'")
    return float(bandwidth)


def in_units(bandwidth: float, exponent: int, kernel: str) -> float:
    """`bandwidth`·2⁻ᵉ; ∞ is right where that overflows, since every kernel of r/∞ is 1, as it is to all digits."""
    with np.errstate(over="ignore"):
        scale = float(np.ldexp(bandwidth, -exponent))
    divisor = scale if kernel == "laplace" else scale * scale
    if divisor == 0.0:  # at r = 0 the kernel would be of 0/0
        raise ValueError(f"bandwidth is {bandwidth}, which vanishes beside the data's scale: pass a larger one")
    return scale
