"""Annoy: a forest of random hyperplane trees."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import annoy
import numpy as np

from reports.rivals.contestant import Answer, Contestant, Search, rivals, settings


def _build(X: np.ndarray, seed: int, threads: int, *, trees: int) -> Search:
    index = annoy.AnnoyIndex(X.shape[1], "euclidean")
    index.set_seed(seed + 1)
    for place, row in enumerate(X):
        index.add_item(place, row)
    index.build(trees, n_jobs=threads)

    def search(Q: np.ndarray, k: int, *, nodes_a_tree: int) -> Answer:
        found = np.full((len(Q), k), -1, dtype=np.int64)

        def ask(places: np.ndarray) -> None:
            for place in places:
                near = index.get_nns_by_vector(Q[place], k, search_k=nodes_a_tree * trees)
                found[place, : len(near)] = near

        parts = np.array_split(np.arange(len(Q)), threads)
        if threads == 1:
            ask(*parts)
        else:  # a search gives the interpreter's lock back
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(ask, parts))
        return Answer(found)

    return search


@rivals.register("annoy")
def contestants() -> list[Contestant]:
    """One forest, asked to look at rising numbers of nodes; it takes its queries one by one."""
    return [
        Contestant(
            "annoy",
            "annoy",
            _build,
            built=settings(trees=(30,)),
            asked=settings(nodes_a_tree=(10, 30, 100, 300)),
        )
    ]
