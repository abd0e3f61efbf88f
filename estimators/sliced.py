"""Wasserstein distances seen through projections to the line, where they are exact: their mean and their maximum."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import random_generator
from estimators.comparison import divergence
from estimators.line import sorted_cdf
from estimators.measures import Weighted, equal_measures, weighted_pair
from estimators.result import Certificate, Estimate
from estimators.transport import rounded_outward, scaled, unit_span
from estimators.transport_solvers import UNIT_ROUNDOFF, solve

Array = NDArray[np.float64]

#: Directions whose projections are held at once.
_TOGETHER = 16


@divergence("sliced-wasserstein", takes="samples", symmetric=True, metric_power=1.0, degree=1.0, monte_carlo=True)
def sliced_wasserstein(P: Any, Q: Any, *, p: float = 1.0, n_directions: int = 200, random_state: Any = 0) -> Estimate:
    """SW_p(P,Q) = (E_θ W_p(θ·P, θ·Q)ᵖ)^(1/p) over directions θ uniform on the sphere, for arrays or Empirical measures.

    In units of length; SW_p ≤ W_p. Each W_p on the line is exact; the mean is over `n_directions` drawn from
    `random_state`, by default the same in every call, so that the triangle inequality holds. The standard
    error is that of the mean over directions (delta method for p > 1), not of sampling. The certificate
    encloses the mean over the directions drawn. O(n_directions · n(d + log n)). On the line SW_p = W_p.

    Raises ValueError for p < 1 or fewer than 2 directions. Source: Rabin, Peyré, Delon & Bernot 2011;
    Bonneel et al. 2015.
    """
    p = _checked(p, n_directions, "n_directions", least=2)
    rng = random_generator(random_state)
    first, second, exponent = _near_zero(P, Q)
    d = first.points.shape[1]
    detail = "no standard error of sampling"
    if equal_measures(first, second):
        return Estimate(0.0, None, None, "identity", Certificate("equal measures", 0.0, 0.0), "length", detail)
    if d == 1:
        directions = np.ones((1, 1))
    else:
        directions = unit_vectors(rng, n_directions, d)
    costs, slack = _costs(first, second, directions, p)
    mean = math.fsum(costs) / len(costs)
    value = mean ** (1 / p)
    # Projections are off by d + 4 roundings of vectors of norm √d at most, in either measure; W_p moves by no more.
    moved = 2 * (d + 4) * UNIT_ROUNDOFF * math.sqrt(d)
    low, high = max(mean - slack, 0.0) ** (1 / p) - moved, (mean + slack) ** (1 / p) + moved
    bounds = rounded_outward("rounding, over the directions drawn", max(low, 0.0), high, exponent)
    stderr = None
    if d > 1:
        detail = "standard error over directions; none of sampling"
        spread = float(np.std(costs, ddof=1)) / math.sqrt(len(costs))
        stderr = scaled(spread * value / (p * mean) if mean > 0 else 0.0, exponent)
    told = min(max(scaled(value, exponent), bounds.lower), bounds.upper)
    return Estimate(
        told,
        stderr,
        None,
        "mean over 1 direction" if d == 1 else f"mean over {len(costs)} directions",
        bounds,
        "length",
        detail,
        error_over="directions",
    )


@divergence("max-sliced-wasserstein", takes="samples", symmetric=True, metric_power=1.0, degree=1.0)
def max_sliced_wasserstein(
    P: Any, Q: Any, *, p: float = 1.0, n_starts: int = 3, max_iter: int = 50, random_state: Any = 0
) -> Estimate:
    """A lower bound on max over θ of W_p(θ·P, θ·Q), and so on W_p(P,Q): the largest that an ascent found.

    In units of length. From the direction between the means and `n_starts` drawn ones, θ climbs along the
    gradient E|θ·(X−Y)|ᵖ⁻¹ sign(θ·(X−Y)) (X−Y) under the monotone coupling of the projections, at most `max_iter`
    steps. The certificate holds for the maximum and for W_p alike: every direction bounds both from
    below, and from above so does the cost, in full space, of the coupling that is monotone along one.
    On the line all are W_p. Raises ValueError for p < 1. Source: Deshpande et al. 2019.
    """
    p, rng = _checked(p, n_starts, "n_starts", least=1), random_generator(random_state)
    if not (isinstance(max_iter, Integral) and max_iter >= 1):
        raise ValueError(f"max_iter is {max_iter!r}: pass a whole number of steps ≥ 1")
    first, second, exponent = _near_zero(P, Q)
    d = first.points.shape[1]
    if equal_measures(first, second):
        return Estimate(0.0, None, None, "identity", Certificate("equal measures", 0.0, 0.0), "length")
    starts = unit_vectors(rng, int(n_starts), d)
    between = second.weights @ second.points - first.weights @ first.points
    if np.linalg.norm(between) > 0:
        starts = np.concatenate([[between / np.linalg.norm(between)], starts])
    climbed = [_climb(first, second, start, p, int(max_iter)) for start in starts[: 1 if d == 1 else None]]
    cost, theta = max(climbed, key=lambda end: end[0])
    i, j, mass, _ = _monotone(first, second, theta)
    lengths = np.sqrt(np.square(first.points[i] - second.points[j]).sum(axis=1))
    value, above = cost ** (1 / p), math.fsum(mass * lengths**p) ** (1 / p)
    # As for the mean over directions; the coupling's levels are off by u each, and its costs vary by 2p(2√d)ᵖ in all.
    moved = (2 * (d + 4) * math.sqrt(d) + len(first.points) + len(second.points)) * UNIT_ROUNDOFF * 4
    levels = (8 * p * UNIT_ROUNDOFF) ** (1 / p) * 2 * math.sqrt(d) if p > 1 else 16 * UNIT_ROUNDOFF * math.sqrt(d)
    bounds = rounded_outward("a direction, and its coupling", max(value - moved - levels, 0.0), above + moved, exponent)
    told = min(max(scaled(value, exponent), bounds.lower), bounds.upper)
    detail = "a lower bound on the largest over directions and on W_p; the upper end bounds both"
    return Estimate(told, None, None, "lower bound: the best direction found", bounds, "length", detail, bound="lower")


def unit_vectors(rng: np.random.Generator, k: int, d: int) -> Array:
    """`k` directions uniform on the sphere of R^d, shape (k, d)."""
    drawn = rng.standard_normal((k, d))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def _checked(p: Any, number: Any, name: str, least: int) -> float:
    if not (isinstance(p, Real) and 1 <= float(p) < math.inf):
        raise ValueError(f"p is {p!r}: pass a finite number ≥ 1")
    if not (isinstance(number, Integral) and int(number) >= least):
        raise ValueError(f"{name} is {number!r}: pass a whole number ≥ {least}")
    return float(p)


def _near_zero(P: Any, Q: Any) -> tuple[Weighted, Weighted, int]:
    """Both in a box of side 1 about 0, so that an offset costs the projections no digits."""
    first, second, exponent = unit_span(*weighted_pair(P, Q))
    corner = np.minimum(first.points.min(axis=0), second.points.min(axis=0))
    return first._replace(points=first.points - corner), second._replace(points=second.points - corner), exponent


def _projected(points: Array, directions: Array) -> Array:
    """θ·x for each θ and x, (k, n), in the order of the coordinates: a matrix product's bits depend on its threads."""
    return np.einsum("kd,nd->kn", directions, points)


def _costs(P: Weighted, Q: Weighted, directions: Array, p: float) -> tuple[Array, float]:
    """W_p(θ·P, θ·Q)ᵖ for each direction, and what rounding may have done to the largest of them."""
    costs, slack = np.empty(len(directions)), 0.0
    for first in range(0, len(directions), _TOGETHER):
        some = directions[first : first + _TOGETHER]
        x, y = _projected(P.points, some), _projected(Q.points, some)
        for k in range(len(some)):
            part = solve(P._replace(points=x[k][:, None]), Q._replace(points=y[k][:, None]), p, 1)
            costs[first + k] = part.cost * part.unit**p
            slack = max(slack, (part.upper - part.lower) * part.unit**p)
    return costs, slack + 4 * p * UNIT_ROUNDOFF * float(costs.max())


def _climb(P: Weighted, Q: Weighted, theta: Array, p: float, steps: int) -> tuple[float, Array]:
    """The largest W_p(θ·P, θ·Q)ᵖ on the way up from `theta`, and where it is."""
    cost, gradient = _slice(P, Q, theta, p)
    for _ in range(steps):
        size = float(np.linalg.norm(gradient))
        if size == 0:
            break
        pace = 1.0
        while pace > 1e-3:  # a turn below a thousandth of a radian changes W_p by less than 1e-6 of it
            turned = (1 - pace) * theta + pace * gradient / size
            turned /= np.linalg.norm(turned)
            found, slope = _slice(P, Q, turned, p)
            if found > cost * (1 + 1e-12):  # beyond rounding, so that the climb ends
                break
            pace /= 2
        else:
            break
        cost, gradient, theta = found, slope, turned
    return cost, theta


def _slice(P: Weighted, Q: Weighted, theta: Array, p: float) -> tuple[float, Array]:
    """W_p(θ·P, θ·Q)ᵖ, and its gradient in θ over p."""
    i, j, mass, along = _monotone(P, Q, theta)
    pull = mass * np.abs(along) ** (p - 1) * np.sign(along)
    of_x, of_y = np.bincount(i, pull, len(P.points)), np.bincount(j, pull, len(Q.points))
    gradient = np.einsum("n,nd->d", of_x, P.points) - np.einsum("n,nd->d", of_y, Q.points)
    return math.fsum(mass * np.abs(along) ** p), gradient


def _monotone(P: Weighted, Q: Weighted, theta: Array) -> tuple[Any, Any, Array, Array]:
    """The coupling that is monotone along θ: rows i of P with rows j of Q, the mass that goes, and θ·(xᵢ − yⱼ)."""
    x, y = _projected(P.points, theta[None])[0], _projected(Q.points, theta[None])[0]
    order, other = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    if P.sampled and Q.sampled and len(x) == len(y):
        i, j, mass = order, other, np.full(len(x), 1 / len(x))
    else:
        F = sorted_cdf(Weighted(x[:, None], P.weights, P.sampled))[1]
        G = sorted_cdf(Weighted(y[:, None], Q.weights, Q.sampled))[1]
        levels = np.union1d(F, G)
        mass = np.diff(levels, prepend=0.0)
        i = order[np.minimum(np.searchsorted(F, levels), len(x) - 1)]
        j = other[np.minimum(np.searchsorted(G, levels), len(y) - 1)]
    return i, j, mass, x[i] - y[j]
