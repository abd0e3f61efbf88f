"""Nearest neighbours: recall against queries per second, ours beside what a user would install instead."""

from __future__ import annotations

import os
import pkgutil
import statistics
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import reports.rivals as rival_package
from knn.base import indexes
from reports.datasets.source import datasets
from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.peak_memory import PeakMemory
from reports.recall import recalls, true_kth_distances
from reports.record import Scalar, Status
from reports.rivals.contestant import Answer, Contestant, Search, rivals

#: Neighbours that are asked for, as in ann-benchmarks.
K = 10
#: Rows of the base, queries scored (as many others choose) and repetitions by size; None: every row there is.
_SIZES: dict[str, tuple[int | None, int, int]] = {
    "quick": (10_000, 200, 5),
    "standard": (None, 500, 5),
    "full": (None, 1000, 9),
}
#: Seconds after which a cell is stopped: many times what it takes, since a slow machine is no failure.
_LIMITS = {"quick": 900.0, "standard": 4 * 3600.0, "full": 12 * 3600.0}
#: Settings of our indexes that are tried; an index without an entry takes part as it is by default.
_GRIDS: dict[str, tuple[Mapping[str, Scalar], ...]] = {
    "dci": tuple({"n_simple": 3, "n_composite": 4, "visits": share} for share in (0.3, 0.45, 0.6, 0.8)),
    "principal-dci": tuple(
        {"probes": probes, "candidates": candidates}
        for probes, candidates in ((0.02, 20), (0.05, 30), (0.1, 40), (0.2, 50))
    ),
    "lsh": tuple({"candidates": share} for share in (0.03, 0.1, 0.3)),
    "multi-level-dci": tuple({"beam": beam, "candidates": 0.5} for beam in (10, 30, 100)),
    "prioritized-dci": tuple({"candidates": share} for share in (0.01, 0.03, 0.1, 0.3)),
    "random-hierarchy": tuple(
        {"beam": beam, "candidates": candidates} for beam, candidates in ((16, 20), (30, 30), (60, 50), (150, 100))
    ),
}
#: Turns that every search takes, and seconds of them after which it sits out the rest: minutes vary little.
_TURNS, _ENOUGH = 2, 30.0
#: Rows on which every index is built once before the clock runs, so that no compilation is timed.
_WARM_UP = 256


@dataclass(frozen=True)
class _Entry:
    """One built index, asked at one setting."""

    contestant: Contestant
    built: Mapping[str, Scalar]
    asked: Mapping[str, Scalar]
    search: Search
    build_seconds: float
    peak_bytes: int = 0

    @property
    def label(self) -> dict[str, Any]:
        return label(self.contestant, {**self.built, **self.asked})


@experiments.register("nearest-neighbours")
class NearestNeighbours(Experiment):
    """One cell a data set: all searches take turns in it, so that whatever slows the machine slows all alike.

    Every number's payload says whose it is: `index`, `library`, `version`, `settings`, `ours`.
    Queries come from the test split and are never rows of the base. Half of them choose which settings make the
    frontier (`recall, choosing`), the other half are scored and timed. Repetitions are interleaved, their order
    rotates, and the median is reported with the slowest and the fastest; a search that has taken half a minute of turns
    sits out those beyond the second. One thread, and from the standard size on
    all threads besides, in a cell of their own.
    """

    question = "Which search finds the ten nearest neighbours, how many of them, and how fast?"
    timing = True
    caveats = (
        "Queries are answered in one batch, at the quick size on one thread alone; a library that is tuned for many "
        "threads or for single queries may rank differently there.",
        "On several threads a library has its own; Annoy, which answers one query at a time, is asked from a pool.",
        "At the quick size the base holds at most 10 000 rows, on which a linear scan is hard to beat; the standard "
        "size takes every row.",
        "Parameters are those of the stated grid, not the best that each library could be brought to; which of them "
        "make the frontier was chosen by other queries than those scored.",
        "Peak memory is how much the process grew while an index was built, seen every 5 ms: what was taken from "
        "memory that an earlier index had freed does not show, and a library that copies the data counts the copy.",
    )

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        base, queries, repetitions = _SIZES[size]
        # What a registry finds is no import: each index, and each rival with its library's version, installed or not.
        offers = [info.name for info in pkgutil.iter_modules(rival_package.__path__, f"{rival_package.__name__}.")]
        modules = tuple(sorted({member.__module__ for member in indexes.values()} | set(offers)))
        for threads in sorted({1, 1 if size == "quick" else _processors()}):
            for name in datasets:
                if name in data:
                    params: dict[str, Scalar] = {"dataset": name, "base": base, "queries": queries, "k": K}
                    params |= {"repetitions": repetitions, "grid": size, "on_threads": threads}
                    limit = _LIMITS[size]
                    yield Cell(params, seed=0, modules=modules, data=(name,), threads=threads, seconds=limit)

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        from threadpoolctl import threadpool_limits

        dataset = datasets[str(cell.params["dataset"])]
        base, queries = dataset.load("train")[0], dataset.load("test")[0]
        rng = np.random.default_rng(cell.seed)
        rows, wanted = cell.params["base"], 2 * int(cell.params["queries"] or 0)
        X = np.ascontiguousarray(base if rows is None else base[_subset(rng, len(base), int(rows))])
        held = rng.permutation(_subset(rng, len(queries), wanted))
        choosing, Q = (np.ascontiguousarray(queries[some]) for some in np.array_split(held, 2))
        with threadpool_limits(limits=cell.threads):
            yield Measurement("rows", len(X), "rows", payload={"columns": X.shape[1], "queries": len(Q)})
            yield from _compare(X, choosing, Q, cell)


def label(contestant: Contestant, chosen: Mapping[str, Scalar]) -> dict[str, Any]:
    """Whose number it is, for the payload of a record."""
    try:
        release = version(contestant.library)
    except PackageNotFoundError:
        release = ""
    return {
        "index": contestant.name,
        "library": contestant.library,
        "version": release,
        "settings": dict(chosen),
        "ours": contestant.ours,
    }


def contestants() -> list[Contestant]:
    """Every index of `knn`, and every search of the rivals that are installed."""
    ours = [_ours(name) for name in indexes] + [_ours(name, exact=True) for name in _GRIDS]
    return ours + [entry for offer in rivals.values() for entry in offer()]


def _ours(name: str, *, exact: bool = False) -> Contestant:
    """The index as its grid has it; `exact`: as it is by default, going on until each answer is proved."""

    def build(X: np.ndarray, seed: int, threads: int, **chosen: Any) -> Search:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # budgets that find little: they are what is measured
            index = indexes[name](n_neighbors=K, n_jobs=threads, random_state=seed, **chosen).fit(X)

        def search(Q: np.ndarray, k: int, *, exact: bool = False) -> Answer:
            found = index.search(Q, k, exact=exact)
            return Answer(found.indices, found.evaluations, found.certified)

        return search

    if exact:
        return Contestant(f"knn {name}, exact", "implicitbench", build, asked=({"exact": True},), ours=True)
    return Contestant(f"knn {name}", "implicitbench", build, built=_GRIDS.get(name, ({},)), ours=True)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compare(X: np.ndarray, choosing: np.ndarray, Q: np.ndarray, cell: Cell) -> Iterator[Measurement]:
    k = int(cell.params["k"] or 0)
    entries: list[_Entry] = []
    for module, error in rivals.unavailable.items():
        yield Measurement("recall", None, status=Status.SKIPPED, detail=str(error), payload={"index": module})
    for contestant in contestants():
        if cell.params["grid"] not in contestant.sizes:
            payload = label(contestant, {})
            yield Measurement("recall", None, status=Status.SKIPPED, detail=contestant.why, payload=payload)
            continue
        for built in contestant.built:
            try:
                entries += _built(contestant, built, X, Q, k, cell)
            except Exception as error:
                yield _broken(error, label(contestant, built))
    kth, kth_choosing = true_kth_distances(X, Q, k), true_kth_distances(X, choosing, k)
    answered: list[tuple[_Entry, Answer, float]] = []
    for entry in entries:
        try:
            chosen = recalls(X, choosing, _answer(entry, choosing, k).indices, kth_choosing)
            answered.append((entry, _answer(entry, Q, k), float(chosen.mean())))
        except Exception as error:
            yield _broken(error, entry.label)
    seconds = _take_turns([entry for entry, *_ in answered], Q, k, int(cell.params["repetitions"] or 1))
    for (entry, answer, found), times in zip(answered, seconds, strict=True):
        yield Measurement("recall, choosing", found, "share", payload=entry.label)
        yield from _measured(entry, answer, times, recalls(X, Q, answer.indices, kth))


def _broken(error: Exception, whose: dict[str, Any]) -> Measurement:
    """One library's failure is its own row; the others' numbers stand."""
    detail = f"{type(error).__name__}: {error}"
    return Measurement("recall", None, status=Status.BROKEN, detail=detail, payload=whose)


def _answer(entry: _Entry, Q: np.ndarray, k: int) -> Answer:
    """What the entry finds; fewer columns than were asked for would be graded as if fewer had been asked for."""
    answer = entry.search(Q, k, **entry.asked)
    if answer.indices.shape != (len(Q), k):
        raise ValueError(f"indices have shape {answer.indices.shape} where {(len(Q), k)} were asked for")
    return answer


def _built(
    contestant: Contestant, built: Mapping[str, Scalar], X: np.ndarray, Q: np.ndarray, k: int, cell: Cell
) -> list[_Entry]:
    small = contestant.build(X[:_WARM_UP], cell.seed, cell.threads, **built)
    for asked in contestant.asked:
        small(Q[:2], k, **asked)
    with PeakMemory() as peak:
        began = time.perf_counter()
        search = contestant.build(X, cell.seed, cell.threads, **built)
        elapsed = time.perf_counter() - began
    return [_Entry(contestant, built, asked, search, elapsed, peak.bytes) for asked in contestant.asked]


def _take_turns(entries: list[_Entry], Q: np.ndarray, k: int, repetitions: int) -> list[list[float]]:
    """Seconds of each repetition of each entry; a repetition starts one entry later than the one before."""
    seconds: list[list[float]] = [[] for _ in entries]
    for repetition in range(repetitions):
        for place in range(len(entries)):
            turn = (place + repetition) % len(entries)
            entry = entries[turn]
            if repetition >= _TURNS and sum(seconds[turn]) > _ENOUGH:
                continue
            began = time.perf_counter()
            entry.search(Q, k, **entry.asked)
            seconds[turn].append(time.perf_counter() - began)
    return seconds


def _measured(entry: _Entry, answer: Answer, seconds: list[float], recall: np.ndarray) -> Iterator[Measurement]:
    n = len(recall)
    whose = entry.label
    spread = float(recall.std(ddof=1) / np.sqrt(n))
    yield Measurement("recall", recall.mean(), "share", stderr=spread, payload=whose)
    yield Measurement(
        "queries per second",
        n / statistics.median(seconds),
        "1/s",
        low=n / max(seconds),
        high=n / min(seconds),
        payload=whose,
    )
    yield Measurement("build", entry.build_seconds, "s", payload=whose)
    yield Measurement("peak memory", entry.peak_bytes / 2**20, "MiB", payload=whose)
    if answer.evaluations is not None:
        cost = np.asarray(answer.evaluations, dtype=np.float64)
        yield Measurement("evaluations", cost.mean(), "distances", stderr=cost.std(ddof=1) / np.sqrt(n), payload=whose)
    if answer.certified is not None:
        yield Measurement("certified", float(np.mean(answer.certified)), "share", payload=whose)


def _subset(rng: np.random.Generator, n: int, wanted: int) -> np.ndarray:
    """At most `wanted` of n rows, without repetition, in their order."""
    return np.sort(rng.choice(n, min(n, wanted), replace=False))
