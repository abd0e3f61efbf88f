"""What a machine's first search pays for compiling: `python -m benchmarks.first_call [name …] [--output CSV]`.

Each index and divergence is asked in a process of its own that finds an empty cache of compiled kernels, and once more
in another process that finds what the first left there; `--repeats` such pairs, the names in turns. Given are the
processor's seconds from a process's start, imports included, to its first answer, without the cache (`cold_s`) and with
it (`kept_s`), and those of the first proof after the first answer (`proof_s`): medians, the least and the largest; and
how many functions were compiled. PyNNDescent, which compiles too, stands beside them where it is installed. 3000 points
of 24 float32 numbers. A name's row replaces the older one in the CSV file. A quarter of an hour.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numba

from benchmarks.origin import origin, write_rows
from benchmarks.ratio_table import say
from knn import indexes

DIVERGENCES = ("energy_distance", "mmd", "sinkhorn_divergence")
PEER = "pynndescent"
FIELDS = ("cold_s", "proof_s", "kept_s")
COLUMNS = (
    "name",
    *(f"{field}{end}" for field in FIELDS for end in ("", "_least", "_largest")),
    "compiled",
    "repeats",
    "numba",
    "commit",
    "machine",
)

CHILD = """
import json, sys, time, warnings
import numpy as np
from numba.core import event

compiled = []

class Counted(event.Listener):
    def on_start(self, one):
        function = one.data["dispatcher"].py_func
        full = f"{function.__module__}.{function.__name__}"
        compiled.append((full, str(one.data["args"])))

    def on_end(self, one):
        pass

event.register("numba:compile", Counted())
name, rows, columns = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
X = np.random.default_rng(0).standard_normal((rows, columns)).astype(np.float32)
Q = X[:50] + np.float32(0.1)
proof, clock = None, time.process_time
if name == "pynndescent":
    import pynndescent

    def ask():
        pynndescent.NNDescent(X, n_jobs=1, random_state=0).query(Q, k=5)
else:
    import estimators, knn

    def ask():
        global proof
        if name not in knn.indexes:
            return getattr(estimators, name)(X[: rows // 2], X[rows // 2 :])
        index = knn.indexes[name](n_neighbors=5, random_state=0).fit(X)
        index.search(Q)
        proof = lambda: index.search(Q, exact=True)

warnings.simplefilter("ignore")
ask()
first = clock()  # since the process began
if proof is not None:
    proof()
print(json.dumps(dict(first=first, proof=clock() - first if proof else None, compiled=compiled)))
"""


def asked(name: str, cache: str, rows: int = 3000, columns: int = 24) -> dict[str, Any]:
    """{"first", "proof"} in seconds, None where nothing is proved, and "compiled" (name, types), with this cache.

    Raises RuntimeError with what the process said, if it failed.
    """
    environment = {**os.environ, "NUMBA_CACHE_DIR": cache, "OMP_NUM_THREADS": "1", "NUMBA_DISABLE_JIT": "0"}
    command = [sys.executable, "-c", CHILD, name, str(rows), str(columns)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return dict(json.loads(done.stdout))


def measured(names: Sequence[str], repeats: int) -> Iterable[tuple[str, dict[str, float | None], int]]:
    """(name, {"cold_s", "proof_s", "kept_s"}, functions compiled) of each name in turn, `repeats` times over."""
    for _ in range(repeats):
        for name in names:
            with tempfile.TemporaryDirectory() as cache:
                cold, kept = asked(name, cache), asked(name, cache)
            seconds = {"cold_s": cold["first"], "proof_s": cold["proof"], "kept_s": kept["first"]}
            yield name, seconds, len(cold["compiled"])


def row_of(name: str, samples: Sequence[dict[str, float | None]], compiled: int) -> dict[str, object]:
    """Medians, least and largest of each field in seconds of a processor; a field that nothing has is left empty."""
    row: dict[str, object] = {"name": name, "compiled": compiled, "repeats": len(samples), "numba": numba.__version__}
    for field in FIELDS:
        values = [value for sample in samples if (value := sample[field]) is not None]
        for end, summary in (("", statistics.median), ("_least", min), ("_largest", max)):
            row[f"{field}{end}"] = f"{summary(values):.2f}" if values else ""
    return row


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints and keeps the rows; 0."""
    known = [*indexes, *DIVERGENCES, *([PEER] if importlib.util.find_spec(PEER) else [])]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(known)}")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    for name in given.names:
        if name not in known:
            parser.error(f"no such index or divergence: {name}; known are {', '.join(known)}")
    if given.repeats < 1:
        parser.error("--repeats must be at least 1")
    told = origin()
    samples: dict[str, list[dict[str, float | None]]] = {}
    for name, seconds, compiled in measured(list(dict.fromkeys(given.names)) or known, given.repeats):
        samples.setdefault(name, []).append(seconds)
        row = row_of(name, samples[name], compiled)
        times = "".join(f"{field} {row[field]!s:>7}  " for field in FIELDS)
        say(f"{name:22}{times}compiled {compiled:3}  repeat {row['repeats']} of {given.repeats}")
        if given.output:
            write_rows(given.output, COLUMNS, [{**row, **told}], lambda old, name=name: old["name"] == name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
