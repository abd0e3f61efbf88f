"""Wasserstein distances between measures on points, exact and certified."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np

from estimators.comparison import divergence
from estimators.densities import Gaussian
from estimators.measures import Weighted, weighted_pair
from estimators.result import Certificate, Estimate, NotConverged
from estimators.transport_gaussian import gaussian_wasserstein
from estimators.transport_solvers import UNIT_ROUNDOFF, Solved, solve


@divergence("wasserstein", takes="samples", symmetric=True, metric_power=1.0, degree=1.0)
def wasserstein(P: Any, Q: Any, *, p: float = 1.0, max_iter: int = 100_000_000) -> Estimate:
    """W_p(P,Q) = (min over couplings of E‖X−Y‖ᵖ)^(1/p), p ≥ 1, for arrays (n, d), or (n,), or Empirical measures.

    In units of length. On the line by the monotone coupling, O(n log n); else by POT's network simplex, or,
    for samples of one size in many dimensions, by assignment (`estimators.transport_solvers` says which).
    The certificate encloses the value: from above by the plan, with what its marginals miss, from below
    by the dual that two c-transforms make feasible. It is of the distance between the two measures
    given; between the laws behind samples W_p is less, in d dimensions by some n^(−1/d), and so no
    standard error is claimed.

    Raises NotConverged, with the partial Estimate, if `max_iter` pivots do not close the gap, or if p is so
    large that rounding hides the costs; MemoryError for sizes whose cost matrix would not fit, unless p is 1
    or 2, where costs are computed when needed; ValueError for p < 1 and for points farther apart than a
    float64. Source: Villani 2003, theorem 1.3; Bonneel et al. 2011 (the solver); Flamary et al. 2021 (POT).
    """
    if not (isinstance(p, Real) and 1 <= p < math.inf):
        raise ValueError(f"p is {p!r}: pass a finite number ≥ 1")
    if not (isinstance(max_iter, Integral) and max_iter >= 1):
        raise ValueError(f"max_iter is {max_iter!r}: pass a whole number of pivots ≥ 1")
    first, second, exponent = unit_span(*weighted_pair(P, Q))
    return _estimate(solve(first, second, float(p), int(max_iter)), float(p), exponent)


@divergence("wasserstein-2", takes="samples", symmetric=True, metric_power=1.0, degree=1.0, densities="gaussian")
def wasserstein_2(P: Any, Q: Any) -> Estimate:
    """W₂(P,Q): `wasserstein` with p = 2; of two `Gaussian` laws `gaussian_wasserstein`. Source: Villani 2003."""
    if isinstance(P, Gaussian) and isinstance(Q, Gaussian):
        return gaussian_wasserstein(P, Q)
    return wasserstein(P, Q, p=2)


def _estimate(solved: Solved, p: float, exponent: int) -> Estimate:
    def root(cost: float) -> float:
        return solved.unit * cost ** (1 / p)

    value = min(max(solved.cost, solved.lower), solved.upper)
    bounds = rounded_outward(solved.proof, root(solved.lower), root(solved.upper), exponent)
    # Below the normal numbers scaling rounds, so that the value may leave its bounds by the last bit.
    told = min(max(scaled(root(value), exponent), bounds.lower), bounds.upper)
    detail = "between the measures given; no standard error of sampling"
    if solved.failure:
        partial = Estimate(told, None, None, solved.method, bounds, "length", detail, converged=False)
        raise NotConverged(solved.failure, partial)
    return Estimate(told, None, None, solved.method, bounds, "length", detail)


def rounded_outward(proof: str, lower: float, upper: float, exponent: int) -> Certificate:
    """[lower, upper]·2ᵉ as a certificate, with room for the roundings of a root and of subnormal numbers."""
    hair = 4 * UNIT_ROUNDOFF
    low, high = scaled(lower * (1 - hair), exponent), scaled(upper * (1 + hair), exponent)
    tiny = float(np.finfo(np.float64).tiny)
    if 0 < upper and high < tiny:
        high = math.nextafter(high, math.inf)
    return Certificate(proof, math.nextafter(low, 0.0) if low < tiny else low, high)


def scaled(value: float, exponent: int) -> float:
    """value·2ᵉ; ValueError where float64 has no such number."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        raise ValueError(
            "P and Q lie farther apart than the largest float64: pass both divided by a power of 2"
        ) from None


def unit_span(P: Weighted, Q: Weighted) -> tuple[Weighted, Weighted, int]:
    """Both with the same power of two taken out of the coordinates, which is exact, so that all lie within [−1, 1] of
    a common point; costs then neither overflow nor vanish against the solver's tolerances."""
    low = np.minimum(P.points.min(axis=0), Q.points.min(axis=0))
    high = np.maximum(P.points.max(axis=0), Q.points.max(axis=0))
    with np.errstate(over="ignore"):
        span = float((high - low).max())
    if span == 0:
        return P, Q, 0
    # Where the difference itself overflows, so does twice the largest number.
    exponent = math.frexp(span)[1] if span < math.inf else 1025
    return (
        P._replace(points=np.ldexp(P.points, -exponent)),
        Q._replace(points=np.ldexp(Q.points, -exponent)),
        exponent,
    )
