"""Sharded search to a thousand million points, on paper with measured constants: `python -m benchmarks.shard_plan`.

A batch of q queries (d float32 numbers, k neighbours) on S workers with n/S points each takes, with a link of B bytes a
second at the coordinator,

    T(S) = q a n/S + L + q S (4 d + 16 k)/B + q m S k

    a  seconds a point and query to search a shard            measured here, one thread
    m  seconds a query and candidate to merge                 measured here
    L  seconds for a call to a Dask worker and back           measured here
    memory of a worker  b n/S,  b bytes a point               foretold by `estimated_peak`, and the rows

The first term falls with S, the others rise: beyond S* = √(a n / ((4 d + 16 k)/B + m k)) a shard more costs time.
`--output CSV` keeps the table.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from benchmarks.origin import origin, write_rows

WIDTH, K, QUERIES, ROWS = 128, 10, 200, 100_000
#: Ten gigabits a second, an assumption and no measurement.
BANDWIDTH = 1.25e9
COLUMNS = ("what", "points", "shards", "value", "unit", "note", "commit", "machine")


class Constants(NamedTuple):
    """What T(S) is made of; see above."""

    search: float
    merge: float
    latency: float
    bytes_a_point: float


def measured() -> Constants:
    from knn import BruteForce
    from knn.neighbours import Neighbours
    from knn.shards import merged

    rng = np.random.default_rng(0)
    frame = rng.standard_normal((16, WIDTH))
    X = (rng.uniform(-1, 1, (ROWS, 16)) @ frame).astype(np.float32)
    Q = (rng.uniform(-1, 1, (QUERIES, 16)) @ frame).astype(np.float32)
    index = BruteForce(n_neighbors=K).fit(X)
    index.search(Q[:1])
    search = _seconds(lambda: index.search(Q)) / (QUERIES * ROWS)
    answers = [Neighbours(index.search(Q).indices, np.sort(rng.random((QUERIES, K)), axis=1),
                          np.ones(QUERIES, np.int64), np.ones(QUERIES, bool)) for _ in range(32)]  # fmt: skip
    merge = _seconds(lambda: merged(answers, K)) / (QUERIES * 32 * K)
    held = index.estimated_peak((ROWS, WIDTH)) / ROWS + 4 * WIDTH
    return Constants(search, merge, _latency(), held)


def _seconds(work) -> float:
    times = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return median(times)


def _latency() -> float:
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster,
        Client(cluster) as client,
    ):
        client.submit(abs, -1, pure=False).result()
        return _seconds(lambda: client.submit(abs, -1, pure=False).result())


def batch_seconds(n: int, shards: int, of: Constants) -> float:
    """T(S) of a batch of `QUERIES`."""
    sent = QUERIES * shards * (4 * WIDTH + 16 * K) / BANDWIDTH
    return QUERIES * of.search * n / shards + of.latency + sent + QUERIES * of.merge * shards * K


def best_shards(n: int, of: Constants) -> float:
    """S*, where T(S) is least."""
    return math.sqrt(of.search * n / ((4 * WIDTH + 16 * K) / BANDWIDTH + of.merge * K))


def plan(of: Constants) -> list[dict[str, object]]:
    """The rows of the table."""
    rows: list[dict[str, object]] = [
        {"what": "search, a point and query", "value": f"{1e9 * of.search:.3g}", "unit": "ns", "note": "measured"},
        {"what": "merge, a query and candidate", "value": f"{1e9 * of.merge:.3g}", "unit": "ns", "note": "measured"},
        {"what": "a call to a worker and back", "value": f"{1e3 * of.latency:.3g}", "unit": "ms", "note": "measured"},
        {"what": "memory a point", "value": f"{of.bytes_a_point:.4g}", "unit": "B", "note": "foretold, with the rows"},
    ]
    for n in (10**6, 10**7, 10**8, 10**9):
        best = best_shards(n, of)
        for shards in (1, 10, 100, 1000):
            memory, seconds = of.bytes_a_point * n / shards, batch_seconds(n, shards, of)
            gain = batch_seconds(n, 1, of) / seconds
            note = f"{memory / 1e9:.3g} GB a worker, {gain:.3g} times one shard's speed"
            rows.append({"what": f"{QUERIES} queries", "points": n, "shards": shards, "value": f"{seconds:.3g}",
                         "unit": "s", "note": note})  # fmt: skip
        rows.append({"what": "shards beyond which one more costs time", "points": n, "value": f"{best:.0f}", "unit": "",
                     "note": f"{batch_seconds(n, round(best), of):.3g} s a batch"})  # fmt: skip
    return rows


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    rows = plan(measured())
    for row in rows:
        told = " ".join(f"{row.get(name, '')!s:>12}" for name in ("points", "shards", "value", "unit"))
        sys.stdout.write(f"{row['what']:>40} {told}  {row['note']}\n")
    if given.output:
        write_rows(given.output, COLUMNS, [{**row, **origin()} for row in rows])
    return 0


if __name__ == "__main__":
    sys.exit(main())
