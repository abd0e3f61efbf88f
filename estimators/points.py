"""The door: what counts as a set of points, and the errors for what does not."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

#: Below this, every integer is a float64.
_EXACT_INTEGERS = 2**53
#: DLPack's numbers of the memories that the host reads: its own, and that pinned for CUDA or ROCm.
_HOST = (1, 3, 11)


def as_points(values: Any, name: str, *, dimension: int | None = None) -> NDArray[np.float64]:
    """`values` as a C-contiguous (n, d) float64 array; (n,) is read as n points on the line.

    Takes anything that NumPy reads: arrays, lists, rationals, data frames, tensors on the CPU, and through DLPack the
    arrays of other libraries.
    Raises TypeError for what is no array of real numbers and ValueError for a wrong shape, a NaN or
    an infinity, each naming the argument, the first bad row and the remedy.
    """
    if callable(getattr(values, "logpdf", None)) and callable(getattr(values, "sample", None)):
        kind = type(values).__name__
        told = "; two Gaussians have gaussian_wasserstein" if kind == "Gaussian" else ""
        raise TypeError(f"{name} is a density ({kind}) where points are needed: pass {name}.sample(n){told}")
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


def columns_of(values: Any) -> tuple[str, ...] | None:
    """The names of a data frame's columns; None for what has none, or has other names than words."""
    names = getattr(values, "columns", None)
    try:
        told = None if names is None else tuple(names)
    except TypeError:
        return None
    return told if told and all(isinstance(name, str) for name in told) else None


def same_columns(x: tuple[str, ...] | None, y: tuple[str, ...] | None, names: tuple[str, str]) -> None:
    """Raises ValueError where both have named columns and these are not the same in the same order.

    Points are compared by position, so that a column would be compared to another one.
    """
    if x is None or y is None or x == y:
        return
    if sorted(x) == sorted(y):
        raise ValueError(
            f"{names[1]} has the columns of {names[0]} in another order ({', '.join(y)} where {names[0]} has "
            f"{', '.join(x)}), and columns are compared by position: pass {names[1]}[list({names[0]}.columns)]"
        )
    other = next((name for name in y if name not in x), None) or next(name for name in x if name not in y)
    raise ValueError(
        f"{names[0]} and {names[1]} have columns of other names, such as {other!r}, and columns are compared by "
        f"position: pass {names[0]}.to_numpy() and {names[1]}.to_numpy() if these are the same"
    )


def point_pair(X: Any, Y: Any, names: tuple[str, str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two sets of points of one space, as `as_points` has them; raises as it, `same_dimension`, `same_columns`."""
    x, y = as_points(X, names[0]), as_points(Y, names[1])
    same_dimension(x, y, names)
    same_columns(columns_of(X), columns_of(Y), names)
    return x, y


def same_dimension(x: NDArray[np.float64], y: NDArray[np.float64], names: tuple[str, str]) -> None:
    """Raises ValueError unless the points of `x` and `y` have equally many coordinates."""
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{names[0]} has {x.shape[1]} coordinates a point and {names[1]} has {y.shape[1]}: they must agree"
        )


def as_array(values: Any, name: str) -> NDArray[Any]:
    """`values` as a NumPy array of whatever type, without a copy where it is one, or shares its memory by DLPack.

    Raises TypeError for what NumPy cannot read, and for an array in the memory of a GPU, naming the remedy.
    """
    foreign = hasattr(values, "__dlpack__") and not isinstance(values, np.ndarray)
    device = getattr(values, "__dlpack_device__", None) if foreign else None
    if device is not None and int(device()[0]) not in _HOST:
        raise TypeError(
            f"{name} is in the memory of a GPU (DLPack device {tuple(map(int, device()))}): pass {name}.cpu() of a "
            f"tensor, {name}.get() of a CuPy array or jax.device_get({name})"
        )
    if np.ma.is_masked(values):
        raise ValueError(f"{name} has masked entries, whose values would count: fill them, or drop their rows")
    try:
        return np.asarray(np.from_dlpack(values) if foreign and not hasattr(values, "__array__") else values)
    except (TypeError, ValueError, RuntimeError, BufferError) as error:
        raise TypeError(f"{name} cannot be read as an array of real numbers: {error}{_float(error, name)}") from error


def _float(error: Exception, name: str) -> str:
    """The remedy for tensors of a type that NumPy lacks."""
    return f": pass {name}.float()" if "BFloat16" in str(error) else ""


def _as_real(values: Any, name: str) -> NDArray[Any]:
    array = as_array(values, name)
    if array.dtype.kind == "O":  # rationals and the like
        word = next((i for i in np.ndindex(array.shape) if isinstance(array[i], (str, bytes))), None)
        if word is not None:
            raise TypeError(f"{name}: row {word[0] if word else 0} holds the word {array[word]!r}: pass numbers")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(f"{name} cannot be read as an array of real numbers: {error}") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {array.dtype}: pass real numbers")
    if array.dtype.kind in "iu" and ((array > _EXACT_INTEGERS) | (array < -_EXACT_INTEGERS)).any():
        raise ValueError(f"{name} holds integers above 2**53, which float64 would merge: subtract an offset first")
    return array
