"""The nearest-neighbour search that a model is given, by name or as an index."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone

from estimators.training.principal_search import PrincipalSearch, refuse_unsound
from knn.base import Neighbours, indexes
from knn.choice import unfitted
from knn.device_rows import DeviceRows
from knn.kernels.engine import engine
from knn.registry import unknown_name

#: Products held at once: half a million, 2 MB of float32, which stay in cache and need no fresh pages.
BLOCK = 500_000
#: The names that stand beside those of `knn.indexes`.
OWN = ("auto", "bf16", "components")
#: Points up to which "auto" compares with all, and features up to which it keeps to exact answers beyond.
ALL_COMPARED, NARROW = 40_000, 8


def unfitted_index(index: Any, rng: torch.Generator) -> Any:
    """An unfitted copy of `index`: a name of `knn.indexes` or of those below, or an index with `fit` and `search`.

    "auto" is `SearchBySize`, "bf16" `Bfloat16Search`, "components" `PrincipalSearch`. One that draws random numbers and
    was given no seed of its own gets one from `rng`. Raises TypeError for anything else, KeyError for an unknown name.
    """
    if index == "bf16":
        return Bfloat16Search()
    if index == "components":
        return PrincipalSearch()
    if index == "auto":
        return SearchBySize(rng)
    if isinstance(index, str):
        if index not in indexes:
            raise unknown_name("index", index, sorted([*indexes, *OWN]))
        fresh: Any = unfitted(index).set_params(n_neighbors=1)
    elif hasattr(index, "fit") and hasattr(index, "search"):
        fresh = clone(index, safe=False)
    else:
        raise TypeError(
            f"index is a {type(index).__name__}; give a name in knn.indexes, 'auto', 'bf16', 'components' or an "
            "unfitted index"
        )
    if isinstance(fresh, BaseEstimator) and fresh.get_params().get("random_state", 0) is None:
        fresh.set_params(random_state=int(torch.randint(2**31, (), generator=rng)))
    return fresh


def searches_there(device: torch.device) -> bool:
    """Whether neighbours of tensors on `device` are found where they lie: a CUDA device, with numba-cuda installed."""
    if device.type != "cuda":
        return False
    try:
        engine("cuda")
    except (ImportError, ValueError):
        return False
    return True


def nearest_there(data: torch.Tensor, samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest of `samples` (m, d) to each of `data` (n, d), ties to the first, and its squared distance, float64.

    All on one CUDA device, by the definition, as brute force of the host finds it; one number crosses to the host, of
    samples that are not finite, and 256 samples, by which their centre is chosen.
    """
    distances, nearest = DeviceRows(samples.detach().contiguous()).nearest(data.contiguous(), 1)
    return nearest[:, 0], distances[:, 0] ** 2


class Bfloat16Search:
    """The nearest of many wide points by matrix products in bfloat16: quick where the hardware has them, not exact.

    A point is chosen by ½‖y‖² − ⟨x, y⟩, coordinates rounded to u = 2⁻⁸ of their size and sums kept in float32, and its
    distance is then measured by differences in float64. Its square exceeds the least one by at most
    4(2u + u² + 2dε)‖x‖ max‖y‖ (+ rounding of the answers, u of ⟨x, y⟩), ε = 2⁻²⁴; data near their own centre keep that
    small. Nothing is certified.
    """

    def fit(self, Y: np.ndarray) -> Bfloat16Search:
        """Takes the points (m, d). Raises ValueError for one that is not finite, or whose square is not in float32."""
        self._points = torch.from_numpy(np.ascontiguousarray(Y, dtype=np.float32))
        self._half_squares = self._points.square().sum(dim=1) / 2
        refuse_unsound(self._half_squares.numpy(), Y=self._points.numpy())
        self._turned = self._points.bfloat16().T
        return self

    def search(self, X: np.ndarray, k: int) -> Neighbours:
        """A near point to each of X (n, d); k = 1. Raises ValueError for another k, and for X as `fit` does for Y."""
        if k != 1:
            raise ValueError(f"k is {k}; the search in bfloat16 finds one point, give an index of knn for more")
        points, n = self._points, len(X)
        queries = torch.from_numpy(np.ascontiguousarray(X, dtype=np.float32))
        nearest, distances = torch.empty(n, dtype=torch.int64), torch.empty(n, dtype=torch.float64)
        least = torch.empty(n)
        rows = max(1, BLOCK // len(points))
        for first in range(0, n, rows):
            part = slice(first, first + rows)
            products = (queries[part].bfloat16() @ self._turned).float()
            nearest[part] = torch.sub(self._half_squares, products, out=products).argmin(dim=1)
            least[part] = products.gather(1, nearest[part, None])[:, 0]
            distances[part] = (queries[part].double() - points[nearest[part]].double()).norm(dim=1)
        refuse_unsound(least.numpy(), X=queries.numpy(), Y=points.numpy())
        evaluations = np.full(n, len(points))
        return Neighbours(nearest[:, None].numpy(), distances[:, None].numpy(), evaluations, np.zeros(n, bool))


class SearchBySize:
    """The search chosen by the number of points m and of features d, "auto".

    Up to m = 40 000 brute force, which is exact; beyond, a k-d tree for d ≤ 8, exact too, and else Principal DCI, which
    is not. At 40 000 points, with as many queries and the build counted, each of the two was as quick as brute force on
    8 features, the tree many times quicker on 2; Principal DCI was quicker on 16, and several times so on 784, where it
    found more than 0.99 of the nearest. Prioritized DCI at its defaults was slower than brute force at each size tried,
    up to 80 000 points of 784 features.
    """

    index_: Any

    def __init__(self, rng: torch.Generator):
        self._rng = rng

    def fit(self, Y: np.ndarray) -> SearchBySize:
        """Builds the index that is quick for the points (m, d)."""
        m, d = Y.shape
        name = "brute-force" if m <= ALL_COMPARED else "kd-tree" if d <= NARROW else "principal-dci"
        self.index_ = unfitted_index(name, self._rng).fit(Y)
        return self

    def search(self, X: np.ndarray, k: int) -> Neighbours:
        """The k points that it finds nearest to each of X (n, d)."""
        found: Neighbours = self.index_.search(X, k)
        return found
