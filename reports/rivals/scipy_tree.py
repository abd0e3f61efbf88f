"""SciPy's k-d tree, exact."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from reports.rivals.contestant import Answer, Contestant, Search, rivals


def _build(X: np.ndarray, seed: int, threads: int) -> Search:
    del seed
    tree = cKDTree(X)

    def search(Q: np.ndarray, k: int) -> Answer:
        _, indices = tree.query(Q, k=list(range(1, k + 1)), workers=threads)
        return Answer(np.where(indices < tree.n, indices, -1))

    return search


@rivals.register("scipy")
def contestants() -> list[Contestant]:
    """cKDTree as it is by default."""
    return [Contestant("SciPy cKDTree", "scipy", _build)]
