"""faiss: flat search, inverted lists, hierarchical navigable small worlds, and hashing by signs."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np

from reports.rivals.contestant import Answer, Contestant, Search, rivals, settings


def _ask(index: Any, Q: np.ndarray, k: int) -> Answer:
    _, indices = index.search(np.ascontiguousarray(Q, dtype=np.float32), k)
    return Answer(indices)


def _flat(X: np.ndarray, seed: int, threads: int) -> Search:
    del seed
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatL2(X.shape[1])
    index.add(X)
    return lambda Q, k: _ask(index, Q, k)


def _inverted_lists(X: np.ndarray, seed: int, threads: int, *, rows_a_list: int) -> Search:
    faiss.omp_set_num_threads(threads)
    lists = max(1, len(X) // rows_a_list)
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(X.shape[1]), X.shape[1], lists)
    index.cp.seed = seed
    # Each list gets fewer rows than faiss would like for training, which it prints at every build.
    index.cp.min_points_per_centroid = 1
    index.train(X)
    index.add(X)

    def search(Q: np.ndarray, k: int, *, nprobe: int) -> Answer:
        index.nprobe = nprobe
        return _ask(index, Q, k)

    return search


def _small_worlds(X: np.ndarray, seed: int, threads: int, *, M: int, efConstruction: int) -> Search:
    del seed  # faiss draws the levels from a generator of its own, seeded alike for every index
    faiss.omp_set_num_threads(threads)
    index = faiss.IndexHNSWFlat(X.shape[1], M)
    index.hnsw.efConstruction = efConstruction
    index.add(X)

    def search(Q: np.ndarray, k: int, *, efSearch: int) -> Answer:
        index.hnsw.efSearch = efSearch
        return _ask(index, Q, k)

    return search


def _signs(X: np.ndarray, seed: int, threads: int, *, bits: int) -> Search:
    del seed  # as above
    faiss.omp_set_num_threads(threads)
    codes = faiss.IndexLSH(X.shape[1], bits)
    index = faiss.IndexRefineFlat(codes)
    index.train(X)
    index.add(X)

    def search(Q: np.ndarray, k: int, *, measured_a_neighbour: int) -> Answer:
        index.k_factor = measured_a_neighbour
        return _ask(index, Q, k)

    return search


@rivals.register("faiss")
def contestants() -> list[Contestant]:
    """Flat, IVF, HNSW, and LSH, whose nearest codes are measured."""
    return [
        Contestant("faiss Flat", "faiss-cpu", _flat),
        Contestant(
            "faiss IVF",
            "faiss-cpu",
            _inverted_lists,
            built=settings(rows_a_list=(100,)),
            asked=settings(nprobe=(1, 2, 4, 8, 16, 32)),
        ),
        Contestant(
            "faiss HNSW",
            "faiss-cpu",
            _small_worlds,
            built=({"M": 16, "efConstruction": 100},),
            asked=settings(efSearch=(10, 20, 40, 80, 160)),
        ),
        Contestant(
            "faiss LSH",
            "faiss-cpu",
            _signs,
            built=settings(bits=(512,)),
            asked=settings(measured_a_neighbour=(3, 10, 30, 100)),
        ),
    ]
