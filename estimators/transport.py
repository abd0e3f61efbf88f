"""Wasserstein distances between measures on points, exact and certified."""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from estimators.comparison import divergence
from estimators.densities import Gaussian
from estimators.line import sorted_cdf
from estimators.measures import Weighted, equal_measures, weighted_pair
from estimators.result import Certificate, Estimate, NotConverged

Array = NDArray[np.float64]

_UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2
#: The network simplex holds, for each pair of atoms, the cost twice, the plan, its flow and the arc's state (measured).
_BYTES_A_PAIR = 40
#: What POT's emd calls a solved problem.
_OPTIMAL = 1
#: Rows of the cost matrix that are looked at together while a dual is tightened.
_ROWS = 256


@divergence("wasserstein", takes="samples", symmetric=True, metric_power=1.0, degree=1.0)
def wasserstein(P: Any, Q: Any, *, p: float = 1.0, max_iter: int = 100_000_000) -> Estimate:
    """W_p(P,Q) = (min over couplings of E‖X−Y‖ᵖ)^(1/p), p ≥ 1, for arrays (n, d), or (n,), or Empirical measures.

    In units of length. On the line by the monotone coupling, O(n log n); else by POT's network simplex.
    The certificate encloses the value: from above by the plan, with what its marginals miss, from below
    by the dual that two c-transforms make feasible. It is of the distance between the two measures
    given; between the laws behind samples W_p is less, in d dimensions by some n^(−1/d), and so no
    standard error is claimed.

    Raises NotConverged, with the partial Estimate, if `max_iter` pivots do not close the gap; MemoryError
    for sizes whose cost matrix would not fit; ValueError for p < 1. Source: Villani 2003, theorem 1.3;
    Bonneel et al. 2011 (the solver); Flamary et al. 2021 (POT).
    """
    if not (isinstance(p, Real) and 1 <= p < math.inf):
        raise ValueError(f"p is {p!r}: pass a finite number ≥ 1")
    if not (isinstance(max_iter, Integral) and max_iter >= 1):
        raise ValueError(f"max_iter is {max_iter!r}: pass a whole number of pivots ≥ 1")
    p, max_iter = float(p), int(max_iter)
    first, second = weighted_pair(P, Q)
    first, second, exponent = _unit_span(first, second)
    if equal_measures(first, second):
        solved = _Solved(0.0, 0.0, 0.0, "identity", "equal measures")
    elif first.points.shape[1] == 1:
        solved = _on_the_line(first, second, p)
    else:
        solved = _network_simplex(first, second, p, max_iter)
    return _estimate(solved, p, 2.0**exponent)


@divergence("wasserstein-2", takes="samples", symmetric=True, metric_power=1.0, degree=1.0)
def wasserstein_2(P: Any, Q: Any) -> Estimate:
    """W₂(P,Q): `wasserstein` with p = 2."""
    return wasserstein(P, Q, p=2)


def gaussian_wasserstein(P: Gaussian, Q: Gaussian) -> Estimate:
    """W₂ between Gaussians: √(‖m₁−m₂‖² + min over orthogonal U of ‖L₁ − L₂U‖²), where Lᵢ Lᵢᵀ = Σᵢ, in units of length.

    The minimum is the Bures distance, whose square is tr(Σ₁ + Σ₂ − 2(Σ₁^½ Σ₂ Σ₁^½)^½); written as a difference
    it keeps its digits where Σ₁ is near Σ₂, and U is the polar factor of L₂ᵀL₁. Raises TypeError unless both are
    `Gaussian`, ValueError unless their dimensions agree. Source: Dowson & Landau 1982; Bhatia, Jain & Lim 2019.
    """
    for name, law in (("P", P), ("Q", Q)):
        if not isinstance(law, Gaussian):
            raise TypeError(f"{name} is {type(law).__name__}: pass a Gaussian, or samples to wasserstein(X, Y, p=2)")
    if P.dimension != Q.dimension:
        raise ValueError(f"P has dimension {P.dimension} and Q has {Q.dimension}: they must agree")
    first, second = np.linalg.cholesky(P.cov), np.linalg.cholesky(Q.cov)
    left, _, right = np.linalg.svd(second.T @ first)
    gap = first - second @ (left @ right)
    value = math.hypot(float(np.linalg.norm(P.mean - Q.mean)), float(np.linalg.norm(gap)))
    # Cholesky, the products and the SVD are backward stable: some d roundings of the roots' size each. What that
    # moves a root by grows with its condition, √ of the covariance's.
    size = sum(float(np.linalg.norm(root)) * math.sqrt(np.linalg.cond(root)) for root in (first, second))
    size += float(np.linalg.norm(P.mean) + np.linalg.norm(Q.mean))
    slack = 16 * P.dimension * _UNIT_ROUNDOFF * size
    bounds = Certificate("rounding", max(value - slack, 0.0), value + slack)
    return Estimate(value, None, None, "Bures closed form", bounds, "length", "between the laws given")


class _Solved(NamedTuple):
    """An optimal cost E‖X−Y‖ᵖ with bounds and what proves them; `failure` says why it is not proved optimal."""

    cost: float
    lower: float
    upper: float
    method: str
    proof: str
    failure: str = ""


def _on_the_line(P: Weighted, Q: Weighted, p: float) -> _Solved:
    """The monotone coupling is optimal for every convex cost, so that only rounding parts value and truth."""
    from estimators.kernels.cpu_sorted import cdf_integrals, quantile_cost

    if p == 1:
        cost = float(cdf_integrals(*sorted_cdf(P), *sorted_cdf(Q))[0])
    else:
        cost = float(quantile_cost(*sorted_cdf(P), *sorted_cdf(Q), float(p)))
    # Levels are off by u each, and along them |F⁻¹ − G⁻¹|ᵖ varies by 2p·spanᵖ in all; each term has p + 4 roundings.
    slack = _UNIT_ROUNDOFF * (8 * p + (p + 8) * cost)
    return _Solved(cost, max(cost - slack, 0.0), cost + slack, "monotone coupling", "rounding")


def _network_simplex(P: Weighted, Q: Weighted, p: float, max_iter: int) -> _Solved:
    _refuse_too_large(len(P.points), len(Q.points))
    import ot

    cost = cdist(P.points, Q.points) ** p
    # The weights sum to 1 up to rounding; the solver wants equal sums.
    a, b = P.weights / P.weights.sum(), Q.weights / Q.weights.sum()
    with warnings.catch_warnings():  # every failure is read from the log below, and raises
        warnings.simplefilter("ignore")
        plan, log = ot.emd(a, b, cost, numItermax=max_iter, log=True)
    u, v = _tightened(cost, np.asarray(log["u"], dtype=np.float64))
    dual = math.fsum(a * u) + math.fsum(b * v)
    primal = float(np.einsum("ij,ij->", plan, cost))
    missed = float(np.abs(plan.sum(axis=1) - a).sum() + np.abs(plan.sum(axis=0) - b).sum())
    # Potentials are sums along paths of up to n + m arcs; the costs have d + p + 2 roundings each.
    largest = float(cost.max() + np.abs(u).max() + np.abs(v).max())
    slack = (sum(cost.shape) + P.points.shape[1] + p + 8) * _UNIT_ROUNDOFF * largest
    lower = max(dual - slack, 0.0)
    upper = primal + missed * float(cost.max()) + slack
    failure = ""
    if log["result_code"] != _OPTIMAL:
        failure = f"the network simplex stopped with code {log['result_code']} after at most {max_iter} pivots"
    elif upper - lower > 8 * slack:  # the bounds' own slack twice, and as much again for the solver's roundings
        failure = f"the duality gap {upper - lower:.3g} is beyond rounding ({8 * slack:.3g})"
    return _Solved(primal, min(lower, upper), upper, "network simplex", "duality gap", failure)


def _tightened(cost: Array, u: Array) -> tuple[Array, Array]:
    """The feasible dual over u: vⱼ = minᵢ cᵢⱼ − uᵢ, then uᵢ = minⱼ cᵢⱼ − vⱼ, a strip of rows at a time."""
    strips = [slice(first, first + _ROWS) for first in range(0, len(cost), _ROWS)]
    v = np.full(cost.shape[1], np.inf)
    for rows in strips:
        np.minimum(v, (cost[rows] - u[rows, None]).min(axis=0), out=v)
    return np.concatenate([(cost[rows] - v).min(axis=1) for rows in strips]), v


def _estimate(solved: _Solved, p: float, scale: float) -> Estimate:
    def root(cost: float) -> float:
        return scale * cost ** (1 / p)

    value = min(max(solved.cost, solved.lower), solved.upper)
    hair = 4 * _UNIT_ROUNDOFF  # of the root and the scaling
    bounds = Certificate(solved.proof, root(solved.lower) * (1 - hair), root(solved.upper) * (1 + hair))
    detail = "between the measures given; no standard error of sampling"
    if solved.failure:
        partial = Estimate(root(value), None, None, solved.method, bounds, "length", detail, converged=False)
        raise NotConverged(f"{solved.failure}: raise max_iter", partial)
    return Estimate(root(value), None, None, solved.method, bounds, "length", detail)


def _unit_span(P: Weighted, Q: Weighted) -> tuple[Weighted, Weighted, int]:
    """Both with the same power of two taken out of the coordinates, which is exact, so that all lie within [−1, 1] of
    a common point; costs then neither overflow nor vanish against the solver's tolerances."""
    low = np.minimum(P.points.min(axis=0), Q.points.min(axis=0))
    high = np.maximum(P.points.max(axis=0), Q.points.max(axis=0))
    span = float((high / 2 - low / 2).max())  # halved: the difference itself may overflow
    if span == 0:
        return P, Q, 0
    exponent = math.frexp(span)[1] + 1
    return (
        P._replace(points=np.ldexp(P.points, -exponent)),
        Q._replace(points=np.ldexp(Q.points, -exponent)),
        exponent,
    )


def _refuse_too_large(n: int, m: int) -> None:
    needed, free = n * m * _BYTES_A_PAIR, psutil.virtual_memory().available
    if needed > free:
        raise MemoryError(
            f"transport between {n} and {m} atoms needs {needed / 2**30:.1f} GiB for its costs and plan, and "
            f"{free / 2**30:.1f} GiB are free: take fewer points (about {math.isqrt(int(free / _BYTES_A_PAIR))} fit)"
        )
