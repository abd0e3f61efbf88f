"""Coordinates whose squares neither overflow nor vanish."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def in_range(x: Array, y: Array) -> tuple[Array, Array, int]:
    """(x·2⁻ᵉ, y·2⁻ᵉ, e): e = 0 unless the largest coordinate is beyond 2^±400, where squares leave float64.

    Scaling by a power of two is exact, and whatever it may push below the smallest float is no part of
    any distance's 16 digits.
    """
    largest = max(float(np.abs(x).max()), float(np.abs(y).max()))
    exponent = math.frexp(largest)[1]
    if largest == 0 or abs(exponent) <= 400:
        return x, y, 0
    return np.ldexp(x, -exponent), np.ldexp(y, -exponent), exponent
