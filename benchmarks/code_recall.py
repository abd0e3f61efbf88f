"""What codes of how many bytes find: `python -m benchmarks.code_recall [--output CSV]`.

Recall of the ten nearest when the 12, 20 or 50 points whose codes promise most are measured, every code looked at: how
good the codes are, not how fast. Principal DCI's 64 bytes (63 principal coordinates and the norm of the rest) beside
random rotations of 1 to 4 bits a coordinate, on

    MNIST    60 000 × 784: few directions hold most
    flat     20 000 × 128 independent normal deviates: no direction holds more than another
    drift    20 000 × 128 near a plane of 16 dimensions, and 2000 inserted later near another one, which are asked for

Nothing is timed, so any machine gives the same figures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks import search_data
from benchmarks.origin import origin, write_rows
from benchmarks.ratio_table import say, share_found

K, MEASURED = 10, (12, 20, 50)
COLUMNS = ("data", "codes", "bytes a point", *(f"recall, {count} measured" for count in MEASURED), "commit", "machine")


def flat(n=20_000, d=128, queries=500):
    """(X, none inserted, Q)."""
    rows = np.random.default_rng(0).standard_normal((n + queries, d)).astype(np.float32)
    return rows[:n], rows[:0], rows[n:]


def drift(n=20_000, d=128, later=2000, queries=500):
    """(X near one plane, rows inserted later near another, queries like those)."""
    rng = np.random.default_rng(1)

    def near(plane, count):
        rows = rng.standard_normal((count, 16)) @ plane + 0.1 * rng.standard_normal((count, d))
        return rows.astype(np.float32)

    X, moved = near(rng.standard_normal((16, d)), n), near(rng.standard_normal((16, d)), later + queries)
    return X, moved[:later], moved[later:]


def mnist(folder, queries=500):
    X, _, Q = search_data.mnist(folder, queries)
    return X, X[:0], Q


def codes():
    """(name, parameters of Principal DCI)."""
    yield "principal, 8 bits of 63 directions and the rest", {"probes": 1.0}
    for bits in (1, 2, 3, 4):
        yield f"random rotation, {bits} bit{'s' if bits > 1 else ''}", {"directions": "random-rotation", "bits": bits}


def measured(name, X, inserted, Q):
    """Rows of the table."""
    from knn import BruteForce, PrincipalDCI

    truth = BruteForce().fit(np.concatenate([X, inserted])).search(Q, K).indices
    for what, parameters in codes():
        index = PrincipalDCI(random_state=0, **parameters).fit(X)
        if len(inserted):
            index.insert(inserted)
        size = index.memory_["codes"] / index.n_samples_fit_
        shares = [share_found(index.set_params(candidates=count).search(Q, K).indices, truth) for count in MEASURED]
        figures = f"{size:.0f}", *(f"{share:.4f}" for share in shares)
        say(f"{name:8}{what:50}" + "".join(f"{figure:>10}" for figure in figures))
        yield dict(zip(COLUMNS, (name, what, *figures), strict=False))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=search_data.default_folder(), help="folder with mnist/*.gz")
    parser.add_argument("--output", type=Path, default=None, help="CSV of the figures")
    chosen = parser.parse_args()
    problems = {"flat": flat(), "drift": drift()}
    if (chosen.data / "mnist").exists():
        problems = {"MNIST": mnist(chosen.data / "mnist"), **problems}
    else:
        say("without MNIST: no folder mnist among the data")
    rows = [row | origin() for name, data in problems.items() for row in measured(name, *data)]
    if chosen.output is not None:
        write_rows(chosen.output, COLUMNS, rows)


if __name__ == "__main__":
    main()
