"""Training data: checked at the door, moved to the unit scale, and recognised again."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from estimators.training.principal_axes import principal_axes, some_of

#: Numbers of a block.
BLOCK = 1 << 20


def checked_data(X: object, name: str = "X", *, least: int = 2) -> np.ndarray:
    """`X` as a (n, d) array of finite float32 or float64, n ≥ `least`, d ≥ 1.

    Raises TypeError for what is not a dense real numeric array, ValueError for a wrong shape or
    a value that is not finite; the message names the argument, the row and the remedy.
    """
    if sparse.issparse(X):
        raise TypeError(f"{name} is sparse; give {name}.toarray()")
    if np.ma.is_masked(X):
        raise ValueError(f"{name} has masked entries, whose values would count: fill them, or drop their rows")
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{name} is not an array: its rows differ in length; give (n, d) numbers") from error
    except (TypeError, RuntimeError) as error:
        raise TypeError(f"{name} cannot be read as an array of numbers: {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} has dtype {array.dtype}; give real numbers, such as {name}.astype(float)")
    if array.ndim != 2:
        remedy = f"; for one feature give {name}.reshape(-1, 1)" if array.ndim == 1 else ""
        raise ValueError(f"{name} has shape {array.shape}; give (n, d), one row a datum{remedy}")
    n, d = array.shape
    if n < least or d < 1:
        rows = "1 row" if least == 1 else f"{least} rows"
        raise ValueError(f"{name} has shape {array.shape}; give at least {rows} and 1 column")
    array = np.ascontiguousarray(array, dtype=np.float32 if array.dtype == np.float32 else np.float64)
    finite = np.isfinite(array)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(
            f"{name} has {array[row, column]} in row {row}, column {column} "
            f"({int((~finite).any(axis=1).sum())} such rows); remove or impute them"
        )
    return array


def fingerprint(X: np.ndarray) -> str:
    """The SHA-256 of a checked array's shape, dtype and the CRC-32 of each block of its values.

    Every change within 4 bytes changes it, and of others that no one has aimed at one in 2³² does not; it takes a third
    of the time of a SHA-256 of the values. Source: Koopman 2002 (what CRCs detect).
    """
    digest = hashlib.sha256(f"{X.shape} {X.dtype}".encode())
    values = np.ascontiguousarray(X).reshape(-1)
    for first in range(0, len(values), BLOCK):
        digest.update(zlib.crc32(values[first : first + BLOCK].data).to_bytes(4, "little"))
    return digest.hexdigest()


def _blocks(X: np.ndarray) -> Iterator[slice]:
    """Blocks of the rows of X, of about a million numbers: float64 copies of wide data would be many times theirs."""
    rows = max(1, BLOCK // X.shape[1])
    return (slice(first, first + rows) for first in range(0, len(X), rows))


@dataclass(frozen=True)
class Standardisation:
    """x ↦ Aᵀ(x − centre) / scale: one centre a feature and a *single* scale for all of them.

    A scale of its own for each feature would change which sample is nearest to a datum, and so the estimator; a common
    one changes every distance by the same factor. The scale is the root mean variance of the coordinates, or 1 where
    the data do not vary. `axes`, A (d, p): orthonormal columns, the leading principal axes of at most 4096 rows, which
    the scale is then of too; None keeps the features as they are. Among points of the span of the axes every distance
    is kept, and ‖x − y‖² of any x to such a y is that of its coordinates and ‖x − centre − AAᵀ(x − centre)‖², the same
    for every y: which is nearest does not change.
    """

    centre: np.ndarray
    scale: float
    axes: np.ndarray | None = None

    @classmethod
    def of(cls, X: np.ndarray, n_axes: int | None = None) -> Standardisation:
        """The centre and scale of (n, d) data, in float64, and `n_axes` principal axes of them.

        The centre is rounded to the type of the data, so that differences from it are exact but for their own rounding.
        Raises ValueError where there are more axes than features, or the variance overflows.
        """
        rows = X if n_axes is None else some_of(X)
        with np.errstate(over="ignore", invalid="ignore"):
            centre = X.mean(axis=0, dtype=np.float64).astype(X.dtype).astype(np.float64)
            scale = float(np.sqrt(sum(np.square(rows[part] - centre).sum() for part in _blocks(rows)) / rows.size))
        if not np.isfinite(scale):
            raise ValueError("X is too large: its variance overflows float64; rescale it")
        features = cls(centre, scale if scale > 0 else 1.0)
        if n_axes is None:
            return features
        if n_axes > X.shape[1]:
            raise ValueError(f"principal_components is {n_axes}, X has {X.shape[1]} features; give as many at most")
        along = cls(centre, features.scale, principal_axes(features.apply(rows), n_axes))
        spread = float(np.sqrt(np.square(along.apply(rows)).mean(dtype=np.float64)))
        return cls(centre, features.scale * (spread if spread > 0 else 1.0), along.axes)

    @classmethod
    def identity(cls, d: int) -> Standardisation:
        """No change."""
        return cls(np.zeros(d), 1.0)

    @property
    def width(self) -> int:
        """The coordinates of a point at the unit scale: the features, or the axes."""
        return len(self.centre) if self.axes is None else self.axes.shape[1]

    def apply(self, X: np.ndarray) -> np.ndarray:
        """Data (n, d) in its own units to the unit scale, float32 (n, width).

        What is float32 is taken less the centre in float32, where this is one and no difference overflows.
        """
        found = np.empty((len(X), self.width), dtype=np.float32)
        axes = None if self.axes is None else self.axes.astype(np.float32)
        with np.errstate(over="ignore"):
            narrow = self.centre.astype(X.dtype)
        centre = narrow if np.array_equal(narrow, self.centre) else self.centre
        for part in _blocks(X):
            with np.errstate(over="ignore", invalid="ignore"):
                unit = (X[part] - centre) / self.scale
            if unit.dtype == np.float32 and not np.isfinite(unit).all():
                unit = (X[part] - self.centre) / self.scale
            too_large = np.abs(unit).max(axis=1) > np.finfo(np.float32).max
            if too_large.any():
                row = part.start + int(too_large.argmax())
                raise ValueError(f"X is too large for float32 in row {row}; rescale it, or give standardise=True")
            found[part] = unit if axes is None else unit.astype(np.float32) @ axes
        return found

    def undo(self, unit: np.ndarray, dtype: str) -> np.ndarray:
        """Samples (n, width) at the unit scale back to the data's own units and `dtype`, (n, d)."""
        unit = unit.astype(np.float64)
        features = unit if self.axes is None else unit @ self.axes.T
        return (features * self.scale + self.centre).astype(dtype)
