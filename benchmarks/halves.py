"""How many points pass that halves cannot turn away: `python -m benchmarks.halves [--output CSV]`.

Exact search on a device first looks at halves, and what lies within their margin of the ten nearest is measured
(knn/kernels/cuda_halves.py). Here NumPy counts what lies there, keys by the same halves and the same margin, on

    MNIST    60 000 × 784, as whole numbers, which halves hold, and between 0 and 1
    normal   100 000 rows of 8, 64 and 128 independent normal deviates
    tight    100 clusters of 1000 rows of 32 normal deviates, their centres 30 times as far apart as they are wide

Nothing is timed, and no device is needed: any machine gives the same figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import search_data
from benchmarks.origin import origin, write_rows
from benchmarks.ratio_table import say
from knn.kernels.cuda_halves import LEAST, TOP, key_error, scale_of

K, QUERIES = 10, 500
COLUMNS = ("data", "points", "coordinates", "λ / R", "pass, median", "pass, 99 %", "pass, most", "commit", "machine")


def halved(rows: np.ndarray) -> np.ndarray:
    """The nearest halves of rows in float64, as float64, nought for what is less than the least normal one."""
    return np.where(np.abs(rows) >= LEAST, rows, 0.0).astype(np.float16).astype(np.float64)


def passing(X: np.ndarray, Q: np.ndarray, k: int = K) -> tuple[np.ndarray, float]:
    """How many points lie within the margin of the k nearest, for each query, and λ/R."""
    X, Q = X.astype(np.float64), Q.astype(np.float64)
    radius = 1.01 * float(np.linalg.norm(X, axis=1).max())
    scale = scale_of(radius)
    X, Q, radius, d = X * scale, Q * scale, radius * scale, X.shape[1]
    halves, rho = halved(X), np.linalg.norm(Q, axis=1)
    loss = 1.01 * float(np.linalg.norm(X - halves, axis=1).max())
    own = np.ldexp(1.0, TOP - np.frexp(rho)[1])[:, None]
    asked = halved(Q * own) / own
    error = key_error(d, radius, loss, rho, 1.01 * np.linalg.norm(Q - asked, axis=1)) * 1.01
    keys = (X**2).sum(axis=1) - 2 * asked @ halves.T
    kth = np.partition(keys, k - 1, axis=1)[:, k - 1]
    limit = np.maximum(kth + rho**2 + error, 0.0) - rho**2 + error
    return (keys <= limit[:, None]).sum(axis=1), loss / radius


def problems(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, points, queries)."""
    if (folder / "mnist").exists():
        X, _, Q = search_data.mnist(folder / "mnist", QUERIES)
        yield "MNIST, whole numbers", X, Q
        yield "MNIST, between 0 and 1", X / np.float32(255), Q / np.float32(255)
    else:
        say("without MNIST: no folder mnist among the data")
    rng = np.random.default_rng(0)
    for d in (8, 64, 128):
        rows = rng.standard_normal((100_000 + QUERIES, d)).astype(np.float32)
        yield "normal", rows[QUERIES:], rows[:QUERIES]
    centres = 30 * rng.standard_normal((100, 32))
    rows = (centres[rng.integers(0, 100, 100_000 + QUERIES)] + rng.standard_normal((100_000 + QUERIES, 32))).astype(
        "f4"
    )
    yield "tight clusters", rows[QUERIES:], rows[:QUERIES]


def measured(name: str, X: np.ndarray, Q: np.ndarray) -> dict[str, Any]:
    """A row of the table."""
    counts, lost = passing(X, Q)
    few, many, most = np.median(counts), np.quantile(counts, 0.99), counts.max()
    figures = f"{lost:.2g}", f"{few:.0f}", f"{many:.0f}", f"{most}"
    say(f"{name:24}{len(X):>8}{X.shape[1]:>5}" + "".join(f"{figure:>10}" for figure in figures))
    return dict(zip(COLUMNS, (name, len(X), X.shape[1], *figures), strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=search_data.default_folder(), help="folder with mnist/*.gz")
    parser.add_argument("--output", type=Path, default=None, help="CSV of the figures")
    chosen = parser.parse_args()
    rows = [measured(*problem) | origin() for problem in problems(chosen.data)]
    if chosen.output is not None:
        write_rows(chosen.output, COLUMNS, rows)


if __name__ == "__main__":
    main()
