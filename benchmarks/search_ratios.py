"""How many times quicker than faiss's exact search: `python -m benchmarks.search_ratios [--queries 500] [--data DIR]`.

MNIST, the ten nearest, one thread. All searches take turns, each turn starting one later than the last, and a ratio is
the median over turns of (IndexFlatL2's seconds) / (the search's) in the same turn, with the least and the largest.
HNSW and the approximate Principal DCI are asked at several settings; read them at equal recall.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import os
import sys
import time
from pathlib import Path

K = 10
HNSW = {"M": 16, "efConstruction": 200}
BREADTHS = (16, 32, 64, 128)
SETTINGS = ((0.02, 20), (0.05, 30), (0.1, 40), (0.2, 50))


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def share_found(indices, truth):
    """Recall at K; of equally distant points only the one with the smaller index counts."""
    return sum(len(set(a) & set(b)) for a, b in zip(indices.tolist(), truth.tolist(), strict=True)) / truth.size


def images(path):
    """The rows of an IDX file of images, float32 (n, pixels)."""
    import numpy as np

    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16).reshape(-1, 784).astype(np.float32)


def contestants(X, quick):
    """(name, search of queries that gives indices (q, k)), built with their seconds printed."""
    import faiss

    from knn import BruteForce, PrincipalDCI

    faiss.omp_set_num_threads(1)
    PrincipalDCI(random_state=0).fit(X[:500]).search(X[:2], K, exact=True)  # compiles what is timed
    BruteForce().fit(X[:500]).search(X[:20], K)

    def built(name, build):
        start = time.perf_counter()
        index = build()
        say(f"built {name} in {time.perf_counter() - start:.2f} s")
        return index

    def flat():
        index = faiss.IndexFlatL2(X.shape[1])
        index.add(X)
        return index

    def graph():
        index = faiss.IndexHNSWFlat(X.shape[1], HNSW["M"])
        index.hnsw.efConstruction = HNSW["efConstruction"]
        index.add(X)
        return index

    exact, brute = built("IndexFlatL2", flat), built("BruteForce", lambda: BruteForce(random_state=0).fit(X))
    principal = built("PrincipalDCI", lambda: PrincipalDCI(random_state=0).fit(X))
    yield "IndexFlatL2", lambda Q: exact.search(Q, K)[1]
    yield "BruteForce", lambda Q: brute.search(Q, K).indices

    def ours(Q, probes, candidates, exact):
        return principal.set_params(probes=probes, candidates=candidates).search(Q, K, exact=exact).indices

    yield "PrincipalDCI, exact", functools.partial(ours, probes=0.05, candidates=30, exact=True)
    for probes, candidates in SETTINGS:
        search = functools.partial(ours, probes=probes, candidates=candidates, exact=False)
        yield f"PrincipalDCI, probes {probes}, candidates {candidates}", search
    if quick:
        return
    hnsw = built(f"HNSW {HNSW}", graph)
    for breadth in BREADTHS:

        def walk(Q, breadth=breadth):
            hnsw.hnsw.efSearch = breadth
            return hnsw.search(Q, K)[1]

        yield f"HNSW, efSearch {breadth}", walk


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(os.environ.get("IMPLICITBENCH_DATA", "."), "mnist")
    parser.add_argument("--data", type=Path, default=default, help="folder of MNIST's .gz files (%(default)s)")
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--single", action="store_true", help="one query at a time, a tenth of the queries")
    parser.add_argument("--without-hnsw", action="store_true", help="leave out the graph, which takes long to build")
    chosen = parser.parse_args()

    import numpy as np
    from threadpoolctl import threadpool_limits

    X, Q = images(chosen.data / "train-images-idx3-ubyte.gz"), images(chosen.data / "t10k-images-idx3-ubyte.gz")
    # Drawn at random: the first half of MNIST's test set is the easier one.
    Q = np.ascontiguousarray(Q[np.random.default_rng(0).permutation(len(Q))[: chosen.queries]])
    batches = [Q[i : i + 1] for i in range(0, len(Q), 10)] if chosen.single else [Q]
    asked = sum(len(batch) for batch in batches)
    with threadpool_limits(limits=1):
        searches = list(contestants(X, chosen.without_hnsw))
        truth = searches[1][1](Q)  # BruteForce, whose answers are the definition's
        recall = [share_found(search(Q), truth) for _, search in searches]
        seconds = np.empty((chosen.turns, len(searches)))
        for turn in range(chosen.turns):
            for place in range(len(searches)):
                which = (place + turn) % len(searches)
                start = time.perf_counter()
                for batch in batches:
                    searches[which][1](batch)
                seconds[turn, which] = time.perf_counter() - start
    ratios = seconds[:, :1] / seconds
    say(f"{'':48}{'recall':>8}{'ms a query':>12}{'IndexFlatL2 / it: median (least … largest)':>46}")
    for i, (name, _) in enumerate(searches):
        least, middle, largest = np.quantile(ratios[:, i], [0, 0.5, 1])
        each = 1e3 * np.median(seconds[:, i]) / asked
        say(f"{name:48}{recall[i]:8.4f}{each:12.4f}{middle:24.2f} ({least:.2f} … {largest:.2f})")


if __name__ == "__main__":
    main()
