"""The door: what counts as a set of points, and the errors for what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

#: Below this, every integer is a float64.
_EXACT_INTEGERS = 2**53


def as_points(values: Any, name: str, *, dimension: int | None = None) -> NDArray[np.float64]:
    """`values` as a C-contiguous (n, d) float64 array; (n,) is read as n points on the line.

    Takes anything that NumPy reads: arrays, lists, rationals, data frames, tensors on the CPU.
    Raises TypeError for what is no array of real numbers and ValueError for a wrong shape, a NaN or
    an infinity, each naming the argument, the first bad row and the remedy.
    """
    if sp.issparse(values):
        raise TypeError(f"{name} is sparse: pass {name}.toarray()")
    array = _as_real(values, name)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2:
        raise ValueError(
            f"{name} has shape {array.shape}: pass (n, d), one point a row, or (n,) for points on the line"
        )
    if 0 in array.shape:
        raise ValueError(f"{name} is empty (shape {array.shape}): pass at least one point of at least one coordinate")
    if dimension is not None and array.shape[1] != dimension:
        raise ValueError(f"{name} has {array.shape[1]} coordinates a point where {dimension} are needed")
    refuse_non_finite(array, name)
    return np.ascontiguousarray(array, dtype=np.float64)


def refuse_non_finite(array: NDArray[np.floating], name: str) -> None:
    """Raises ValueError that names the first row of `array` with a NaN or an infinity."""
    finite = np.isfinite(array)
    if not finite.all():
        row = int(np.argmin(finite.reshape(len(array), -1).all(axis=1)))
        bad = np.count_nonzero(~finite.reshape(len(array), -1).all(axis=1))
        raise ValueError(f"{name}: row {row} is not finite ({array[row]}), {bad} such in all; drop or impute them")


def same_dimension(x: NDArray[np.float64], y: NDArray[np.float64], names: tuple[str, str]) -> None:
    """Raises ValueError unless the points of `x` and `y` have equally many coordinates."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{names[0]} has {x.shape[1]} coordinates a point and {names[1]} has {y.shape[1]}: they must agree"
        )


def _as_real(values: Any, name: str) -> NDArray[Any]:
    try:
        array = np.asarray(values)
        if array.dtype.kind == "O":  # rationals and the like
            array = array.astype(np.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as an array of real numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}: pass real numbers")
    if array.dtype.kind in "iu" and ((array > _EXACT_INTEGERS) | (array < -_EXACT_INTEGERS)).any():
        raise ValueError(f"{name} holds integers above 2**53, which float64 would merge: subtract an offset first")
    return array
