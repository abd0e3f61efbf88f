"""scikit-learn's exact searches: brute force through matrix products, and its k-d tree."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors

from reports.rivals.contestant import Answer, Contestant, Search, rivals, settings


def _build(X: np.ndarray, seed: int, threads: int, *, algorithm: str = "brute", leaf_size: int = 30) -> Search:
    del seed
    index = NearestNeighbors(algorithm=algorithm, leaf_size=leaf_size, n_jobs=threads).fit(X)
    return lambda Q, k: Answer(index.kneighbors(Q, n_neighbors=k, return_distance=False))


def _tree(X: np.ndarray, seed: int, threads: int, *, leaf_size: int) -> Search:
    return _build(X, seed, threads, algorithm="kd_tree", leaf_size=leaf_size)


@rivals.register("scikit-learn")
def contestants() -> list[Contestant]:
    """Brute force and the k-d tree."""
    return [
        Contestant("scikit-learn brute", "scikit-learn", _build),
        Contestant("scikit-learn k-d tree", "scikit-learn", _tree, built=settings(leaf_size=(40,))),
    ]
