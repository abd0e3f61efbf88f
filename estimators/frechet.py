"""Fréchet distance between the Gaussians fitted to two sets of features: FID, given the features."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import qr, svd

from estimators.arguments import random_generator
from estimators.balls import Array, sample_pair
from estimators.result import Estimate
from estimators.scoring import score
from knn.threads import one_blas_thread

#: Sizes between a tenth and all of the rows at which the distance is taken to extrapolate.
_SIZES = 15
#: Of differences up to this, 2⁶⁰ fourth powers, which the variance of squares has, add up to a float.
_LARGEST = 2.0**240


@score("frechet", lowest=0.0, highest=math.inf, degree=2.0, least=3)
def frechet_distance(P: Any, Q: Any, *, extrapolate: bool = False, random_state: Any = 0) -> Estimate:
    """‖μ−ν‖² + tr Σ + tr T − 2 tr (ΣT)^½ with the means μ, ν and covariances Σ, T of features P (n, d) and Q (m, d).

    Covariances divide by n − 1 and m − 1. As torchmetrics' FrechetInceptionDistance, squared, in the features' units
    squared; the features are given, and with those of Inception's pool3 it is FID. tr (ΣT)^½ is the sum of the singular
    values of R Sᵀ, with Σ = RᵀR and T = SᵀS from QR of the centred rows: no matrix is multiplied by itself, rooted or
    regularised, so that fewer rows than features are served with the same digits. What rounding leaves below 0 is 0.

    Biased upwards: values of different n are not comparable. For normal features the bias is tr Σ/n + tr T/m by the
    means, and by the covariances of order d/4 times that, (d + 5)/4 in all where both are σ²I: `detail` has the number.
    The standard error is the delta method's, about that biased mean, for n much larger than d, and too small where both
    laws have the same two moments, since the first derivative vanishes there. There is no interval: at n = 200, d = 64
    the bias is ten times the error, and none about the value would hold the distance of the laws.
    `extrapolate=True` gives the intercept of a line through the values at 15 sizes against 1/n (FID∞), without standard
    error: it takes off what is of order 1/n, most of the bias where n is much larger than d, half of it at 200 and 64.

    Raises ValueError for bad samples, fewer than 2 rows, of 20 to extrapolate, or squares that overflow. Source: Heusel
    et al. 2017; Chong & Forsyth 2020.
    """
    x, y = sample_pair(P, Q)
    for name, rows in (("P", x), ("Q", y)):
        if len(rows) < (20 if extrapolate else 2):
            raise ValueError(f"{name} has {len(rows)} rows: pass 2 or more, 20 to extrapolate")
    rng = random_generator(random_state)
    fitted = _moments(x, y)
    if not extrapolate:
        bias = f"error about its biased mean; the bias is upwards, of order {fitted.bias:.2g}"
        return Estimate(fitted.value, _delta_error(fitted), None, "unbiased covariances", detail=bias)
    inverse, values = [], []
    for part in np.linspace(0.1, 1.0, _SIZES):
        sizes = [max(2, round(part * len(rows))) for rows in (x, y)]
        drawn = [rows[rng.permutation(len(rows))[:size]] for rows, size in zip((x, y), sizes, strict=True)]
        inverse.append(0.5 / sizes[0] + 0.5 / sizes[1])
        values.append(_moments(*drawn).value)
    slope, intercept = np.polyfit(inverse, values, 1)
    detail = (
        f"extrapolated from {fitted.value:.6g} at all rows by a line of slope {slope:.4g} in 1/n; no standard error: "
        "bias of higher order in d/n is left, and the noise of the rows and of their draws; may be below 0"
    )
    return Estimate(float(intercept), None, None, "line in 1/n", detail=detail)


class _Fitted(NamedTuple):
    """The `value`, the order of its `bias`, and per row the terms of its first-order change."""

    value: float
    bias: float
    of_x: Array
    of_y: Array


def _moments(x: Array, y: Array) -> _Fitted:
    with one_blas_thread:  # the same bits whatever the machine's threads
        return _fitted(x, y)


def _fitted(x: Array, y: Array) -> _Fitted:
    # Nearly the mean is as good as the mean to take off first, and leaves small numbers to average.
    shift = x[0]
    x, y = x - shift, y - shift
    if max(np.abs(x).max(), np.abs(y).max()) > _LARGEST:
        raise ValueError(
            "P or Q: features differ by over 2^240, and the variance of their squares overflows; scale both down"
        )
    gap = x.mean(axis=0) - y.mean(axis=0)
    (q, r), (p, s) = (_roots(rows - rows.mean(axis=0)) for rows in (x, y))
    u, singular, vt = svd(r @ s.T, full_matrices=False)
    spread = float((r * r).sum() + (s * s).sum()) - 2 * float(singular.sum())
    value = float(gap @ gap) + max(spread, 0.0)
    traces = float((r * r).sum()), float((s * s).sum())
    # (d + 5)/4 of the means' part; what the covariances add is never more than both traces.
    bias = min((x.shape[1] + 5) / 4 * (traces[0] / len(x) + traces[1] / len(y)), traces[0] + traces[1])
    # Moving mass ε to the row x changes the value by ε·(2⟨gap, x − μ⟩ + ‖x − μ‖² − (x − μ)ᵀT(x − μ)) less its mean,
    # T the transport map between the Gaussians; (x − μ)ᵀT(x − μ) is a form in the rows of q, with no inverse.
    terms = []
    for rows, factor, basis, sign in ((x, q, u, 1.0), (y, p, vt.T, -1.0)):
        centred = rows - rows.mean(axis=0)
        form = np.einsum("ij,j,ij->i", factor @ basis, singular, factor @ basis) * (len(rows) - 1)
        terms.append(2 * sign * (centred @ gap) + np.einsum("ij,ij->i", centred, centred) - form)
    return _Fitted(value, bias, *terms)


def _roots(centred: Array) -> tuple[Array, Array]:
    """(q, r) with centred/√(n−1) = q r, q with orthonormal columns, and so covariance rᵀr."""
    q, r = qr(centred / math.sqrt(len(centred) - 1), mode="economic")
    return q, r


def _delta_error(fitted: _Fitted) -> float:
    return math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in (fitted.of_x, fitted.of_y)))
