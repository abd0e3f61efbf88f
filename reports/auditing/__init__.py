"""The audit of anybody's sampler: every score with its error, tests as one family, power, caveats and one page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from estimators.arguments import real_number, whole_number
from estimators.classifier_test import classifier_two_sample_test
from estimators.memorisation import TestedEstimate
from estimators.result import NotConverged
from estimators.two_sample import holm
from knn.registry import did_you_mean
from reports.auditing.agreement import equal_rows_doubt, scale_doubt
from reports.auditing.caveats import caveats
from reports.auditing.cells import Cells, cells
from reports.auditing.family import CLOSE, COPIES, DROPS, Test, family
from reports.auditing.formats import load_callable, read_rows
from reports.auditing.material import Material, prepare
from reports.auditing.power import power, rows_for
from reports.auditing.result import COLUMNS, NEED_TEST, Audit, Defect
from reports.auditing.scores import Pending, likelihood, log_densities, pending

__all__ = ["Audit", "Defect", "audit"]

Array = NDArray[np.float64]

#: Shares of the law whose loss the power is told for.
_SHARES = (0.01, 0.05, 0.1)


def audit(
    samples: Any,
    data: Any,
    *,
    test: Any = None,
    features: str | Callable[[Array], Any] | None = None,
    log_density: str | Callable[[Array], Any] | None = None,
    modes: Any = None,
    scores: Iterable[str] | None = None,
    shape: tuple[int, ...] | None = None,
    level: float = 0.05,
    max_rows: int = 1000,
    n_samples: int = 1000,
    permutations: int = 999,
    time_limit: float | None = None,
    random_state: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> Audit:
    """Holds `samples` (m, d) of any model against `data` (n, d), what it learned from, and `test`, what it did not see.

    Each is an array, a path (`reports.auditing.formats.read_rows`) or a callable that draws; of a sampler `n_samples`
    are drawn. Divergences, scores and likelihoods are of at most `max_rows` rows each, with errors, beside the `floor`:
    the same score with real rows in the place of the samples. The tests are one family: P(a perfect sampler is accused
    of any defect) ≤ `level`, by Holm's correction of p-values of exact level. Without `test` the reference is half of
    the data, and memorisation shows in exact copies alone. `features`, "module:function", "pca:k" or a function of
    rows, maps all rows first; `log_density`, the sampler's, is of rows as they are given. `modes` (k, d), the centres
    of known modes; else clusters. `scores` names those wanted, by default all. `shape` of an image. After `time_limit`
    seconds what is left is told as skipped; the clock is read between scores, so that one score may exceed it.
    `progress(done, all, name)` is called before each.

    A score that fails is a row with its reason. The same arguments give the same audit, time limits apart. Raises
    ValueError, TypeError and OSError that name the argument, the row and the remedy.
    """
    level = real_number(level, "level", above=0, below=1, why=": a share of false alarms, such as 0.05")
    # 1/(1 + permutations) is the least p-value, which Holm multiplies by some twelve tests.
    whole_number(
        permutations, "permutations", int(np.ceil(20 / level)) - 1, why=", or no test of the family can reject"
    )
    limit = np.inf if time_limit is None else real_number(time_limit, "time_limit", above=0)
    whole_number(n_samples, "n_samples", 1)
    whole_number(random_state, "random_state", 0)
    drawing: dict[str, Any] = {"n": n_samples, "random_state": random_state}
    own, known = read_rows(samples, "samples", **drawing), read_rows(data, "data", **drawing)
    unseen = None if test is None else read_rows(test, "test", **drawing)
    material = prepare(
        own, known, unseen, features=features, shape=shape, max_rows=max_rows, random_state=random_state
    )  # fmt: skip
    centres = None if modes is None else read_rows(modes, "modes").values
    partition = cells(material.held, material.made, centres, random_state=random_state)
    density = load_callable(log_density, "log_density") if isinstance(log_density, str) else log_density
    if density is not None and not callable(density):
        raise ValueError(f"log_density is {density!r}: pass module:function or a function of rows")
    run = _Run(limit, progress)
    doubts = [equal_rows_doubt(material.raw[1], "data"), scale_doubt(*material.raw[:2], "samples", "data")]
    if material.test is not None and material.raw[2] is not None:
        doubts += [scale_doubt(material.raw[2], material.raw[1], "test", "data"), _test_doubt(run, material, level)]
    pair = _densities(run, density, material)
    tests = list(family(material, partition, permutations=permutations, random_state=random_state, densities=pair))
    wanted = _wanted(list(pending(material)), scores)
    run.total = len(tests) + len(wanted)
    found = run.tests(tests, level)
    for section, name, evaluate in wanted:
        run.row(section, name, evaluate)
    _power_rows(run, material, partition, level, len(tests))
    return Audit(
        frame=pd.DataFrame(run.rows, columns=list(COLUMNS)),
        defects=_defects(found, partition, material, level),
        caveats=caveats(material, densities=density is not None),
        material=material,
        cells=partition,
        level=level,
        doubts=tuple(filter(None, doubts)),
        settings={"max_rows": max_rows, "permutations": permutations, "random_state": random_state},
    )


class _Run:
    """Rows as they are found, until the time is up."""

    def __init__(self, limit: float, progress: Callable[[int, int, str], None] | None):
        self.rows: list[dict[str, Any]] = []
        self.total = self.done = 0
        self._until, self._limit, self._progress = time.monotonic() + limit, limit, progress

    def row(self, section: str, name: str, evaluate: Callable[[], Any]) -> Any:
        """What `evaluate` gives, as a row if it is one's fields; what it raises is the row's reason."""
        if self._progress is not None:
            self._progress(self.done, max(self.total, self.done + 1), name)
        self.done += 1
        row: dict[str, Any] = {"section": section, "name": name}
        found = None
        if time.monotonic() > self._until:
            told = f"the time limit of {self._limit:g} s was over: raise time_limit or lower max_rows"
            row |= {"status": "skipped", "detail": told}
        else:
            try:
                found = evaluate()
                row |= found if isinstance(found, dict) else {"status": "ok"}
            except NotConverged as error:
                row |= {"status": "not converged", "detail": error.message}
            except Exception as error:  # anybody's score may fail in any way, and the others stand
                row |= {"status": "error", "detail": f"{type(error).__name__}: {error}"}
        self.rows.append(row)
        return found

    def tests(self, tests: list[tuple[str, Callable[[], Test]]], level: float) -> list[tuple[Test, float]]:
        """Every test with its adjusted p-value. A test that failed counts in the family as one that rejects nothing."""
        found = [self.row("test", name, evaluate) for name, evaluate in tests]
        adjusted = holm([1.0 if one is None else one.p_value for one in found])
        rows = self.rows[-len(tests) :]
        for row, one, p in zip(rows, found, adjusted, strict=True):
            if one is not None:
                low, high = one.interval or (None, None)
                row |= {"value": one.value, "low": low, "high": high, "unit": one.unit, "p_value": one.p_value}
                row |= {"adjusted": float(p), "detail": one.detail, "finding": one.defect if p <= level else ""}
        return [(one, float(p)) for one, p in zip(found, adjusted, strict=True) if one is not None]


def _test_doubt(run: _Run, material: Material, level: float) -> str:
    """What a classifier says of test and data, as a row; a question where it tells them apart at `level`.

    The tests of memorisation and all scores take real rows for one law: where test is of another, so is what they say.
    """
    found: list[TestedEstimate] = []

    def evaluate() -> dict[str, Any]:
        found.append(cast(TestedEstimate, classifier_two_sample_test(material.reference, material.twin)))
        low, high = found[0].interval or (None, None)
        return {"value": found[0].value, "low": low, "high": high, "status": "ok", "detail": found[0].detail}

    run.row("input", "test told from data", evaluate)
    if not found or found[0].p_value > level:
        return ""
    told = f"a classifier tells test from data, right on {found[0].value:.0%} of rows, p = {found[0].p_value:.2g}"
    return f"{told}: are they rows of one law? What is said of the samples is then of that too; split rows at random."


def _wanted(there: list[Pending], names: Iterable[str] | None) -> list[Pending]:
    if names is None:
        return there
    chosen, known = list(names), [name for _, name, _ in there]
    for name in chosen:
        if name not in known:
            raise ValueError(f"scores has {name!r}: pass names of {', '.join(known)}{did_you_mean(name, known)}")
    return [one for one in there if one[1] in chosen]


def _densities(run: _Run, density: Any, material: Material) -> tuple[Array, Array] | None:
    """The rows about the log densities; those of training and test rows where both are finite, for the test."""
    if density is None:
        return None
    samples, data, test = material.raw
    found = {}
    for name, rows in (("training rows", data), ("test rows", test), ("samples", samples)):
        if rows is not None:
            values: list[Array] = []

            def evaluate(rows: Array = rows, name: str = name, values: list[Array] = values) -> Any:
                values.append(log_densities(density, rows, name))
                return likelihood(values[0], name)

            run.row("likelihood", f"log density of {name}", evaluate)
            found[name] = values[0] if values else None
    train, unseen = found["training rows"], found.get("test rows")
    if train is None or unseen is None or not (np.isfinite(train).all() and np.isfinite(unseen).all()):
        return None
    return train, unseen


def _power_rows(run: _Run, material: Material, partition: Cells, level: float, n_tests: int) -> None:
    if material.test is None:
        for name in NEED_TEST:
            told = "needs real rows that the sampler has not seen: pass test"
            run.rows.append({"section": "test", "name": name, "status": "skipped", "detail": told})
    n, m, n_cells = len(material.held), len(material.made), len(partition.centres)
    # The bound is of a cell that is the mode: nothing else in it, and nothing of the mode elsewhere.
    about = "at least so where no other mode lies in its cell"
    if not partition.known:
        about = "where one cluster is the mode and nothing else, less where it is shared or split: pass modes to know"
    for share in _SHARES:
        seen = power(share, n, m, level=level, n_cells=n_cells * n_tests)
        needed = rows_for(share, 0.9, level=level, n_cells=n_cells * n_tests)
        told = f"exact binomial, {about}; then 90 % takes {needed} real rows and as many samples"
        name = f"a dropped mode of {share:.0%}, alone in its cell, is seen"
        run.rows.append(
            {"section": "power", "name": name, "value": seen, "status": "ok"}
            | {"method": f"Fisher's test in {n_cells} cells, the family's strictest threshold", "detail": told}
        )


def _defects(found: list[tuple[Test, float]], partition: Cells, material: Material, level: float) -> tuple[Defect, ...]:
    named: dict[str, list[tuple[Test, float]]] = {}
    for one, p in found:
        if p <= level:
            named.setdefault(one.defect, []).append((one, p))
    defects = []
    if COPIES in named and CLOSE in named:
        # By itself it may be too little variance; beside proof of copying it is copying.
        named[COPIES] += named.pop(CLOSE)
    for name, own in named.items():
        best, p = min(own, key=lambda pair: pair[1])
        by = ", ".join(one.name for one, _ in own)
        told = f"{best.name}: {best.value:.4g}{f' {best.unit}' if best.unit else ''}, {best.detail}"
        where: tuple[int, ...] = ()
        if name == DROPS:
            where = tuple(int(cell) for cell in partition.lacking(level))
            lost = partition.of_data[list(where)].sum() / len(material.held)
            kind = "modes" if partition.known else "clusters"
            left = partition.of_samples[list(where)].sum() / len(material.made)
            told = f"{len(where)} of {len(partition.centres)} {kind}: {lost:.1%} of the data, {left:.1%} of the samples"
        defects.append(Defect(name, told, by, p, where))
    return tuple(sorted(defects, key=lambda defect: defect.p_value))
