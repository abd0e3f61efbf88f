"""Series over commits: asv's, read from the site that it published, and those of the journal's records."""

from __future__ import annotations

import itertools
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reports.record import Record, Status
from reports.store import Store, StoreError

#: A step of the journal's series is told from this share on, as asv's are.
LEAST_STEP = 0.05
#: Units in which more is better; in those of cost, less. Of other quantities nobody can say, and no step is told.
_MORE_IS_BETTER = frozenset({"queries/s", "1/s"})
_LESS_IS_BETTER = frozenset({"s", "ms", "seconds", "bytes", "MiB", "MB"})


@dataclass(frozen=True)
class Point:
    """A value at a commit, in the order of commits, with the least and the largest repetition where they are known."""

    commit: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Step:
    """A change for the worse: from the commit before, unknown where one commit alone is to blame, to this one."""

    before: str | None
    commit: str
    was: float
    became: float


@dataclass(frozen=True)
class Series:
    """One quantity over commits; `source` is asv or journal, `where` the machine."""

    name: str
    source: str
    unit: str
    where: str
    points: tuple[Point, ...]
    regressions: tuple[Step, ...] = ()


def from_asv(site: Path) -> list[Series]:
    """Every series of the site that asv published, with the regressions that asv found; raises StoreError.

    asv's graphs hold [revision, value] pairs, where the value of a parametrised benchmark is a list, one a combination.
    """
    try:
        index = json.loads((site / "index.json").read_text(encoding="utf-8"))
        found = json.loads((site / "regressions.json").read_text(encoding="utf-8"))["regressions"]
    except (OSError, ValueError, KeyError) as error:
        raise StoreError(f"{site} holds no site that asv published ({error}): run `make dashboard`") from error
    commits = index["revision_to_hash"]
    steps: dict[tuple[str, int | None], tuple[Step, ...]] = {}
    for _, path, _, place, _, _, jumps in found:
        steps[path, place] = tuple(
            Step(None if a is None else commits[str(a)], commits[str(b)], was, became) for a, b, was, became in jumps
        )
    files = [
        (file, file.relative_to(site).as_posix(), index["benchmarks"][file.stem])
        for file in sorted((site / "graphs").rglob("*.json"))
        if file.stem in index["benchmarks"] and file.parent.name != "summary"
    ]
    folders = [frozenset(path.split("/")[1:-1]) for _, path, _ in files]
    shared = frozenset.intersection(*folders) if folders else frozenset()
    series = []
    for file, path, benchmark in files:
        graph = json.loads(file.read_text(encoding="utf-8"))
        # The machine, and what else tells one environment's series from another's.
        parts = [part for part in path.split("/")[1:-1] if part.startswith("machine-") or part not in shared]
        where = ", ".join(part.removeprefix("machine-") for part in parts)
        for place, name in _combinations(benchmark):
            points = tuple(
                Point(commits[str(revision)], value)
                for revision, given in graph
                if (value := _number(given if place is None else given[place] if given else None)) is not None
            )
            if points:
                own = steps.get((path, place), ())
                series.append(Series(name, "asv", benchmark["unit"], where, points, own))
    return series


def _combinations(benchmark: dict[str, Any]) -> list[tuple[int | None, str]]:
    """Places and names of a benchmark's combinations of parameters, as asv names them."""
    if not benchmark["params"]:
        return [(None, benchmark["name"])]
    chosen = itertools.product(*benchmark["params"])
    return [(place, f"{benchmark['name']}({', '.join(values)})") for place, values in enumerate(chosen)]


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def from_store(store: Store) -> list[Series]:
    """What the journal has of one cell at two commits or more, on one machine, in the order of measurement."""
    groups: dict[tuple[Any, ...], dict[str, Record]] = defaultdict(dict)
    # A merged store's records come after ours in the journal, whenever they were measured.
    for record in sorted(store.records(history=True), key=lambda one: one.created):
        if record.status is Status.OK and record.value is not None and math.isfinite(record.value):
            machine = str(record.machine.get("fingerprint", ""))
            cell = (record.experiment, record.size, tuple(sorted(record.params.items())), record.seed)
            # What one cell says of several searches stands under one metric, apart by what the payload names.
            about = json.dumps([(record.payload or {}).get(name) for name in ("index", "settings")], default=str)
            groups[(*cell, record.metric, about, machine)][record.commit] = record
    series = []
    for (experiment, size, params, seed, metric, about, machine), records in groups.items():
        if len(records) > 1:
            told = [*(f"{name}={value}" for name, value in params), *_named(json.loads(about)), f"seed {seed}", size]
            points = tuple(Point(r.commit, float(r.value or 0.0), r.low, r.high) for r in records.values())
            unit = next(iter(records.values())).unit
            name = f"{experiment}: {metric} ({', '.join(told)})"
            series.append(Series(name, "journal", unit, machine, points, steps_of(points, unit)))
    return sorted(series, key=lambda one: (one.name, one.where))


def _named(about: list[Any]) -> list[str]:
    index, settings = about
    return [part for part in (index, ", ".join(f"{k}={v}" for k, v in (settings or {}).items())) if part]


def steps_of(points: tuple[Point, ...], unit: str) -> tuple[Step, ...]:
    """Changes for the worse from one commit to the next, where the ranges of repetitions lie apart.

    Only of points with ranges, and of units in which it is known what is worse: a step must pass `LEAST_STEP`, and the
    best repetition after it be worse than the worst before. That is no error level; `make compare` has one.
    """
    if unit not in _MORE_IS_BETTER | _LESS_IS_BETTER:
        return ()
    sign = 1 if unit in _LESS_IS_BETTER else -1
    steps = []
    for one, next_ in itertools.pairwise(points):
        if None in (one.low, one.high, next_.low, next_.high):
            continue
        apart = next_.low > one.high if sign > 0 else next_.high < one.low  # type: ignore[operator]
        if apart and sign * (next_.value - one.value) > LEAST_STEP * abs(one.value):
            steps.append(Step(one.commit, next_.commit, one.value, next_.value))
    return tuple(steps)
