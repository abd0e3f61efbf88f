"""How many times quicker Principal DCI is than its rivals: `python -m benchmarks.search_ratios [part …] [--output …]`.

The ten nearest, one thread. All searches take turns in one run, and a figure is the median over turns of (the rival's
CPU seconds) / (ours) in the same turn, with the least and the largest. Both sides' settings are tuned on other queries
than those timed, and times are read at equal recall. Each part takes a few minutes once its graphs, which `--cache`
keeps, are built; a part's figures replace those of the same part in the CSV file.

    exact         MNIST: IndexFlatL2, BruteForce, and Principal DCI with a proof
    approximate   MNIST: hnswlib over its M and efConstruction
    reduced       MNIST: hnswlib on 64 principal coordinates with our re-ranking, faiss PCA64,IVF256,SQ8 refined
    cost          MNIST: build against hnswlib's, memory, two threads against one
    images        3072 columns with the spectrum of natural images (CIFAR-10's binaries where the data folder has them)
    spectrum      what share of their energy few principal directions hold, beside photographs
    manifold      400 000 × 128 on a surface of dimension 16, against hnswlib
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np

from benchmarks import search_data
from benchmarks.ratio_table import Search, Table, around, at_recall, say, seconds_by_turns, share_found
from benchmarks.search_rivals import K, hnsw, ours, reduced

GRAPHS = "16/200,16/400,24/400,32/200,32/400,48/400"
PEERS = ("numba", "faiss-cpu", "hnswlib")


def compare(table, searches, data, chosen, targets, forms=("batch", "single")):
    """Rivals' times over ours at each recall: settings are chosen on one set of queries and timed on the other."""
    X, tuning, Q = data[0], data[1][: len(data[1]) // 2], data[2]
    truth, truth_tuning = true_neighbours(X, Q), true_neighbours(X, tuning)
    found = np.array([share_found(search.ask(tuning), truth_tuning) for search in searches])
    families = list(dict.fromkeys(search.family for search in searches))
    for form in forms:
        asked = [Q] if form == "batch" else [Q[i : i + 1] for i in range(0, len(Q), 4)]
        tried = [tuning] if form == "batch" else [tuning[i : i + 1] for i in range(0, len(tuning), 8)]
        taken = np.median(seconds_by_turns(searches, tried, 2), axis=0)
        picked = {}
        for family in families:
            own = np.array([i for i, search in enumerate(searches) if search.family == family])
            picked[family] = sorted({own[j] for t in targets for j in around(found[own], taken[own], t)})
        scored = [i for family in families for i in picked[family]]
        recalls = np.array([share_found(searches[i].ask(Q), truth) for i in scored])
        seconds = seconds_by_turns([searches[i] for i in scored], asked, chosen.turns) / sum(map(len, asked))
        for i, recall, each in zip(scored, recalls, np.median(seconds, axis=0), strict=True):
            say(f"  {form}: {searches[i].family}, {searches[i].setting}: recall {recall:.4f}, {1e6 * each:.1f} µs")
        for target, rival in itertools.product(targets, families[1:]):
            times = [
                [at_recall(recalls[mine], turn[mine], target) for turn in seconds]
                for mine in (np.isin(scored, picked[family]) for family in (families[0], rival))
            ]
            figures = 1e6 * np.median(times, axis=1)
            what = f"{rival} / PrincipalDCI, {form}, recall {target}"
            table.add(what, np.divide(times[1], times[0]), "ratio", *(f"{us:.1f} µs" for us in figures))


def true_neighbours(X, Q):
    """By the proof of Principal DCI, which the tests hold to the definition."""
    from knn import PrincipalDCI

    found = PrincipalDCI(random_state=0).fit(X).search(Q, K, exact=True)
    return found.indices


def exact_part(chosen, X, Q, part):
    """Exact searches over IndexFlatL2, in batch and one query at a time."""
    import faiss

    from knn import BruteForce, PrincipalDCI

    table = Table(part, PEERS)
    flat = faiss.IndexFlatL2(X.shape[1])
    flat.add(X)
    brute = BruteForce(random_state=0).fit(X)
    principal = PrincipalDCI(probes=0.04, candidates=25, random_state=0).fit(X)
    searches = [
        Search("PrincipalDCI, proved", "", lambda Q: principal.search(Q, K, exact=True).indices),
        Search("IndexFlatL2", "", lambda Q: flat.search(Q, K)[1]),
        Search("BruteForce", "", lambda Q: brute.search(Q, K).indices),
    ]
    truth = searches[2].ask(Q)
    for search in searches:
        search.ask(Q[:1])
        table.add(f"{search.family}, recall", share_found(search.ask(Q), truth), "share")
    proved = principal.search(Q, K, exact=True)
    table.add("PrincipalDCI, proved, share certified", proved.certified.mean(), "share")
    table.add("PrincipalDCI, proved, distances a query", proved.evaluations.mean(), "distances")
    for form, asked in (("batch", [Q]), ("single", [Q[i : i + 1] for i in range(0, len(Q), 20)])):
        seconds = seconds_by_turns(searches, asked, chosen.turns) / sum(map(len, asked))
        each = [f"{us:.1f} µs" for us in 1e6 * np.median(seconds, axis=0)]
        for i in (0, 2):
            table.add(
                f"IndexFlatL2 / {searches[i].family}, {form}", seconds[:, 1] / seconds[:, i], "ratio", each[i], each[1]
            )
    return table


def exact(chosen):
    X, _, Q = search_data.mnist(chosen.data / "mnist", chosen.queries)
    return exact_part(chosen, X, Q, "exact")


def images(chosen):
    rows = search_data.cifar(chosen.data)
    say("CIFAR-10" if rows is not None else "generated images: no CIFAR-10 binaries in the data folder")
    if rows is None:
        rows = search_data.natural(50_000 + chosen.queries, np.random.default_rng(0))
    held = np.random.default_rng(1).permutation(len(rows))[: chosen.queries]
    X = np.delete(rows, held, axis=0)
    return exact_part(chosen, X, rows[held], "images")


def spectrum(chosen):
    """How flat the generated images' spectrum is, beside photographs' and CIFAR-10's where it is there."""
    table, rng = Table("spectrum", ("numpy", "scikit-learn")), np.random.default_rng(0)
    kinds = {"generated images": search_data.natural(8000, rng), "photographs": search_data.photographs(8000, rng)}
    rows = search_data.cifar(chosen.data)
    if rows is not None:
        kinds["CIFAR-10"] = rows[:8000]
    for kind, rows in kinds.items():
        energies = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
        for first in (1, 63, 99, 217, 658):
            table.add(
                f"{kind}, energy in the first {first} directions", energies[:first].sum() / energies.sum(), "share"
            )
    return table


def approximate(chosen):
    data = search_data.mnist(chosen.data / "mnist", chosen.queries)
    table = Table("approximate", PEERS)
    compare(table, [*ours(data[0], chosen.cells), *hnsw(data[0], chosen)], data, chosen, (0.95, 0.99))
    return table


def on_coordinates(chosen):
    data = search_data.mnist(chosen.data / "mnist", chosen.queries)
    table = Table("reduced", PEERS)
    compare(table, [*ours(data[0], chosen.cells), *reduced(data[0], chosen)], data, chosen, (0.99,), ("batch",))
    return table


def manifold(chosen):
    rows = search_data.manifold(chosen.points + 2 * chosen.queries)
    X, tuning, Q = np.split(rows, [chosen.points, chosen.points + chosen.queries])
    table = Table("manifold", PEERS)
    mine = ours(X, chosen.cells, probes=(0.005, 0.01, 0.02, 0.03, 0.05, 0.08), candidates=(14, 20, 30))
    compare(table, [*mine, *hnsw(X, chosen)], (X, tuning, Q), chosen, (0.95,), ("batch",))
    return table


def cost(chosen):
    """Building, memory, threads."""
    import hnswlib

    from knn import PrincipalDCI

    X, _, Q = search_data.mnist(chosen.data / "mnist", chosen.queries)
    table = Table("cost", PEERS)
    index = PrincipalDCI(random_state=0).fit(X)

    def seconds(build):
        start = time.process_time()  # of one thread, and other processes do not count
        build()
        return time.process_time() - start

    M, construction = chosen.graphs[0]

    def build_graph():
        rival = hnswlib.Index("l2", X.shape[1])
        rival.init_index(len(X), M=M, ef_construction=construction, random_seed=0)
        rival.add_items(X, num_threads=1)

    theirs, mine = seconds(build_graph), [seconds(lambda: PrincipalDCI(random_state=0).fit(X)) for _ in range(3)]
    what = f"building: hnswlib (M {M}, efConstruction {construction}) / PrincipalDCI, CPU seconds"
    table.add(what, theirs / np.array(mine), "ratio", float(np.median(mine)), theirs)
    index.search(Q[:1], exact=True)
    for what, size in index.memory_.items():
        table.add(f"memory beside the data, {what}", size / 1e6, "MB")
    two = PrincipalDCI(n_jobs=2, random_state=0).fit(X)
    many = np.concatenate([Q] * 5)
    pair = [
        Search("one", "", lambda Q: index.search(Q, K).indices),
        Search("two", "", lambda Q: two.search(Q, K).indices),
    ]
    taken = seconds_by_turns(pair, [many], chosen.turns, time.perf_counter)
    table.add("one thread's time / two threads', batch", taken[:, 0] / taken[:, 1])
    return table


PARTS = {
    "exact": exact,
    "approximate": approximate,
    "reduced": on_coordinates,
    "cost": cost,
    "images": images,
    "spectrum": spectrum,
    "manifold": manifold,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--data", type=Path, default=search_data.default_folder(), help="folder with mnist/*.gz")
    parser.add_argument("--cache", type=Path, default=None, help="folder for hnswlib's graphs (the user's cache)")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--points", type=int, default=400_000, help="of the manifold")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--graphs", default=GRAPHS, help="M/efConstruction, with commas (%(default)s)")
    parser.add_argument("--cells", default="256", help="numbers of cells of ours, with commas (%(default)s)")
    parser.add_argument("--output", type=Path, default=None, help="CSV in which the figures are kept")
    chosen = parser.parse_args()
    unknown = [part for part in chosen.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part is called {unknown[0]!r}: choose from {', '.join(PARTS)}")

    import faiss
    import platformdirs
    from threadpoolctl import threadpool_limits

    faiss.omp_set_num_threads(1)
    chosen.graphs = [tuple(map(int, pair.split("/"))) for pair in chosen.graphs.split(",")]
    chosen.cells = [int(count) for count in chosen.cells.split(",")]
    if chosen.cache is None:
        chosen.cache = Path(platformdirs.user_cache_dir("implicitbench", appauthor=False)) / "peers"
    with threadpool_limits(limits=1):
        for part in chosen.parts or PARTS:
            say(f"— {part}")
            table = PARTS[part](chosen)
            if chosen.output is not None:
                table.write(chosen.output)


if __name__ == "__main__":
    main()
