"""A million points of 128 float32 numbers in each index: `python -m benchmarks.knn_memory [index …] [--output CSV]`.

Each index builds and answers in a process of its own, held to IMPLICITBENCH_MEMORY_LIMIT=4GB, and says what its build
was foretold to take besides the data, what it took once its kernels were there, and the most that the process ever
held, the interpreter, the kernels and the 512 MB of data included; beside it, how many of the ten nearest it found. The
data lie on a surface of 16 dimensions. An index's row replaces that of the same name in the CSV file. Minutes an index;
`--rows` is quicker.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

from reports.provenance import commit, machine

LIMIT = 4 * 10**9
COLUMNS = ("index", "rows", "columns", "data_mb", "foretold_mb", "built_mb", "peak_mb", "recall", "certified")

CHILD = """
import json, resource, sys
import numpy as np, psutil
from knn import indexes, memory

name, n = sys.argv[1], int(sys.argv[2])
rng = np.random.default_rng(0)
frame, bend = rng.standard_normal((16, 128)), rng.standard_normal((16, 128))

def surface(rows, seed):
    at = np.random.default_rng(seed).uniform(-1, 1, (rows, 16))
    return (at @ frame + np.sin(at @ bend)).astype(np.float32)

X = np.empty((n, 128), np.float32)
for start in range(0, n, 10_000):
    X[start : start + 10_000] = surface(len(X[start : start + 10_000]), start)
Q = surface(20, -1 % 2**32)
kind = indexes[name]
index = kind(n_neighbors=10, random_state=0)
foretold = memory.estimated_peak(index, X[: memory.TRIAL], n)
kind(n_neighbors=10, random_state=0).fit(X[:600]).search(Q)  # loads the kernels, some 100 MB
before = psutil.Process().memory_info().rss
index.fit(X)
unit = 1 if sys.platform == "darwin" else 1024
built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit - before
found = index.search(Q)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
squared = np.stack([((X[i : i + 10_000, None] - Q) ** 2).sum(axis=2) for i in range(0, n, 10_000)])
true = np.argsort(squared.reshape(n, len(Q)), axis=0)[:10].T
recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.indices, true)])
print(json.dumps(dict(foretold=foretold, built=built, peak=peak, recall=recall, data=X.nbytes,
                      certified=float(found.certified.mean()))))
"""


def measured(name: str, rows: int) -> dict[str, object]:
    """One index in a process of its own; raises RuntimeError with what it said if it failed."""
    environment = {**os.environ, "IMPLICITBENCH_MEMORY_LIMIT": str(LIMIT)}
    done = subprocess.run(
        [sys.executable, "-c", CHILD, name, str(rows)], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    sizes = {f"{what}_mb": round(told[what] / 1e6) for what in ("data", "foretold", "built", "peak")}
    shares = {what: round(told[what], 3) for what in ("recall", "certified")}
    return {"index": name, "rows": rows, "columns": 128, **sizes, **shares}


def main(arguments: list[str] | None = None) -> int:
    from knn import indexes

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("indexes", nargs="*", default=list(indexes))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    told = {
        "commit": commit(),
        "machine": str(machine()["cpu"]),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    _say(" ".join(f"{column:>15}" for column in COLUMNS))
    over = 0
    for name in given.indexes:
        row = measured(name, given.rows)
        over += int(str(row["peak_mb"])) * 10**6 > LIMIT
        _say(" ".join(f"{row[column]!s:>15}" for column in COLUMNS))
        if given.output:
            keep(given.output, {**row, **told})
    return min(over, 1)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def keep(path: Path, row: dict[str, object]) -> None:
    """Replaces the row of the same index, or adds it."""
    kept = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            kept = [old for old in csv.DictReader(file) if old["index"] != row["index"]]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerows(sorted([*kept, row], key=lambda one: str(one["index"])))


if __name__ == "__main__":
    sys.exit(main())
