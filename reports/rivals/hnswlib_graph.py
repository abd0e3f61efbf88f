"""hnswlib: a hierarchy of navigable small worlds, by the authors of the method."""

from __future__ import annotations

import hnswlib
import numpy as np

from reports.rivals.contestant import Answer, Contestant, Search, rivals, settings


def _build(X: np.ndarray, seed: int, threads: int, *, M: int, ef_construction: int) -> Search:
    index = hnswlib.Index(space="l2", dim=X.shape[1])
    index.init_index(max_elements=len(X), M=M, ef_construction=ef_construction, random_seed=seed + 1)
    index.set_num_threads(threads)
    index.add_items(X)

    def search(Q: np.ndarray, k: int, *, ef: int) -> Answer:
        index.set_ef(max(ef, k))
        return Answer(index.knn_query(Q, k=k)[0].astype(np.int64))

    return search


@rivals.register("hnswlib")
def contestants() -> list[Contestant]:
    """Graphs, asked with rising breadth; the larger ones take minutes to build, which the quick size cannot afford."""
    asked = settings(ef=(10, 20, 40, 80, 160))
    larger = tuple({"M": M, "ef_construction": breadth} for M, breadth in ((16, 400), (32, 200)))
    return [
        Contestant("hnswlib", "hnswlib", _build, built=({"M": 16, "ef_construction": 100},), asked=asked),
        Contestant(
            "hnswlib, larger graphs", "hnswlib", _build, built=larger, asked=asked, sizes=("standard", "full"),
            why="left to the larger sizes, since building them takes longer than all the rest",
        ),
    ]  # fmt: skip
