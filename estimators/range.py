"""Coordinates whose squares neither overflow nor vanish."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from knn.validation import LARGEST, SMALLEST

Array = NDArray[np.float64]

_LARGEST, _SMALLEST = LARGEST[np.dtype(np.float64)], SMALLEST[np.dtype(np.float64)]


def refuse_out_of_range(x: Array, y: Array, names: tuple[str, str]) -> None:
    """Raises ValueError, naming the argument and the row, unless squares of the coordinates lie well within float64.

    No coordinate of `x` (n, d) and `y` (m, d) may exceed 2⁵⁰⁰, and one must reach 2⁻⁵⁰⁰, or all be 0: the bounds of
    `knn`, which leave room for sums of squares.
    """
    largest = 0.0
    for part, name in ((x, names[0]), (y, names[1])):
        peaks = np.abs(part).max(axis=1)
        row = int(np.argmax(peaks))
        if peaks[row] > _LARGEST:
            raise ValueError(
                f"{name}: row {row} has a coordinate of {peaks[row]:.3g}, whose square is too large for float64: "
                f"rescale {names[0]} and {names[1]} by one factor"
            )
        largest = max(largest, float(peaks[row]))
    if 0 < largest < _SMALLEST:
        raise ValueError(
            f"{names[0]} and {names[1]}: no coordinate exceeds {largest:.3g}, whose square is too small for float64: "
            "rescale both by one factor"
        )


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
