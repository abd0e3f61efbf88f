"""How many times quicker exact search is than its rivals: `python -m benchmarks.exact_ratios [part …] [--output FILE]`.

One thread. Ours and theirs take turns in one run, and a figure is the median over turns of (the rival's CPU seconds) /
(ours) in the same turn, with the least and the largest; the answers are compared before any clock runs. A part's
figures replace those of the same part in the CSV file.

    flat    MNIST, the ten nearest: BruteForce against faiss IndexFlatL2, 1000 and 10 000 queries and one at a time
    small   a few hundred points to a few thousand: BruteForce against SciPy's cdist with argmin or argpartition, and
            fitted anew for each batch against scikit-learn's NearestNeighbors
    trees   100 000 normal points, float64, the ten nearest: KDTree against SciPy's cKDTree and scikit-learn's KDTree
    cover   a surface of two dimensions in 5 and in 100: distances that CoverTree and KDTree compute for a query
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks import search_data
from benchmarks.ratio_table import Search, Table, say, seconds_by_turns

K = 10
PUBLISHED = Path("reports/published/exact-ratios.csv")


def race(table, what, searches, batches, turns, asked):
    """Adds the ratio of each rival's seconds to ours, which come first."""
    seconds = seconds_by_turns(searches, batches, turns)
    each = 1e6 * np.median(seconds, axis=0) / asked
    for rival in range(1, len(searches)):
        ratios = seconds[:, rival] / seconds[:, 0]
        table.add(f"{what}, against {searches[rival].family}", ratios, "ratio", float(each[0]), float(each[rival]))


def agree(found, truth, places=None):
    """Raises if indices differ; `places` may, where float32 rivals rank points within their rounding otherwise."""
    share = float(np.mean(found == truth))
    if share < (1.0 if places is None else places):
        raise RuntimeError(f"only {share:.4f} of the neighbours agree: the answers that are timed must be the same")


def flat(arguments):
    """BruteForce against IndexFlatL2 on MNIST; microseconds a query."""
    import faiss

    from knn import BruteForce

    faiss.omp_set_num_threads(1)
    X, _, Q = search_data.mnist(arguments.data / "mnist", 5000)
    Q = np.concatenate([Q, Q])
    rival, index = faiss.IndexFlatL2(X.shape[1]), BruteForce(n_neighbors=K).fit(X)
    rival.add(X)
    # Pixels are whole numbers, and both find the same squares; equal distances may come in another order.
    agree(index.search(Q[:200]).indices, rival.search(Q[:200], K)[1], 0.99)
    searches = [
        Search("BruteForce", "", lambda batch: index.search(batch).indices),
        Search("IndexFlatL2", "", lambda batch: rival.search(batch, K)[1]),
    ]
    table = Table("flat", ("numba", "numpy", "faiss-cpu"))
    race(table, "MNIST, 1000 queries (µs a query)", searches, [Q[:1000]], arguments.turns, 1000)
    race(table, "MNIST, one query at a time (µs)", searches, [Q[i : i + 1] for i in range(20)], arguments.turns, 20)
    race(table, "MNIST, 10 000 queries (µs a query)", searches, [Q], min(arguments.turns, 3), len(Q))
    return table


def small(arguments):
    """BruteForce against cdist; microseconds a call."""
    from scipy.spatial.distance import cdist
    from sklearn.neighbors import NearestNeighbors

    from knn import BruteForce

    rng, table = np.random.default_rng(0), Table("small", ("numba", "numpy", "scipy", "scikit-learn"))
    X = rng.standard_normal((64, 2))
    agree(BruteForce().fit(X).kneighbors(X, 1)[1][:, 0], np.arange(len(X)))
    fitted = [
        Search("BruteForce", "", lambda batch: BruteForce().fit(X).kneighbors(batch, 1)),
        Search("scikit-learn's", "", lambda batch: NearestNeighbors(algorithm="brute").fit(X).kneighbors(batch, 1)),
    ]
    race(table, "64 queries, fitted on 64 points × 2 each time (µs)", fitted, [X] * 20, 4 * arguments.turns, 20)
    for n, d in ((512, 2), (2048, 2), (512, 8), (4096, 8), (512, 64), (4096, 64)):
        X, Q = rng.standard_normal((n, d)), rng.standard_normal((n, d))
        index = BruteForce().fit(X)
        agree(index.kneighbors(Q, 1)[1][:, 0], cdist(Q, X).argmin(axis=1))
        nearest = [
            Search("BruteForce", "", lambda batch, index=index: index.kneighbors(batch, 1)),
            Search("cdist and argmin", "", lambda batch, X=X: cdist(batch, X).argmin(axis=1)),
        ]
        several = [
            Search("BruteForce", "", lambda batch, index=index: index.kneighbors(batch, K)),
            Search("cdist and argpartition", "", lambda batch, X=X: cdist(batch, X).argpartition(K - 1)[:, :K]),
        ]
        turns = arguments.turns * (4 if n < 4096 else 1)
        race(table, f"{n} queries, {n} points × {d}, the nearest (µs)", nearest, [Q], turns, 1)
        race(table, f"{n} queries, {n} points × {d}, the ten nearest (µs)", several, [Q], turns, 1)
    return table


def trees(arguments):
    """KDTree against cKDTree and scikit-learn's; microseconds a query, milliseconds a build."""
    from scipy.spatial import cKDTree
    from sklearn.neighbors import KDTree as Sklearns

    from knn import KDTree

    rng, table = np.random.default_rng(0), Table("trees", ("numba", "scipy", "scikit-learn"))
    for d, queries in ((3, 2000), (10, 200)):
        X, Q = rng.standard_normal((100_000, d)), rng.standard_normal((queries, d))
        ours, scipys, sklearns = KDTree(n_neighbors=K).fit(X), cKDTree(X), Sklearns(X)
        agree(ours.search(Q).indices, scipys.query(Q, K)[1])
        searches = [
            Search("KDTree", "", lambda batch, tree=ours: tree.kneighbors(batch)[1]),
            Search("cKDTree", "", lambda batch, tree=scipys: tree.query(batch, K)[1]),
            Search("scikit-learn's", "", lambda batch, tree=sklearns: tree.query(batch, K, return_distance=False)),
        ]
        race(table, f"d = {d}, {queries} queries (µs a query)", searches, [Q], 2 * arguments.turns, queries)
        builds = [
            Search("KDTree", "", lambda rows: KDTree().fit(rows)),
            Search("cKDTree", "", lambda rows: cKDTree(rows)),
            Search("scikit-learn's", "", lambda rows: Sklearns(rows)),
        ]
        race(table, f"d = {d}, build (ms)", builds, [X], arguments.turns, 1000)
    return table


def cover(arguments):  # noqa: ARG001
    """Distances computed for a query, which no clock measures."""
    from knn import CoverTree, KDTree

    rng, table = np.random.default_rng(0), Table("cover", ("numba",))
    for width in (5, 100):
        plane = np.linalg.qr(rng.standard_normal((width, 2)))[0].T
        rows = rng.random((20_200, 2)) @ plane
        X, Q = rows[:20_000], rows[20_000:]
        covers, boxes = (kind(n_neighbors=K).fit(X).search(Q) for kind in (CoverTree, KDTree))
        agree(covers.indices, boxes.indices)
        ours, theirs = covers.evaluations.mean(), boxes.evaluations.mean()
        what = f"20 000 points of a plane in {width}, distances a query, KDTree's / CoverTree's"
        table.add(what, theirs / ours, "ratio", float(ours), float(theirs))
    return table


PARTS = {"flat": flat, "small": small, "trees": trees, "cover": cover}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--data", type=Path, default=search_data.default_folder(), help="folder that holds mnist/")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--output", type=Path, help=f"CSV to write, as {PUBLISHED}")
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part is called {unknown[0]!r}: choose from {', '.join(PARTS)}")

    from threadpoolctl import threadpool_limits

    for part in arguments.parts or PARTS:
        say(f"— {part}")
        with threadpool_limits(limits=1):
            table = PARTS[part](arguments)
        if arguments.output:
            table.write(arguments.output)


if __name__ == "__main__":
    main()
