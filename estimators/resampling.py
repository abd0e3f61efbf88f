"""Errors of any statistic of samples: the bootstrap, the jackknife, and where neither may be believed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import random_generator, whole_number
from estimators.intervals import LEVEL, checked_confidence, normal_interval
from estimators.measures import Empirical
from estimators.points import as_points, columns_of, same_columns
from estimators.result import Estimate
from knn.registry import unknown_name

Array = NDArray[np.float64]

#: A bias above this share of the spread leaves the interval's centre unknown.
_TOLERABLE_BIAS = 0.5


def bootstrap(
    statistic: str | Callable[..., Any],
    /,
    *samples: Any,
    n_resamples: int = 999,
    confidence_level: float = LEVEL,
    kind: str = "basic",
    random_state: Any = 0,
    progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> Estimate:
    """statistic(*samples) with the spread over resamples, rows drawn with replacement from each sample on its own.

    `statistic` is the name of a registered divergence or score, or a function of arrays (n, d) that returns an
    Estimate or a number; `options` go to it. A name of a divergence between measures is of the samples' empirical
    measures, for laws with atoms. `kind` "basic": [2θ − q₁₋ₐ, 2θ − qₐ], which corrects for a bias of
    resampling; "percentile": [qₐ, q₁₋ₐ], which keeps to the statistic's range. q are quantiles over resamples.
    Of a statistic with a U- and a V-form take V: a resample repeats rows, which biases both alike, and "basic" takes
    off what V has and U has not.

    Where the bootstrap is not valid no interval and no error is given, and `detail` says why: when the resamples'
    mean is off by more than half their spread, as for V-statistics of (nearly) equal laws, whose limit is no normal
    law, or where the resample's own bias prevails, as for transport in many dimensions. Statistics that say
    `of_neighbours`, at registration or by `estimators.scoring.ties_matter`, are refused, since a resample ties
    rows and puts one row on both sides of a split; a function that wraps one, and maxima (Kolmogorov–Smirnov,
    max-sliced), are not recognised and must not be given. `progress(done, all)` is called after each resample.

    Raises ValueError for bad samples or numbers, TypeError for a statistic of neighbours.
    Source: Efron 1979; Bickel & Freedman 1981, section 6 (where it fails).
    """
    function, rows = _statistic(statistic, options), _rows(samples)
    confidence_level = checked_confidence(confidence_level)
    if getattr(_registered(statistic) if isinstance(statistic, str) else statistic, "of_neighbours", False):
        raise TypeError(
            f"{statistic} is of nearest neighbours or held-out rows, which resampling ties: read its own error, or "
            "jackknife"
        )
    least = math.ceil(2 / (1 - confidence_level))
    n_resamples = whole_number(n_resamples, "n_resamples", least, why=f" for confidence_level {confidence_level}")
    if kind not in ("basic", "percentile"):
        raise ValueError(f"kind is {kind!r}: pass 'basic' or 'percentile'")
    rng = random_generator(random_state)
    whole = function(*rows)
    values = np.empty(n_resamples)
    for draw in range(n_resamples):
        values[draw] = float(function(*(part[rng.integers(len(part), size=len(part))] for part in rows)))
        if progress is not None:
            progress(draw + 1, n_resamples)
    value, told = float(whole), f"{n_resamples} resamples"
    if not np.isfinite(values).all() or not math.isfinite(value):
        bad = int((~np.isfinite(values)).sum())
        return _plain(whole, value, f"no standard error: {bad} of {told} gave no finite value")
    spread, bias = float(values.std(ddof=1)), float(values.mean()) - value
    if abs(bias) > _TOLERABLE_BIAS * spread:
        return _plain(
            whole, value,
            f"no standard error: resampling moves the mean by {bias:.3g} at a spread of {spread:.3g}, as of equal laws",
        )  # fmt: skip
    low, high = (float(q) for q in np.quantile(values, [(1 - confidence_level) / 2, (1 + confidence_level) / 2]))
    interval = (low, high) if kind == "percentile" else (2 * value - high, 2 * value - low)
    method, unit = _described(whole)
    return Estimate(value, spread, interval, f"{method}{kind} bootstrap", None, unit, told)


def jackknife(
    statistic: str | Callable[..., Any],
    /,
    *samples: Any,
    n_groups: int | None = None,
    confidence_level: float = LEVEL,
    random_state: Any = 0,
    **options: Any,
) -> Estimate:
    """statistic(*samples) with √Σₛ (g−1)/g Σⱼ (θ₍ₛⱼ₎ − mean)², leaving one row, or one of g groups, out of sample s.

    On average too large rather than too small (Efron & Stein 1981), consistent for statistics that are smooth in the
    measure, and for statistics of nearest neighbours, which are not, up to twice too large. Meaningless for
    quantiles and maxima. `n_groups` groups of rows drawn at random cost g evaluations a sample instead of n; by
    default n, one row each. The interval is normal. Arguments and errors else as `bootstrap`.
    """
    function, rows = _statistic(statistic, options), _rows(samples)
    checked_confidence(confidence_level)
    if n_groups is not None:
        n_groups = whole_number(n_groups, "n_groups", 2, why=", or None to leave out one row at a time")
    rng = random_generator(random_state)
    whole, variance = function(*rows), 0.0
    for which, part in enumerate(rows):
        groups = np.array_split(rng.permutation(len(part)), min(n_groups or len(part), len(part)))
        left = [float(function(*rows[:which], np.delete(part, group, axis=0), *rows[which + 1 :])) for group in groups]
        variance += (len(groups) - 1) * float(np.var(left))
    value = float(whole)
    if not math.isfinite(variance) or not math.isfinite(value):
        return _plain(whole, value, "no standard error: leaving rows out gave no finite value")
    stderr = math.sqrt(variance)
    method, unit = _described(whole)
    return Estimate(value, stderr, normal_interval(value, stderr, confidence_level), f"{method}jackknife", None, unit)


def _statistic(statistic: str | Callable[..., Any], options: dict[str, Any]) -> Callable[..., Any]:
    function: Callable[..., Any] = _registered(statistic) if isinstance(statistic, str) else statistic
    # Registered divergences of measures are of the samples' empirical ones, equal rows merged.
    of_measures = getattr(function, "takes", "samples") == "measures"

    def of_samples(*rows: Array) -> Any:
        return function(*map(Empirical, rows) if of_measures else rows, **options)

    return of_samples


def _registered(name: str) -> Callable[..., Any]:
    from estimators.comparison import divergences
    from estimators.scoring import scores

    if name not in scores and name not in divergences:
        raise unknown_name("statistic", name, sorted([*divergences, *scores]))
    return scores[name] if name in scores else divergences[name]


def _rows(samples: tuple[Any, ...]) -> list[Array]:
    if not samples:
        raise ValueError("samples is empty: pass the arrays of which the statistic is taken")
    rows = [as_points(part, f"sample {place}") for place, part in enumerate(samples)]
    for place, part in enumerate(samples[1:], start=1):
        same_columns(columns_of(samples[0]), columns_of(part), ("sample 0", f"sample {place}"))
    for place, part in enumerate(rows):
        if len(part) < 2:
            raise ValueError(f"sample {place} has one row: pass two or more to draw from")
    return rows


def _described(whole: Any) -> tuple[str, str]:
    return (f"{whole.method}, ", whole.unit) if isinstance(whole, Estimate) else ("", "")


def _plain(whole: Any, value: float, reason: str) -> Estimate:
    method, unit = _described(whole)
    return Estimate(value, None, None, method.removesuffix(", "), None, unit, reason)
