"""Permutation tests of whether two samples have one law, at an exact level; Holm's correction for a family of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from estimators.arguments import random_generator, real_number
from estimators.intervals import clopper_pearson
from estimators.points import as_points, point_pair
from estimators.range import refuse_out_of_range

Array = NDArray[np.float64]
#: The statistic of each relabelling, and the size of what it sums up, to which its rounding is proportional.
#: Row b of the labels (b, N) holds True for the points that play X.
Statistic = Callable[[NDArray[np.bool_]], tuple[Array, float]]

_STATISTICS = ("energy", "mmd", "classifier")
#: Rows of the distance matrix that are computed together, and relabellings that are summed together.
_ROWS, _TOGETHER = 512, 1024
#: What a level is, told where one is refused.
_FALSE_ALARMS = ": a share of false alarms, such as 0.05"
#: Points among which the median distance is taken.
_FOR_MEDIAN = 1000


@dataclass(frozen=True)
class TwoSampleTest:
    """Outcome of a permutation test.

    `p_value` has P(p ≤ α) ≤ α under equal laws, for every α. `interval` is the Clopper–Pearson interval at 99 % of
    the p-value that all permutations would give: what other draws of them could say. `status` is "rejected" or
    "not rejected" at `level`, with ", undecided by this many permutations" while the interval holds `level`.
    """

    statistic: str
    value: float
    p_value: float
    interval: tuple[float, float]
    level: float
    permutations: int
    detail: str = ""

    @property
    def rejected(self) -> bool:
        return self.p_value <= self.level

    @property
    def status(self) -> str:
        word = "rejected" if self.rejected else "not rejected"
        low, high = self.interval
        return f"{word}, undecided by {self.permutations} permutations" if low <= self.level <= high else word

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.statistic} {self.value:.4g}, p = {self.p_value:.4g} [{low:.2g}, {high:.2g}], "
            f"equal laws {self.status} at {self.level:g}"
        )


def two_sample_test(
    X: ArrayLike,
    Y: ArrayLike,
    statistic: str | Callable[[Array, Array], float] = "energy",
    *,
    permutations: int = 999,
    level: float = 0.05,
    ties: str = "conservative",
    bandwidth: float | None = None,
    random_state: Any = 0,
) -> TwoSampleTest:
    """Tests H₀: X (n, d) and Y (m, d) are draws of one law, by relabelling the pooled points at random.

    p = (1 + #{b: T_b ≥ T₀})/(1 + B) of B `permutations`: under H₀ all relabellings are exchangeable, so that
    P(p ≤ α) ≤ α exactly, for every n, m, d and law, and = ⌊α(1+B)⌋/(1+B) without ties. Statistics within rounding of T₀
    count as ties: as larger ("conservative"), or in a random order ("randomised": P(p ≤ α) exact with ties too).

    `statistic`: "energy" (ℰ², V-statistic), "mmd" (Gaussian kernel; `bandwidth` σ, by default the median distance of
    the pooled points, which no relabelling changes), "classifier" (logistic regression on random Fourier features,
    fitted on one half of each sample; the difference of its mean scores on the other half, whose labels alone are
    permuted), or a function of two arrays that is large where they differ, called B + 1 times. The first two take one
    pass over the distances, O((n+m)²(d + B)) time and O((n+m)·B) memory for at most 1024 relabellings at once.

    Raises ValueError for bad samples, coordinates whose squares leave float64, fewer than 2 points, or B too small to
    reject at `level`. Source: Gretton et al. 2012, section 4; Székely & Rizzo 2004; Lopez-Paz & Oquab 2017; Phipson &
    Smyth 2010 (the 1 + …).
    """
    x, y = point_pair(X, Y, ("X", "Y"))
    _check(x, y, statistic, permutations, level, ties, bandwidth)
    if not callable(statistic):
        refuse_out_of_range(x, y, ("X", "Y"))
    rng = random_generator(random_state)
    detail = ""
    if statistic == "classifier":
        values_of, labels = _classifier(x, y, rng)
        name = "difference of held-out scores"
    else:
        pooled, labels = np.concatenate([x, y]), np.arange(len(x) + len(y)) < len(x)
        if callable(statistic):
            values_of = _called(pooled, statistic)
            name = getattr(statistic, "__name__", "statistic")
        else:
            scale = None
            if statistic == "mmd":
                scale = _median(pooled) if bandwidth is None else float(bandwidth)
                detail = f"Gaussian kernel, bandwidth {scale:.6g}"
            values_of = _quadratic(pooled, scale)
            name = "squared energy distance" if statistic == "energy" else "squared MMD"
    shuffled = np.stack([labels, *(rng.permutation(labels) for _ in range(permutations))])
    values, size = values_of(shuffled)
    if not np.isfinite(values).all():
        raise ValueError(
            f"statistic: relabelling {int(np.argmin(np.isfinite(values)))} gives a value that is not finite"
        )
    observed, others = float(values[0]), values[1:]
    # Equal statistics differ by the order of their sums: at most N roundings of the size of what is summed.
    slack = len(labels) * float(np.finfo(np.float64).eps) * size
    larger, equal = int((others > observed + slack).sum()), int((np.abs(others - observed) <= slack).sum())
    # Of the equal ones and itself, each is first with the same probability.
    ahead = equal if ties == "conservative" else int(rng.integers(0, equal + 1))
    exceeding = larger + ahead
    return TwoSampleTest(
        name, observed, (1 + exceeding) / (1 + permutations), clopper_pearson(exceeding, permutations, 0.99),
        level, permutations, detail,
    )  # fmt: skip


def holm(p_values: ArrayLike) -> Array:
    """Holm's adjusted p-values: rejecting those ≤ α keeps P(any true hypothesis rejected) ≤ α, however they depend.

    p̃₍ᵢ₎ = max_{j ≤ i} min(1, (m − j + 1) p₍ⱼ₎), in the order given. Raises ValueError for p outside [0, 1]. Source:
    Holm 1979.
    """
    p = as_points(p_values, "p_values", dimension=1)[:, 0]
    if ((p < 0) | (p > 1)).any():
        row = int(np.argmax((p < 0) | (p > 1)))
        raise ValueError(f"p_values: row {row} is {p[row]}, which is no probability")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted


def _check(x: Array, y: Array, statistic: Any, permutations: Any, level: float, ties: str, bandwidth: Any) -> None:
    if not (callable(statistic) or statistic in _STATISTICS):
        raise ValueError(f"statistic is {statistic!r}: pass {', '.join(map(repr, _STATISTICS))} or a function")
    real_number(level, "level", above=0, below=1, why=_FALSE_ALARMS)
    least = math.ceil(1 / level) - 1
    if not (isinstance(permutations, (int, np.integer)) and permutations >= least):
        raise ValueError(f"permutations is {permutations!r}: pass {least} or more, with fewer no p reaches {level:g}")
    if ties not in ("conservative", "randomised"):
        raise ValueError(f"ties is {ties!r}: pass 'conservative' or 'randomised'")
    if bandwidth is not None:
        real_number(bandwidth, "bandwidth", above=0, why=", and with statistic='mmd' alone")
        if statistic != "mmd":
            raise ValueError(f"bandwidth is {bandwidth!r}: pass it with statistic='mmd' alone")
    least_rows = 4 if statistic == "classifier" else 2
    for name, part in (("X", x), ("Y", y)):
        if len(part) < least_rows:
            raise ValueError(f"{name} has {len(part)} rows: pass {least_rows} or more")


def _quadratic(pooled: Array, bandwidth: float | None) -> Statistic:
    """zᵀKz with z = 1/n on X and −1/m on Y, K the Gaussian kernel or minus the distance; in blocks of K's rows."""

    def values_of(labels: NDArray[np.bool_]) -> tuple[Array, float]:
        parts = [part(labels[first : first + _TOGETHER]) for first in range(0, len(labels), _TOGETHER)]
        # Σ|z| = 2, so that the sum's terms are at most four times the largest entry of K in all.
        return np.concatenate([values for values, _ in parts]), 4 * max(largest for _, largest in parts)

    def part(labels: NDArray[np.bool_]) -> tuple[Array, float]:
        n = int(labels[0].sum())
        z = np.where(labels, 1 / n, -1 / (labels.shape[1] - n)).T
        total, largest = np.zeros(z.shape[1]), 0.0
        for first in range(0, len(pooled), _ROWS):
            rows = cdist(pooled[first : first + _ROWS], pooled, "euclidean" if bandwidth is None else "sqeuclidean")
            kernel = -rows if bandwidth is None else np.exp(-rows / (2 * bandwidth**2))
            total += np.einsum("ib,ib->b", z[first : first + _ROWS], kernel @ z)
            largest = max(largest, float(np.abs(kernel).max()))
        return total, largest

    return values_of


def _called(pooled: Array, function: Callable[[Array, Array], float]) -> Statistic:
    def values_of(labels: NDArray[np.bool_]) -> tuple[Array, float]:
        values = np.array([float(function(pooled[row], pooled[~row])) for row in labels])
        return values, float(np.abs(values).max())

    return values_of


def _median(pooled: Array) -> float:
    """The median distance of pairs, among at most 1000 points evenly spaced in lexicographic order."""
    ordered = pooled[np.lexsort(pooled.T[::-1])]
    chosen = ordered[np.linspace(0, len(ordered) - 1, min(len(ordered), _FOR_MEDIAN)).astype(int)]
    distances = cdist(chosen, chosen)[np.triu_indices(len(chosen), 1)]
    median = float(np.median(distances))
    if median == 0:
        raise ValueError("X and Y: most points are equal, so the median distance is 0: pass bandwidth")
    return median


def _classifier(x: Array, y: Array, rng: np.random.Generator) -> tuple[Statistic, NDArray[np.bool_]]:
    """Scores of the held-out halves by a classifier of the others; given that classifier, held-out labels exchange."""
    from estimators.fdivergences.classifier import default_classifier

    halves = [rng.permutation(part) for part in (x, y)]
    train, held = [part[: len(part) // 2] for part in halves], [part[len(part) // 2 :] for part in halves]
    fitted = default_classifier(int(rng.integers(2**31))).fit(
        np.concatenate(train), np.repeat([1, 0], [len(part) for part in train])
    )
    scores = fitted.decision_function(np.concatenate(held))
    labels = np.arange(len(scores)) < len(held[0])

    def values_of(shuffled: NDArray[np.bool_]) -> tuple[Array, float]:
        n = int(shuffled[0].sum())
        return np.where(shuffled, 1 / n, -1 / (len(scores) - n)) @ scores, 2 * float(np.abs(scores).max())

    return values_of, labels


def rejections(tests: Sequence[TwoSampleTest], level: float = 0.05) -> NDArray[np.bool_]:
    """Which of a family of tests reject at family-wise `level` in (0, 1), by Holm's correction."""
    level = real_number(level, "level", above=0, below=1, why=_FALSE_ALARMS)
    return holm([test.p_value for test in tests]) <= level
