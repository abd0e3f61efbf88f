"""f-divergences between densities on the line, enclosed by Arb: every error, of the tails too, is in the radius."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from flint import acb, arb

from estimators.ball_precision import precision
from estimators.composed import PushForward
from estimators.densities import Density, Gaussian, Mixture, Uniform, landmarks
from estimators.fdivergences.generators import Generator, generators
from estimators.fdivergences.tails import Component, chi_squared_beyond, kl_beyond, mass_beyond
from estimators.result import Certificate, Estimate
from estimators.student import StudentT


def _half_distance(p: Any, q: Any, log_ratio: Any, analytic: bool) -> Any:
    """½|p − q|: its sign is that of log p − log q, which near laws know where the balls of p and q overlap."""
    if log_ratio > 0:
        return (p - q) / 2
    if log_ratio < 0:
        return (q - p) / 2
    return acb("nan") if analytic else (p - q).real_abs() / 2


#: q f(p/q) from p, q, log p and log q, analytic where those are.
_TERMS: dict[str, Callable[..., Any]] = {
    "kl": lambda p, q, lp, lq, _: p * (lp - lq) - p + q,
    "chi-squared": lambda p, q, lp, lq, _: (2 * lp - lq).exp() - 2 * p + q,
    "squared-hellinger": lambda p, q, lp, lq, _: (p + q) / 2 - ((lp + lq) / 2).exp(),
    "jsd": lambda p, q, lp, lq, analytic: (
        (p * lp + q * lq - (p + q) * (((p + q) / 2).log(analytic) if analytic else ((p + q) / 2).log())) / 2
    ),
}
#: Total variation is from the ratio besides.
_NAMES = (*_TERMS, "total-variation")

#: Relative and absolute widths of an enclosure that is not tried again with more bits.
_WIDTH, _GOAL = 1e-13, 1e-16
#: Evaluations a piece; an integral that needs more is returned as wide as it is, and encloses all the same.
_EVALUATIONS = 20_000


def enclosed(P: Density, Q: Density, f: Generator, bits: int = 64) -> Estimate:
    """D_f(P,Q) on the line with the certificate "enclosure": bounds that are proved, rounding and tails included.

    Gaussian, Uniform, StudentT, mixtures of these, and images of two such under one map object; f is a named generator,
    for χ² without Student's t. `bits` ≥ 53 is the precision of the balls. The floats of the laws are taken at their
    exact values. Attained is a width of 1e-13 of the value or 1e-16, but for TV between near laws that are not single
    Gaussians: there it is wide, as the certificate says. Raises ValueError for other laws, generators and dimensions,
    naming quadrature. Source: Johansson 2018 (rigorous integration in Arb).
    """
    from estimators.fdivergences.densities import infinite, infinite_tail

    if isinstance(P, PushForward) and isinstance(Q, PushForward) and P.map is Q.map:
        return enclosed(P.law, Q.law, f, bits)
    if not (isinstance(bits, int) and bits >= 53):
        raise ValueError(f"bits is {bits!r}: pass a whole number ≥ 53")
    if f.name == "reverse-kl":
        return enclosed(Q, P, generators["kl"], bits)
    factor = 2 if f.name == "jsd-sum" else 1
    inner = generators["jsd"] if f.name == "jsd-sum" else f
    if inner.name not in _NAMES or generators[inner.name] is not inner:
        raise ValueError(f"{f.name} has no form in balls: pass method='quadrature'")
    origin = float(landmarks(P)[0][len(landmarks(P)[0]) // 2])
    p_parts, q_parts = _components(P, "P", origin), _components(Q, "Q", origin)
    if infinite_tail(inner, P, Q):
        return infinite()
    for more in (bits, 2 * bits, 4 * bits):  # far from the origin, log densities lose bits that a longer ball keeps
        with precision(more):
            found = _over_the_line(p_parts, q_parts, inner, landmarks(P)[0], landmarks(Q)[0])
            if found is None:
                return infinite()
            found = found * factor
            lower, upper = float(found.lower()), float(found.upper())
        if upper - lower <= _WIDTH * upper + _GOAL:
            break
    if not (math.isfinite(lower) and math.isfinite(upper)):
        raise ValueError(f"{f.name}: the enclosure is unbounded at {bits} bits: pass more bits, or method='quadrature'")
    # A conversion to float rounds to nearest, so one float further out encloses; D_f lies in [0, its bound].
    lower, upper = max(math.nextafter(lower, -math.inf), 0.0), max(math.nextafter(upper, math.inf), 0.0)
    value = min(max(lower + (upper - lower) / 2, lower), upper)
    return Estimate(value, method=f"Arb, {more} bits", certificate=Certificate("enclosure", lower, upper), unit=f.unit)


def _components(law: Density, name: str, origin: float) -> list[Component]:
    if isinstance(law, Mixture):
        parts = [(weight, part) for weight, part in zip(law.weights.tolist(), law.components, strict=True)]
    else:
        parts = [(1.0, law)]
    if law.dimension != 1 or not all(isinstance(part, Gaussian | Uniform | StudentT) for _, part in parts):
        raise ValueError(
            f"{name} is {law!r}: an enclosure is for Gaussian, Uniform, StudentT and their mixtures on the line; "
            "pass method='quadrature' or 'monte carlo'"
        )
    return [Component(weight, part, origin) for weight, part in parts]


def _over_the_line(p_parts: list[Component], q_parts: list[Component], f: Generator, *places: np.ndarray) -> arb | None:
    """The ball of D_f, or None for ∞."""
    parts = p_parts + q_parts
    radius, beyond = _beyond(p_parts, q_parts, f)
    ends = {end for part in parts for end in part.support if math.isfinite(end)}
    # Powers of 16 keep each piece's density within the reach of one polynomial in a heavy tail.
    widths, origin = [part.width for part in parts], parts[0].origin
    far = [16.0**j * max(widths) for j in range(1, 200) if 16.0**j * max(widths) < radius]
    # Rounded outwards: what the tails' bound covers besides counts twice and is not negative.
    low, high = math.nextafter(origin - radius, -math.inf), math.nextafter(origin + radius, math.inf)
    inner = {float(place) for axis in places for place in [*axis, *(origin + r * s for r in far for s in (-1, 1))]}
    cuts = sorted(ends | {place for place in inner if low < place < high} | {low, high})
    total = arb(0)
    for left, right in pairwise(cuts):
        p = [part for part in p_parts if part.covers(left, right)]
        q = [part for part in q_parts if part.covers(left, right)]
        if p and q:
            total += _integral(partial(_term, p=p, q=q, f=f), left, right)
        elif p or q:
            limit = f.slope if p else f.at_zero
            if limit == math.inf:
                return None
            mass = _integral(partial(_mass, parts=p or q), left, right)
            # The limits are ½, 1 and multiples of log 2; only the last is no float.
            total += mass * (
                arb.const_log2() * round(limit / math.log(2), 1) if f.unit == "nats" and limit < 1 else limit
            )
    return total + beyond.union(arb(0))


def _beyond(p_parts: list[Component], q_parts: list[Component], f: Generator) -> tuple[float, arb]:
    """R beyond all that matters, and a bound of the integral over |x| > R."""
    if f.name == "kl":
        return kl_beyond(p_parts, q_parts)
    if f.name == "chi-squared":
        return chi_squared_beyond(p_parts, q_parts)
    radius = max(part.far(0.0) for part in p_parts + q_parts)
    bound = mass_beyond(p_parts, 0, radius) * f.slope + mass_beyond(q_parts, 0, radius) * f.at_zero
    return radius, bound


def _integral(f: Callable[[Any, bool], Any], left: float, right: float) -> arb:
    # Where |p − q| has its kink the integrator halves until this much is left, so it must be told when to stop.
    return acb.integral(
        f, acb(left), acb(right), abs_tol=arb(2) ** -60, rel_tol=arb(2) ** -60, eval_limit=_EVALUATIONS
    ).real


def _density(z: Any, analytic: bool, parts: list[Component]) -> tuple[Any, Any]:
    """The density and its logarithm, NaN where `analytic` and they are not."""
    if len(parts) == 1:
        log = parts[0].log_density(z, analytic)
        return log.exp(), log
    density = sum((part.log_density(z, analytic).exp() for part in parts), acb(0))
    return density, density.log(analytic) if analytic else density.log()


def _mass(z: Any, analytic: bool, parts: list[Component]) -> Any:
    return _density(z, analytic, parts)[0]


def _term(z: Any, analytic: bool, p: list[Component], q: list[Component], f: Generator) -> Any:
    (density_p, log_p), (density_q, log_q) = _density(z, analytic, p), _density(z, analytic, q)
    if f.name != "total-variation":
        return _TERMS[f.name](density_p, density_q, log_p, log_q, analytic)
    gaussian = len(p) == len(q) == 1 and isinstance(p[0].law, Gaussian) and isinstance(q[0].law, Gaussian)
    ratio = _log_ratio(z, p[0], q[0]) if gaussian else log_p - log_q
    return _half_distance(density_p, density_q, ratio.real, analytic)


def _log_ratio(z: Any, p: Component, q: Component) -> Any:
    """log p − log q of two Gaussians as one quadratic about P's mean: a difference of two would widen each ball."""
    u, v = arb(float(p.law.cov[0, 0])), arb(float(q.law.cov[0, 0]))
    apart, centred = arb(q.centre) - arb(p.centre), z - p.centre
    return centred * (centred * (1 / v - 1 / u) - 2 * apart / v) / 2 + apart * apart / (2 * v) + p.top - q.top
