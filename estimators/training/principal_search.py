"""The nearest of many wide points by their leading principal components."""

from __future__ import annotations

import numpy as np
import torch

from estimators.training.principal_axes import principal_axes
from knn.base import Neighbours

#: Components that are compared (64 numbers with one besides), and products held at once: a million, 4 MB of float32.
COMPONENTS, BLOCK = 63, 1_000_000


def search_axes(rows: torch.Tensor) -> torch.Tensor:
    """The axes that `PrincipalSearch` compares along, of rows (n, d): (d, min(63, d)) in bfloat16."""
    return torch.from_numpy(principal_axes(rows.numpy(), min(COMPONENTS, rows.shape[1]))).bfloat16()


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
        """Takes the points (m, d)."""
        self._points = np.ascontiguousarray(Y, dtype=np.float32)
        self._axes = search_axes(torch.from_numpy(self._points)) if self.axes is None else self.axes
        self._centre = self._points.mean(axis=0)  # an offset that all share would take the digits of bfloat16
        coordinates = self._coordinates(self._points)
        half_squares = np.square(coordinates).sum(axis=1, keepdims=True) / 2
        self._turned = np.ascontiguousarray(np.hstack([coordinates, -half_squares]).T)
        return self

    def search(self, X: np.ndarray, k: int) -> Neighbours:
        """A near point to each of X (n, d); only k = 1 is answered. Raises ValueError for another."""
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
        return Neighbours(nearest[:, None], distances[:, None], np.full(n, m), np.zeros(n, bool))

    def _coordinates(self, rows: np.ndarray) -> np.ndarray:
        """Coordinates of rows (n, d) along the axes, about the points' mean, (n, p): of bfloat16, in float32."""
        return (torch.from_numpy(rows - self._centre).bfloat16() @ self._axes).float().numpy()
