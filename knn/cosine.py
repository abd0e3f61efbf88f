"""Cosine distance by its standard reduction: rows of length 1, on which Euclidean distances rank alike."""

from __future__ import annotations

from types import ModuleType

import numpy as np


def unit_rows(rows: np.ndarray, name: str, kernels: ModuleType, dtype: np.dtype) -> np.ndarray:
    """The rows (n, d) divided by their lengths, rounded once to `dtype`; raises ValueError for a row of zeros.

    1 − cos(q, x) = ½ ‖q̂ − x̂‖².
    """
    squared = np.empty(len(rows))
    kernels.squared_norms(rows, squared)
    if not squared.all():
        raise ValueError(f"{name}[{int(np.argmin(squared))}] is zero and has no direction: drop it, or use euclidean")
    unit = np.empty_like(rows, dtype=dtype)
    np.divide(rows, np.sqrt(squared)[:, None], out=unit, casting="same_kind")
    return unit
