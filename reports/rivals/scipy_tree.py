"""SciPy's k-d tree, exact and with its own approximation factor."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from reports.rivals.contestant import Answer, Contestant, Search, rivals, settings


def _build(X: np.ndarray, seed: int) -> Search:
    del seed
    tree = cKDTree(X)

    def search(Q: np.ndarray, k: int, *, eps: float) -> Answer:
        _, indices = tree.query(Q, k=list(range(1, k + 1)), eps=eps, workers=1)
        return Answer(np.where(indices < tree.n, indices, -1))

    return search


@rivals.register("scipy")
def contestants() -> list[Contestant]:
    """cKDTree: the k-th distance is within a factor 1 + eps of the true one."""
    return [Contestant("SciPy cKDTree", "scipy", _build, asked=settings(eps=(0.0, 1.0)))]
