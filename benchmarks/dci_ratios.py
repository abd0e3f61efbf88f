"""The levels of DCI against exact search and hnswlib: `python -m benchmarks.dci_ratios [--queries 500]`.

MNIST, the ten nearest, one thread, one batch. All searches take turns, each turn starting one later than the last; a
ratio is the median over turns of (the search's CPU seconds) / (IndexFlatL2's) in the same turn, with the least and
largest. The settings are chosen on other queries than those scored, by `knn.tuned`'s rule: the quickest that has the
recall. hnswlib's graphs, over M and efConstruction, are built once and kept in `--cache`. Prints the table, and writes
it to `--output` with commit and machine.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import sys
import time
from pathlib import Path

from benchmarks.origin import origin, write_rows

K = 10
COLUMNS = (
    "recall wanted", "search", "setting", "recall", "ms a query", "of IndexFlatL2", "least", "largest", "most wanted",
    "commit", "machine",
)  # fmt: skip
#: Recalls at which everything is compared, and at most how much of IndexFlatL2's time is wanted there.
WANTED = {0.92: 0.2, 0.95: None, 0.96: 0.3, 0.995: 0.8}
HIERARCHY = tuple(itertools.product((12, 16, 20, 24, 30, 40, 60, 90, 130, 180, 240), (15, 20, 30, 50, 100, 200)))
PROJECTED = tuple(itertools.product((16, 24, 32, 40, 48, 64, 100, 160), (0.3, 0.5, 1.0)))
GRAPHS = "16/200,16/400,24/400,32/200,32/400,48/400"
BREADTHS = (10, 14, 20, 28, 40, 56, 80, 120, 180)


def say(line):
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def share_found(indices, truth):
    """Recall at K; of equally distant points only the one with the smaller index counts."""
    return sum(len(set(a) & set(b)) for a, b in zip(indices.tolist(), truth.tolist(), strict=True)) / truth.size


def searches(X, chosen):
    """{name: {setting: search}}, built with seconds and memory printed."""
    import faiss

    from benchmarks.search_rivals import hnsw
    from knn import MultiLevelDCI, RandomHierarchy

    faiss.omp_set_num_threads(1)
    flat = faiss.IndexFlatL2(X.shape[1])
    flat.add(X)
    found = {"IndexFlatL2": {"": lambda Q: flat.search(Q, K)[1]}}

    def ours(index, Q, **asked):
        return index.set_params(**asked).search(Q, K).indices

    for kind, settings in ((RandomHierarchy, HIERARCHY), (MultiLevelDCI, PROJECTED)):
        kind(random_state=0).fit(X[:500]).search(X[:2], K)  # compiles what is timed
        start = time.perf_counter()
        index = kind(random_state=0).fit(X)
        size = sum(array.nbytes for array in index._state().values()) / 1e6
        say(f"built {kind.__name__} in {time.perf_counter() - start:.2f} s, {size:.1f} MB besides the data")
        found[kind.__name__] = {
            f"beam {beam}, candidates {some}": functools.partial(ours, index, beam=beam, candidates=some)
            for beam, some in settings
        }
    found["hnswlib"] = {search.setting: search.ask for search in hnsw(X, chosen, breadths=BREADTHS)}
    return found


def tried(settings, Q, truth):
    """[(seconds, recall, setting)] on Q."""
    found = []
    for name, search in settings.items():
        search(Q[:1])
        start = time.thread_time()
        indices = search(Q)
        found.append((time.thread_time() - start, share_found(indices, truth), name))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--output", type=Path, help="CSV to write, commit and machine with each row")
    parser.add_argument("--graphs", default=GRAPHS, help="M/efConstruction, with commas (%(default)s)")
    parser.add_argument("--cache", type=Path, default=None, help="folder for hnswlib's graphs (the user's cache)")
    asked = parser.parse_args()
    asked.graphs = [tuple(map(int, pair.split("/"))) for pair in asked.graphs.split(",")]

    import numpy as np
    import platformdirs
    from threadpoolctl import threadpool_limits

    from knn import BruteForce
    from reports.datasets.source import datasets

    if asked.cache is None:
        asked.cache = Path(platformdirs.user_cache_dir("implicitbench", appauthor=False)) / "peers"
    where = origin()
    X, Q = (np.ascontiguousarray(datasets["mnist"].load(split)[0], np.float32) for split in ("train", "test"))
    Q = Q[np.random.default_rng(0).permutation(len(Q))[: 2 * asked.queries]]
    tuning, scored = np.ascontiguousarray(Q[: asked.queries]), np.ascontiguousarray(Q[asked.queries :])
    rows = []
    with threadpool_limits(limits=1):
        found = searches(X, asked)
        exact = BruteForce().fit(X)
        truths = [exact.search(part, K).indices for part in (tuning, scored)]
        flat = found.pop("IndexFlatL2")[""]
        trials = {name: tried(settings, tuning, truths[0]) for name, settings in found.items()}
        for recall, limit in WANTED.items():
            taking = [("IndexFlatL2", "", flat)]
            for name, settings in found.items():
                enough = sorted(trial for trial in trials[name] if trial[1] >= recall)
                if enough:
                    taking.append((name, enough[0][2], settings[enough[0][2]]))
            seconds = np.empty((asked.turns, len(taking)))
            for turn in range(asked.turns):
                for place in range(len(taking)):
                    which = (place + turn) % len(taking)
                    start = time.thread_time()
                    taking[which][2](scored)
                    seconds[turn, which] = time.thread_time() - start
            for i, (name, pick, search) in enumerate(taking):
                least, middle, largest = np.quantile(seconds[:, i] / seconds[:, 0], [0, 0.5, 1])
                each, share = 1e3 * np.median(seconds[:, i]) / len(scored), share_found(search(scored), truths[1])
                wanted = limit if limit is not None and name == "RandomHierarchy" else ""
                figures = f"{share:.4f}", f"{each:.4f}", f"{middle:.3f}", f"{least:.3f}", f"{largest:.3f}"
                told = dict(zip(COLUMNS, (recall, name, pick, *figures, wanted), strict=False))
                rows.append(told | where)
                of_flat = f"{middle:8.3f} ({least:.3f} … {largest:.3f})"
                say(f"{recall:6} {name:18}{pick:28}{share:8.4f}{each:9.4f} ms{of_flat}")
    if asked.output is not None:
        write_rows(asked.output, COLUMNS, rows)


if __name__ == "__main__":
    main()
