"""Times of searches that take turns, read at equal recall, and the file that keeps the ratios."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.origin import origin, write_rows

FIELDS = (
    "part", "what", "value", "least", "most", "unit", "ours", "theirs", "commit", "machine", "versions", "date",
)  # fmt: skip


class Search(NamedTuple):
    """A way to ask: of which family, at which setting, and the function from queries to indices (q, k)."""

    family: str
    setting: str
    ask: Callable[[np.ndarray], np.ndarray]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def share_found(indices: np.ndarray, truth: np.ndarray) -> float:
    """Recall; of equally distant points only the one with the smaller index counts."""
    return sum(len(set(a) & set(b)) for a, b in zip(indices.tolist(), truth.tolist(), strict=True)) / truth.size


def seconds_by_turns(
    searches: Sequence[Search], batches: Sequence[np.ndarray], turns: int, clock: Callable[[], float] = time.thread_time
) -> np.ndarray:
    """Seconds (turns, searches) of this thread's CPU: all take turns, each turn starting one later than the last.

    All searches run in the thread that asks, and its CPU time does not count when others have the machine.
    """
    seconds = np.empty((turns, len(searches)))
    for turn in range(turns):
        for place in range(len(searches)):
            which = (place + turn) % len(searches)
            start = clock()
            for batch in batches:
                searches[which].ask(batch)
            seconds[turn, which] = clock() - start
    return seconds


def frontier(recalls: np.ndarray, seconds: np.ndarray) -> np.ndarray:
    """Settings that none is quicker than at as high a recall, by rising recall."""
    order = np.argsort(seconds, kind="stable")
    kept, best = [], -1.0
    for i in order:
        if recalls[i] > best:
            kept.append(i)
            best = recalls[i]
    return np.array(kept)


def around(recalls: np.ndarray, seconds: np.ndarray, target: float, spare: int = 1) -> list[int]:
    """The settings of the frontier on both sides of a recall, and `spare` more on each.

    And the nearest that miss half as much again and two thirds as much: other queries are found a little better or
    worse, and where settings lie close the others may then all lie on one side.
    """
    best = frontier(recalls, seconds)
    found, missed = recalls[best], 1 - target
    above = int(np.searchsorted(found, target))
    near = range(max(0, above - 1 - spare), min(len(best), above + 1 + spare))
    under, over = int(np.searchsorted(found, 1 - 1.5 * missed)) - 1, int(np.searchsorted(found, 1 - missed / 1.5))
    return best[sorted({*near, max(0, under), min(len(best) - 1, over)})].tolist()


def at_recall(recalls: np.ndarray, seconds: np.ndarray, target: float) -> float:
    """Seconds at a recall: log time is interpolated over −log(1 − recall) on the frontier of the settings given.

    Where all find more, the quickest setting counts as it is; where all find less there is no time, and NaN.
    """
    best = frontier(recalls, seconds)
    found, taken = recalls[best], np.log(seconds[best])
    if found[-1] < target:
        return float("nan")
    misses = -np.log(np.maximum(1 - found, 1e-6))  # a recall of 1 out of some thousand neighbours is no more than that
    return float(np.exp(np.interp(-np.log(1 - target), misses, taken)))


class Table:
    """Rows of results, printed as they come and written to a CSV file in which each part is replaced as a whole."""

    def __init__(self, part: str, packages: Sequence[str]):
        self.part, self.rows = part, []
        self.versions = " ".join(f"{name} {version(name)}" for name in packages)

    def add(
        self, what: str, values: Any, unit: str = "ratio", ours: float | str = "", theirs: float | str = ""
    ) -> None:
        """A figure: the median of the values over turns, the least and the largest."""
        least, middle, most = np.quantile(np.atleast_1d(np.asarray(values, float)), [0, 0.5, 1])
        shown = [f"{value:.4g}" if isinstance(value, float) else value for value in (ours, theirs)]
        self.rows.append([self.part, what, *(f"{value:.4g}" for value in (middle, least, most)), unit, *shown])
        beside = f"   ours {shown[0]}, theirs {shown[1]}" if ours != "" else ""
        say(f"{what:72} {middle:8.3g} ({least:.3g} … {most:.3g}) {unit}{beside}")

    def write(self, path: Path) -> None:
        """Replaces this part's rows in the file."""
        told = {**origin(), "versions": self.versions, "date": datetime.datetime.now(datetime.UTC).date().isoformat()}
        rows = [dict(zip(FIELDS, row, strict=False)) | told for row in self.rows]
        write_rows(path, FIELDS, rows, lambda old: old["part"] == self.part)
