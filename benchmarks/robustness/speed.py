"""What is counted in milliseconds: a cell's dispatch."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.robustness.rows import Row


def overhead(folder: Path, count: int) -> Iterator[Row]:  # noqa: ARG001
    """Of 200 cells that cost nothing, in one warm process: milliseconds a cell, recorded and on the disk."""
    found = sorted(_of_one_run() for _ in range(count))
    middle = median(found)
    spread = f"{found[0]:.2f} to {found[-1]:.2f} in {count} runs of 200 cells"
    yield Row("overhead", "dispatch overhead of the runner a cell", round(middle, 3), "ms", "<= 5", middle <= 5, spread)


def _of_one_run() -> float:
    from benchmarks.store_suite import Dispatching

    try:
        return float(Dispatching().track_dispatch_overhead())
    finally:
        sys.modules.pop("null_experiment", None)  # each run writes the experiment's file anew
