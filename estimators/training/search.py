"""The nearest-neighbour search that a model is given, by name or as an index."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone

from knn.base import Neighbours
from knn.choice import unfitted

#: Products held at once: 10 million float32, 40 MB.
BLOCK = 10_000_000


def unfitted_index(index: Any, rng: torch.Generator) -> Any:
    """An unfitted copy of `index`: a name in `knn.indexes`, "bf16", or an index that has `fit` and `search`.

    One that draws random numbers and was given no seed of its own gets one from `rng`. Raises
    TypeError for anything else, KeyError for an unknown name.
    """
    if index == "bf16":
        return Bfloat16Search()
    if isinstance(index, str):
        fresh: Any = unfitted(index).set_params(n_neighbors=1)
    elif hasattr(index, "fit") and hasattr(index, "search"):
        fresh = clone(index, safe=False)
    else:
        raise TypeError(f"index is a {type(index).__name__}; give a name in knn.indexes, 'bf16' or an unfitted index")
    if isinstance(fresh, BaseEstimator) and fresh.get_params().get("random_state", 0) is None:
        fresh.set_params(random_state=int(torch.randint(2**31, (), generator=rng)))
    return fresh


class Bfloat16Search:
    """The nearest of many wide points by matrix products in bfloat16: quick where the hardware has them, not exact.

    A point is chosen by ½‖y‖² − ⟨x, y⟩, coordinates rounded to u = 2⁻⁸ of their size and sums kept in float32, and its
    distance is then measured by differences in float64. Its square exceeds the least one by at most
    4(2u + u² + 2dε)‖x‖ max‖y‖ (+ rounding of the answers, u of ⟨x, y⟩), ε = 2⁻²⁴; data near their own centre keep that
    small. Nothing is certified.
    """

    def fit(self, Y: np.ndarray) -> Bfloat16Search:
        """Takes the points (m, d)."""
        self._points = torch.from_numpy(np.ascontiguousarray(Y, dtype=np.float32))
        self._half_squares = self._points.square().sum(dim=1) / 2
        self._turned = self._points.bfloat16().T
        return self

    def search(self, X: np.ndarray, k: int) -> Neighbours:
        """A nearest point to each of X (n, d); only k = 1 is answered. Raises ValueError for another."""
        if k != 1:
            raise ValueError(f"k is {k}; the search in bfloat16 finds one point, give an index of knn for more")
        points, n = self._points, len(X)
        queries = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
        nearest = torch.empty(n, dtype=torch.int64)
        rows = max(1, BLOCK // len(points))
        for first in range(0, n, rows):
            part = slice(first, first + rows)
            products = queries[part].bfloat16() @ self._turned
            nearest[part] = (self._half_squares - products.float()).argmin(dim=1)
        distances = (queries.double() - points[nearest].double()).norm(dim=1)
        evaluations = np.full(n, len(points))
        return Neighbours(nearest[:, None].numpy(), distances[:, None].numpy(), evaluations, np.zeros(n, bool))
