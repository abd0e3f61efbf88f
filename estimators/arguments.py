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


def thread_count(n_jobs: Any) -> int | None:
    """`n_jobs` itself; raises ValueError unless it is None or a whole number other than 0, −1 for all.

    As the indexes' own check, whose module loads scikit-learn, half a second that no distance needs.
    """
    whole = isinstance(n_jobs, numbers.Integral) and not isinstance(n_jobs, (bool, np.bool_))
    if n_jobs is not None and not (whole and n_jobs != 0):
        raise ValueError(f"n_jobs is {n_jobs!r}: pass a number of threads, -1 for all, or None for one")
    return None if n_jobs is None else int(n_jobs)


def random_generator(random_state: Any) -> np.random.Generator:
    """NumPy's generator of `random_state`: a Generator is itself. Raises ValueError naming it for what is no seed."""
    try:
        return np.random.default_rng(random_state)
    except (TypeError, ValueError) as error:
        told = "pass a whole number ≥ 0, a numpy Generator or None"
        raise ValueError(f"random_state is {random_state!r}: {told}") from error
