"""The door for numbers: counts, real parameters and seeds, refused by the name of the argument."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np


def whole_number(value: Any, name: str, least: int, most: int | None = None, why: str = "") -> int:
    """`value` as an int; raises ValueError naming `name` unless it is one from `least` to `most`, and no bool.

    `why` is told with the bounds, such as what sets them.
    """
    whole = isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))
    if not (whole and least <= value and (most is None or value <= most)):
        bounds = f"{least} or more" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} is {value!r}: pass a whole number {bounds}{why}")
    return int(value)


def real_number(value: Any, name: str, *, above: float = -math.inf, below: float = math.inf, why: str = "") -> float:
    """`value` as a float; raises ValueError naming `name` unless it is a real number, above < value < below, no bool.

    Infinities and NaN lie in no such range.
    """
    real = isinstance(value, numbers.Real) and not isinstance(value, (bool, np.bool_))
    if not (real and above < value < below):
        low, high = "" if above == -math.inf else f" above {above:g}", "" if below == math.inf else f" below {below:g}"
        raise ValueError(f"{name} is {value!r}: pass a finite number{low}{high and low and ' and'}{high}{why}")
    return float(value)


def random_generator(random_state: Any) -> np.random.Generator:
    """NumPy's generator of `random_state`: a Generator is itself. Raises ValueError naming it for what is no seed."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        told = "pass a whole number ≥ 0, a numpy Generator or None"
        raise ValueError(f"random_state is {random_state!r}: {told}") from error
