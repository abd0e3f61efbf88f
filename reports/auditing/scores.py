"""Divergences, scores and likelihoods of an audit: each with its error, beside what a perfect sampler would score."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.comparison import applicable, compare, divergences
from estimators.fdivergences.classifier import jsd_classifier, kl_classifier
from estimators.fdivergences.neighbours import jsd_knn, kl_knn
from estimators.intervals import normal_interval
from estimators.parzen import parzen_log_likelihood
from estimators.points import as_array
from estimators.resampling import jackknife
from estimators.result import Estimate
from reports.auditing.material import Material

Array = NDArray[np.float64]
#: A row of the audit without its section and name, and what is run for it.
Fields = dict[str, Any]
Pending = tuple[str, str, Callable[[], Fields]]

#: Groups of rows that the jackknife leaves out, of each sample.
_GROUPS = 10
#: Between samples, no divergence of the registry: their biases are of another kind.
_ESTIMATED = {
    "KL(data‖samples), neighbours": kl_knn,
    "KL(samples‖data), neighbours": lambda P, Q: kl_knn(Q, P),
    "JSD, neighbours": jsd_knn,
    "KL(data‖samples), classifier": kl_classifier,
    "JSD, classifier": jsd_classifier,
}


def pending(material: Material) -> Iterator[Pending]:
    """Every divergence and score that applies, by section and name, none evaluated yet."""
    reference, drawn, twin = material.reference, material.drawn, material.twin
    for name in applicable(reference, drawn):
        section = "divergence" if name in divergences else "coverage and quality"
        yield section, name, lambda name=name: _registered(name, reference, drawn, twin)  # type: ignore[misc]
    for name, function in _ESTIMATED.items():
        yield "divergence", name, lambda function=function: _estimated(function, reference, drawn, twin)  # type: ignore[misc]
    yield "likelihood", "Parzen windows", lambda: _parzen(reference, drawn, twin)


def _registered(name: str, reference: Array, drawn: Array, twin: Array) -> Fields:
    found = compare(reference, drawn, [name]).iloc[0]
    fields = {key: found[key] for key in ("value", "stderr", "low", "high", "unit", "bound", "status", "detail")}
    fields["method"] = found["method"]
    if found["status"] != "ok":
        return fields
    fields["floor"] = compare(reference, twin, [name]).iloc[0]["value"]
    member = divergences.get(name)
    missing = found["stderr"] is None or math.isnan(found["stderr"])
    if member is not None and not found["bound"] and (missing or member.monte_carlo):
        # What stands there is a certificate or an error over directions: neither is of sampling.
        error = jackknife(name, reference, drawn, n_groups=_GROUPS)
        low, high = error.interval or (math.nan, math.nan)
        fields |= {"stderr": error.stderr, "low": low if math.isnan(low) else max(0.0, low), "high": high}
        fields["detail"] = f"error by leaving out one of {_GROUPS} groups of rows"
    return fields


def _estimated(function: Callable[[Array, Array], Estimate], reference: Array, drawn: Array, twin: Array) -> Fields:
    return _fields(function(reference, drawn)) | {"floor": function(reference, twin).value}


def _parzen(reference: Array, drawn: Array, twin: Array) -> Fields:
    half = len(reference) // 2
    validation, test = reference[:half], reference[half:]
    scale = float(np.sqrt(reference.var(axis=0).mean()))
    if scale == 0:
        raise ValueError("the data are all one row, about which no bandwidth is right")
    grid = scale * np.geomspace(0.02, 2.0, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the detail says so too
        found, floor = (
            parzen_log_likelihood(part, test, validation=validation, bandwidths=grid) for part in (drawn, twin)
        )
    return _fields(found) | {"floor": floor.value, "unit": "nat"}


def log_densities(function: Callable[[Array], Any], rows: Array, name: str) -> Array:
    """function(rows) (n,), the log densities of rows; raises ValueError naming the row for NaN or +∞."""
    values = as_array(function(rows), "log_density")
    if values.shape != (len(rows),) or values.dtype.kind not in "iuf":
        raise ValueError(
            f"log_density returned {values.dtype} of shape {values.shape} for {len(rows)} rows of {name}: return one "
            "real number for each row"
        )
    bad = np.isnan(values) | (values == math.inf)
    if bad.any():
        raise ValueError(f"log_density of row {int(np.argmax(bad))} of {name} is {values[np.argmax(bad)]}: mend it")
    return values.astype(np.float64)


def likelihood(values: Array, name: str) -> Fields:
    """The mean log density with its standard error and interval; −∞ where a row has density 0, which is told."""
    zero = np.isneginf(values)
    if zero.any():
        told = f"row {int(np.argmax(zero))} of {name} and {int(zero.sum())} in all have density 0"
        return _fields(Estimate(-math.inf, method="mean log density", unit="nat", detail=told))
    value, stderr = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    return _fields(Estimate(value, stderr, normal_interval(value, stderr), "mean log density", unit="nat"))


def _fields(found: Estimate) -> Fields:
    told = found.as_dict()
    if found.interval is None and found.stderr is not None and not found.bound:
        told["low"], told["high"] = normal_interval(found.value, found.stderr)
    kept = ("value", "stderr", "low", "high", "unit", "bound", "detail", "method")
    return {key: told[key] for key in kept} | {"status": "ok"}
