"""PyNNDescent: a graph of approximate neighbours, searched greedily."""

from __future__ import annotations

import numba
import numpy as np
from pynndescent import NNDescent

from reports.rivals.contestant import Answer, Contestant, Search, rivals, settings


def _build(X: np.ndarray, seed: int, threads: int, *, n_neighbors: int) -> Search:
    index = NNDescent(X, n_neighbors=n_neighbors, n_jobs=threads, random_state=seed)
    index.prepare()

    def search(Q: np.ndarray, k: int, *, epsilon: float) -> Answer:
        numba.set_num_threads(threads)
        indices, _ = index.query(Q, k=k, epsilon=epsilon)
        return Answer(indices)

    return search


@rivals.register("pynndescent")
def contestants() -> list[Contestant]:
    """Its kernels are compiled in every new process, for over a minute, which the quick size cannot afford."""
    return [
        Contestant(
            "PyNNDescent",
            "pynndescent",
            _build,
            built=settings(n_neighbors=(15, 30)),
            asked=settings(epsilon=(0.0, 0.1, 0.2, 0.4)),
            sizes=("standard", "full"),
            why="left to the larger sizes, since it compiles for over a minute in every process",
        )
    ]
