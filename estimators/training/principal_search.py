"""The nearest of many wide points by their leading principal components."""

from __future__ import annotations

import numpy as np
import torch

from estimators.training.principal_axes import principal_axes
from knn.base import Neighbours

#: Components that are compared, and products held at once: half a million, 2 MB of float32, which stay in cache.
COMPONENTS, BLOCK = 64, 500_000


def search_axes(rows: torch.Tensor) -> torch.Tensor:
    """The axes that `PrincipalSearch` compares along, of rows (n, d): (d, min(64, d)) in bfloat16."""
    return torch.from_numpy(principal_axes(rows.numpy(), min(COMPONENTS, rows.shape[1]))).bfloat16()


class PrincipalSearch:
    """The nearest of many wide points by their leading principal components: quick, and not exact.

    A point is chosen by ½‖Py‖² − ⟨Px, Py⟩, where P holds 64 axes and coordinates are rounded to u = 2⁻⁸ of their size;
    its distance is then that of all features, by differences in float32. But for rounding, its square exceeds the
    least one by at most the largest of ‖Rx − Ry‖² − ‖Rx − Ry'‖², R = 1 − PᵀP what the axes leave out: little where
    they hold most of the data. Nothing is certified. With d ≤ 64 the axes leave out nothing.

    `axes` (d, p): `search_axes` of data that the queries are like, computed once; None computes those of the points.
    """

    def __init__(self, axes: torch.Tensor | None = None):
        self.axes = axes

    def fit(self, Y: np.ndarray) -> PrincipalSearch:
        """Takes the points (m, d)."""
        self._points = torch.from_numpy(np.ascontiguousarray(Y, dtype=np.float32))
        self._axes = search_axes(self._points) if self.axes is None else self.axes
        coordinates = self._coordinates(self._points)
        self._half_squares = coordinates.square().sum(dim=1) / 2
        self._turned = coordinates.T.contiguous()
        return self

    def search(self, X: np.ndarray, k: int) -> Neighbours:
        """A near point to each of X (n, d); only k = 1 is answered. Raises ValueError for another."""
        if k != 1:
            raise ValueError(f"k is {k}; the search by components finds one point, give an index of knn for more")
        queries = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
        n, m = len(queries), len(self._points)
        nearest = torch.empty(n, dtype=torch.int64)
        distances = torch.empty(n, dtype=torch.float64)
        rows = max(1, BLOCK // m)
        held = torch.empty(min(rows, n), m)  # one block for all products: fresh memory for each would cost more
        for first in range(0, n, rows):
            part = queries[first : first + rows]
            scores = held[: len(part)]
            # Products of an autocast region would be rounded to bfloat16, coarser than what tells two points apart.
            with torch.autocast("cpu", enabled=False):
                torch.addmm(self._half_squares, self._coordinates(part), self._turned, alpha=-1, out=scores)
            chosen = torch.argmin(scores, dim=1, out=nearest[first : first + rows])
            distances[first : first + rows] = (part - self._points[chosen]).double().norm(dim=1)
        return Neighbours(nearest[:, None].numpy(), distances[:, None].numpy(), np.full(n, m), np.zeros(n, bool))

    def _coordinates(self, rows: torch.Tensor) -> torch.Tensor:
        """Coordinates of rows (n, d) along the axes, (n, p), rounded to bfloat16 and held in float32."""
        return (rows.bfloat16() @ self._axes).float()
