"""The searches that are compared: Principal DCI, hnswlib, and rivals on principal coordinates, at grids of settings."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np

from benchmarks.ratio_table import Search, say

K = 10
BREADTHS = (10, 12, 15, 20, 26, 32, 40)
PROBES = (0.02, 0.03, 0.045, 0.07, 0.1, 0.15)
CANDIDATES = (16, 20, 26, 34, 44)


def ours(X, n_cells, *, probes=PROBES, candidates=CANDIDATES):
    """Principal DCI with some numbers of cells, at a grid of settings."""
    from knn import PrincipalDCI

    PrincipalDCI(random_state=0).fit(X[:2000]).search(X[:2], K)  # compiles what is timed
    for cells in n_cells:
        index = PrincipalDCI(n_cells=cells, random_state=0).fit(X)
        for p, c in itertools.product(probes, candidates):

            def ask(Q, index=index, p=p, c=c):
                index.probes, index.candidates = p, c
                return index.search(Q, K).indices

            yield Search("ours", f"n_cells {cells}, probes {p}, candidates {c}", ask)


def graph(X, M, breadth, cache):
    """A graph of hnswlib, built on one thread, or read from the cache if it was built on the same points."""
    import hnswlib

    digest = hashlib.sha256(np.ascontiguousarray(X[:: max(1, len(X) // 1000)]).tobytes()).hexdigest()[:12]
    path = cache / f"hnswlib-{digest}-{len(X)}-{M}-{breadth}.bin"
    index = hnswlib.Index("l2", X.shape[1])
    if path.exists():
        index.load_index(str(path), max_elements=len(X))
    else:
        say(f"building hnswlib, M {M}, efConstruction {breadth}, which is then kept in {cache}")
        index.init_index(len(X), M=M, ef_construction=breadth, random_seed=0)
        index.add_items(X, num_threads=1)
        cache.mkdir(parents=True, exist_ok=True)
        index.save_index(str(path))
    index.set_num_threads(1)
    return index


def hnsw(X, chosen, *, breadths=BREADTHS):
    """hnswlib at a grid of settings."""
    for M, construction in chosen.graphs:
        index = graph(X, M, construction, chosen.cache)
        for breadth in breadths:

            def ask(Q, index=index, breadth=breadth):
                index.set_ef(breadth)
                return index.knn_query(Q, K, num_threads=1)[0].astype(np.int64)

            yield Search("hnswlib", f"M {M}, efConstruction {construction}, ef {breadth}", ask)


def reduced(X, chosen):
    """Rivals that work on 64 principal coordinates: hnswlib, re-ranked by our kernel, and faiss with refinement."""
    import faiss

    from knn.kernels import cpu

    pca = faiss.PCAMatrix(X.shape[1], min(64, X.shape[1]))
    pca.train(X[:: max(1, len(X) // 10_000)])
    rows = pca.apply(X)
    small = np.ascontiguousarray(X.astype(np.uint8)) if (X == X.astype(np.uint8)).all() else X
    for M, construction in chosen.graphs[:2]:
        index = graph(rows, M, construction, chosen.cache)
        for breadth, wanted in itertools.product((20, 30, 40, 60, 80), (20, 30, 40)):
            if wanted > breadth:
                continue

            def ask(Q, index=index, breadth=breadth, wanted=wanted):
                index.set_ef(breadth)
                found = index.knn_query(pca.apply(Q), wanted, num_threads=1)[0].astype(np.int64)
                distances, slots = cpu.empty_heaps(len(Q), K)
                for row, q in enumerate(Q.astype(np.float64)):
                    cpu.rank(small, found[row], q, distances[row], slots[row])
                cpu.ascending(distances, slots)
                return slots

            yield Search("hnswlib on 64 coordinates", f"M {M}, ef {breadth}, re-ranked {wanted}", ask)
    lists = max(1, min(256, len(X) // 40))
    base = faiss.index_factory(X.shape[1], f"PCA{min(64, X.shape[1])},IVF{lists},SQ8")
    base.train(X)
    refined = faiss.IndexRefineFlat(base)
    refined.add(X)
    cells = faiss.extract_index_ivf(base)
    for probes, factor in itertools.product((4, 8, 12, 18, 26, 40), (2, 3, 4, 5)):

        def ask(Q, probes=probes, factor=factor):
            cells.nprobe, refined.k_factor = min(probes, lists), factor
            return refined.search(Q, K)[1]

        yield Search("faiss PCA64,IVF256,SQ8", f"nprobe {probes}, k_factor {factor}", ask)
