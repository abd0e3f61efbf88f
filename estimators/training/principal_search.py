"""The nearest of many wide points by their leading principal components."""

from __future__ import annotations

import numpy as np
import torch

from estimators.training.principal_axes import principal_axes
from knn.base import Neighbours
from knn.validation import checked_rows

#: Components that are compared (64 numbers with one besides), and products held at once: a million, 4 MB of float32.
COMPONENTS, BLOCK = 63, 1_000_000


def search_axes(rows: torch.Tensor) -> torch.Tensor:
    """The axes that `PrincipalSearch` compares along, of rows (n, d): (d, min(63, d)) in bfloat16."""
    return torch.from_numpy(principal_axes(rows.numpy(), min(COMPONENTS, rows.shape[1]))).bfloat16()


def refuse_unsound(found: np.ndarray, **rows: np.ndarray) -> None:
    """Raises ValueError as an index of `knn` does, naming argument and row, where numbers found of rows are not finite.

    What the search computes anyway tells it: looking at every entry would cost a tenth of the search. A row that is
    NaN would answer every query, one that is infinite none.
    """
    if np.isfinite(found).all():
        return
    for name, values in rows.items():
        checked_rows(values, name)
    name, values = max(rows.items(), key=lambda given: float(np.abs(given[1]).max()))
    row, column = np.unravel_index(np.abs(values).argmax(), values.shape)
    told = f"{name}[{row}, {column}] = {values[row, column]:g}"
    raise ValueError(f"{told} is too large to be squared in float32: rescale the data")


class PrincipalSearch:
    """The nearest of many wide points by their leading principal components: quick, and not exact.

    A point is chosen by ½‖Py‖² − ⟨Px, Py⟩, where P holds 63 axes and coordinates are rounded to u = 2⁻⁸ of their size;
    its distance is then that of all features, by differences in float32. But for rounding, its square exceeds the
    least one by at most the largest of ‖Rx − Ry‖² − ‖Rx − Ry'‖², R = 1 − PᵀP what the axes leave out: little where
    they hold most of the data. Nothing is certified. With d ≤ 63 the axes leave out nothing.

    `axes` (d, p): `search_axes` of data that the queries are like, computed once; None computes those of the points.
    """

    def __init__(self, axes: torch.Tensor | None = None):
        self.axes = axes

    def fit(self, Y: np.ndarray) -> PrincipalSearch:
        """Takes the points (m, d). Raises ValueError for one that is not finite, or whose square is not in float32."""
        self._points = np.ascontiguousarray(Y, dtype=np.float32)
        self._centre = self._points.mean(axis=0)  # an offset that all share would take the digits of bfloat16
        refuse_unsound(self._centre, Y=self._points)
        self._axes = search_axes(torch.from_numpy(self._points)) if self.axes is None else self.axes
        coordinates = self._coordinates(self._points)
        half_squares = np.square(coordinates).sum(axis=1, keepdims=True) / 2
        refuse_unsound(half_squares, Y=self._points)
        self._turned = np.ascontiguousarray(np.hstack([coordinates, -half_squares]).T)
        return self

    def search(self, X: np.ndarray, k: int) -> Neighbours:
        """A near point to each of X (n, d); k = 1. Raises ValueError for another k, and for X as `fit` does for Y."""
        if k != 1:
            raise ValueError(f"k is {k}; the search by components finds one point, give an index of knn for more")
        queries = np.ascontiguousarray(X, dtype=np.float32)
        n, m = len(queries), len(self._points)
        coordinates = np.hstack([self._coordinates(queries), np.ones((n, 1), np.float32)])
        nearest, distances = np.empty(n, dtype=np.int64), np.empty(n)
        rows = max(1, BLOCK // m)
        held = np.empty((min(rows, n), m), np.float32)  # one block for all products: fresh memory would cost more
        for first in range(0, n, rows):
            part = slice(first, first + rows)
            # NumPy's products and its argmax, which is ten times as quick as torch's on a CPU.
            scores = np.matmul(coordinates[part], self._turned, out=held[: len(coordinates[part])])
            nearest[part] = scores.argmax(axis=1)
            gaps = queries[part] - self._points[nearest[part]]
            distances[part] = np.sqrt(np.einsum("ij,ij->i", gaps, gaps))
        refuse_unsound(distances, X=queries, Y=self._points)
        return Neighbours(nearest[:, None], distances[:, None], np.full(n, m), np.zeros(n, bool))

    def _coordinates(self, rows: np.ndarray) -> np.ndarray:
        """Coordinates of rows (n, d) along the axes, about the points' mean, (n, p): of bfloat16, in float32."""
        return (torch.from_numpy(rows - self._centre).bfloat16() @ self._axes).float().numpy()
