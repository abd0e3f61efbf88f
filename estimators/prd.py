"""Precision-recall curves of distributions: how much of either law the other can account for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from estimators.arguments import random_generator, whole_number
from estimators.balls import Array, sample_pair
from estimators.result import Estimate
from estimators.scoring import score

_RESAMPLES = 100


@dataclass(frozen=True)
class PrecisionRecallCurve:
    """`precision` α(λ) and `recall` β(λ) (angles,), and the two numbers that sum it up.

    `f_recall` is the largest F₈ on the curve, which weighs recall, `f_precision` the largest F₁⸝₈; both 1 for P = Q.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f_recall: Estimate
    f_precision: Estimate


def precision_recall_curve(
    P: Any, Q: Any, *, n_clusters: int = 20, n_angles: int = 1001, n_repeats: int = 10, random_state: Any = 0
) -> PrecisionRecallCurve:
    """α(λ) = Σ min(λp, q), β(λ) = α(λ)/λ at λ = tan θ, between histograms p of data P (n, d) and q of samples Q (m, d).

    The bins are `n_clusters` clusters of the rows of both (mini-batch k-means), and the curves of `n_repeats`
    clusterings are averaged. Bins join what they do not resolve, so the curve flatters Q, the more the fewer bins; and
    finite samples of one law lie below 1. Standard errors of F: the multinomial bootstrap with the clusters given.

    Raises ValueError for bad samples or counts. Source: Sajjadi et al. 2018, theorem 2 and section 3.3: 20, 1001, 10.
    """
    x, y = sample_pair(P, Q)
    for name, value, least, most in (
        ("n_clusters", n_clusters, 1, len(x) + len(y)),
        ("n_angles", n_angles, 3, 10**6),
        ("n_repeats", n_repeats, 1, 10**4),
    ):
        whole_number(value, name, least, most)
    rng = random_generator(random_state)
    pairs = [_histograms(x, y, int(n_clusters), rng) for _ in range(n_repeats)]
    curves = np.mean([curve(p, q, n_angles) for p, q in pairs], axis=0)
    best = np.array([_best_f(*curves)])
    drawn = []
    for _ in range(_RESAMPLES):
        again = [(_redrawn(p, len(x), rng), _redrawn(q, len(y), rng)) for p, q in pairs]
        drawn.append(_best_f(*np.mean([curve(p, q, n_angles) for p, q in again], axis=0)))
    errors = np.std(drawn, axis=0, ddof=1)
    told = f"{n_clusters} clusters, {n_repeats} clusterings; error with the clusters given"
    f_recall, f_precision = (
        Estimate(float(value), float(error), method=f"largest F of weight {weight}", detail=told)
        for value, error, weight in zip(best[0], errors, ("8", "1/8"), strict=True)
    )
    return PrecisionRecallCurve(curves[0], curves[1], f_recall, f_precision)


@score("prd-recall", lowest=0.0, highest=1.0, degree=None, least=2)
def prd_recall(P: Any, Q: Any, *, n_clusters: int | None = None, random_state: Any = 0) -> Estimate:
    """max F₈ of `precision_recall_curve`, which weighs recall: data of P (n, d) where Q (m, d) has none lower it.

    Three clusterings into 20 clusters, or a tenth of the rows where that is fewer. Source: Sajjadi et al. 2018.
    """
    return _quick_curve(P, Q, n_clusters, random_state).f_recall


@score("prd-precision", lowest=0.0, highest=1.0, degree=None, least=2)
def prd_precision(P: Any, Q: Any, *, n_clusters: int | None = None, random_state: Any = 0) -> Estimate:
    """max F₁⸝₈ of `precision_recall_curve`, which weighs precision: samples of Q where P has no data lower it.

    Clustered as for `prd_recall`. Source: Sajjadi et al. 2018.
    """
    return _quick_curve(P, Q, n_clusters, random_state).f_precision


def curve(p: Array, q: Array, n_angles: int = 1001) -> Array:
    """(precision, recall), (2, angles), of two histograms, at angles evenly spaced inside (0, π/2)."""
    slopes = np.tan(np.pi / 2 * np.arange(1, n_angles + 1) / (n_angles + 1))[:, None]
    # Each from its own formula: dividing one by a slope of 10³ or 10⁻³ would leave neither exactly 1.
    return np.minimum(np.stack([np.minimum(slopes * p, q).sum(axis=1), np.minimum(p, q / slopes).sum(axis=1)]), 1.0)


def _best_f(precision: Array, recall: Array) -> tuple[float, float]:
    """The largest F₈ and F₁⸝₈, where F_β = (1 + β²)αr/(β²α + r), and 0 where both are 0."""
    both = precision * recall
    found = []
    for square in (64.0, 1 / 64):
        weighed = square * precision + recall
        found.append(float(np.max((1 + square) * both / np.where(weighed > 0, weighed, 1.0))))
    return min(found[0], 1.0), min(found[1], 1.0)


def _histograms(x: Array, y: Array, n_clusters: int, rng: np.random.Generator) -> tuple[Array, Array]:
    from sklearn.cluster import MiniBatchKMeans

    rows = np.concatenate([x, y]) + 0.0
    of_x = np.arange(len(rows)) < len(x)
    # In one order whatever the order given, so that the clusters are of the samples and not of their arrangement.
    order = np.lexsort(np.concatenate([of_x[None], rows.T]))
    kmeans = MiniBatchKMeans(n_clusters, n_init=3, batch_size=1024, random_state=int(rng.integers(2**31)))
    with threadpool_limits(limits=1):  # the sums of several threads come in an order of their own
        labels, of_x = kmeans.fit_predict(rows[order] - rows.mean(axis=0)), of_x[order]
    p, q = (np.bincount(labels[own], minlength=n_clusters) / own.sum() for own in (of_x, ~of_x))
    return p, q


def _redrawn(shares: Array, n: int, rng: np.random.Generator) -> Array:
    return rng.multinomial(n, shares / shares.sum()) / n


def _quick_curve(P: Any, Q: Any, n_clusters: int | None, random_state: Any) -> PrecisionRecallCurve:
    x, y = sample_pair(P, Q)
    clusters = max(1, min(20, (len(x) + len(y)) // 10)) if n_clusters is None else n_clusters
    return precision_recall_curve(x, y, n_clusters=clusters, n_repeats=3, random_state=random_state)
