"""The standard error of an estimate between two samples, from its values on disjoint parts of both."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from estimators.arguments import random_generator

Array = NDArray[np.float64]

#: Confidence of the intervals.
_LEVEL = 0.95


def from_parts(
    value: float,
    estimator: Callable[[Array, Array], float],
    samples: tuple[Array, Array],
    least: int,
    batches: int | None,
    random_state: Any,
) -> tuple[float | None, tuple[float, float] | None, str]:
    """s/√B of the `estimator` on B = `batches` disjoint parts, Student's interval at 95 %, and a note that says so.

    The interval is about `value`, the estimator's on the whole `samples`. Both are None for batches=None, and where a
    part would have fewer than `least` points. Rests on n·variance having a limit. Raises ValueError unless B ≥ 2.
    """
    rng = random_generator(random_state)
    if batches is None:
        return None, None, "no standard error"
    if not (isinstance(batches, (int, np.integer)) and batches >= 2):
        raise ValueError(f"batches is {batches!r}: pass a whole number ≥ 2, or None for no standard error")
    if min(map(len, samples)) < least * batches:
        return None, None, f"no standard error: too few points for {batches} parts"
    parts = [np.array_split(sample[rng.permutation(len(sample))], batches) for sample in samples]
    values = [estimator(a, b) for a, b in zip(*parts, strict=True)]
    stderr = float(np.std(values, ddof=1)) / math.sqrt(batches)
    reach = float(student.isf((1 - _LEVEL) / 2, batches - 1)) * stderr
    return stderr, (value - reach, value + reach), f"standard error from {batches} disjoint parts"
