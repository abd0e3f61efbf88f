"""Arb enclosures: numbers with a proved radius, comparisons that may stay undecided, rigorous integrals.

A verdict is a comparison of balls, which is True only if it is proved. What is not decided is
Inconclusive. Ties (p = q, equality cases) are decided on rationals before balls are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
from flint import acb, arb, fmpq

from estimators.ball_precision import precision as precision  # claims have it from here
from theory.outcome import Holds, Inconclusive, Outcome, Refuted

Ball = Any  # arb: flint publishes no types
Complex = Any  # acb


def ball(value: Any) -> arb:
    """`value` as a ball: int, rational, ball, decimal text ("0.3" encloses 3/10), or a float at its exact value."""
    if isinstance(value, Fraction):
        return arb(fmpq(value.numerator, value.denominator))
    return arb(value.item() if isinstance(value, np.generic) else value)


def balls(values: Iterable[Any]) -> list[arb]:
    """Each value as `ball` reads it, in order."""
    return [ball(value) for value in values]


def total(values: Iterable[Any]) -> arb:
    """Σ values as a ball."""
    return sum(values, arb(0))


def log2() -> arb:
    """log 2, the largest Jensen–Shannon divergence, in nats."""
    return arb.const_log2()


def decide_less(a: Any, b: Any, /, **evidence: Any) -> Outcome:
    """Whether a < b: Holds if proved, Refuted if a ≥ b is proved, else Inconclusive."""
    a, b = ball(a), ball(b)
    if a < b:
        return Holds(**evidence)
    return (Refuted if a >= b else Inconclusive)(**{"lesser": a, "greater": b, **evidence})


def decide_at_most(a: Any, b: Any, /, **evidence: Any) -> Outcome:
    """Whether a ≤ b: Holds if proved, Refuted if a > b is proved, else Inconclusive (always so for inexact equals)."""
    a, b = ball(a), ball(b)
    if a <= b:
        return Holds(**evidence)
    return (Refuted if a > b else Inconclusive)(**{"lesser": a, "greater": b, **evidence})


def decide_equal(a: Any, b: Any, /, *, distance: Any, **evidence: Any) -> Outcome:
    """Whether a = b, by the rule for certified equalities; `distance` is that from a to the nearest mutant's value.

    Refuted if the ball a − b excludes 0. Holds if it contains 0 and its radius is below distance/2,
    so that the nearest mutant would have been excluded. Else Inconclusive.
    """
    difference = ball(a) - ball(b)
    if not difference.contains(0):
        return Refuted(**{"value": ball(a), "stated": ball(b), "difference": difference, **evidence})
    if difference.rad() < ball(distance) / 2:
        return Holds(**{"radius": float(difference.rad()), **evidence})
    return Inconclusive(**{"difference": difference, "distance": ball(distance), **evidence})


def xlog(x: Any, y: Any) -> arb:
    """x log y with 0 log y = 0 for every y, also y = 0; x, y exact non-negative numbers, or balls when x > 0."""
    if _is_zero(x):
        return arb(0)
    if _is_zero(y):
        return arb("-inf")
    return ball(x) * ball(y).log()


def kl(p: Sequence[Any], q: Sequence[Any]) -> arb:
    """KL(p‖q) = Σ p log(p/q) in nats for exact weights; +∞ unless p ≪ q."""
    if any(_is_zero(b) and not _is_zero(a) for a, b in zip(p, q, strict=True)):
        return arb("inf")
    return total(xlog(a, a / b) for a, b in zip(p, q, strict=True) if not _is_zero(a))


def jsd(p: Sequence[Any], q: Sequence[Any]) -> arb:
    """JSD(p, q) = ½ KL(p‖m) + ½ KL(q‖m), m = (p + q)/2, in nats, for exact weights: a value in [0, log 2]."""
    middle = [(a + b) / fmpq(2) for a, b in zip(p, q, strict=True)]
    return (kl(p, middle) + kl(q, middle)) / 2


def _is_zero(x: Any) -> bool:
    return not isinstance(x, arb) and x == 0


def integrate(f: Callable[[Complex, bool], Complex], *ends: Any, tolerance: float = 0.0) -> arb:
    """∫ f from the first of `ends` to the last, split at those between: each kink must be one of them.

    `f(z, analytic)` gets a complex ball and must return NaN (or pass `analytic` on to flint's log,
    sqrt and pow, which do) wherever it is not analytic on that ball. Only then is the enclosure rigorous.
    `tolerance` is an absolute goal for the radius, not part of the proof. Raises ValueError for one end only.
    """
    if len(ends) < 2:
        raise ValueError("integrate needs two ends at least")
    goal: dict[str, Any] = {"abs_tol": arb(tolerance)} if tolerance else {}
    points = [acb(ball(end)) for end in ends]
    parts = (acb.integral(f, a, b, **goal) for a, b in pairwise(points))
    return total(part.real for part in parts)


def normal_pdf(x: Any) -> Any:
    """φ(x) = e^{−x²/2}/√(2π), for real or complex balls."""
    x = x if isinstance(x, acb) else ball(x)
    return (-x * x / 2).exp() / (2 * arb.pi()).sqrt()


def normal_cdf(x: Any) -> Any:
    """Φ(x) = ½ erfc(−x/√2), for real or complex balls."""
    x = x if isinstance(x, acb) else ball(x)
    return (-x / arb(2).sqrt()).erfc() / 2
