"""Where a claim holds the project's own code to the truth: laws that float64 holds exactly, and certified estimates."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from flint import arb, fmpq

from theory.certified import ball, decide_at_most, decide_equal
from theory.instances import CASES, Pair
from theory.outcome import Holds, Inconclusive, Outcome, Refuted, all_hold

#: Masses are multiples of 1/64, so that a law and the float64 weights made of it are the same measure.
WHOLE = 64


def float_pairs(rng: np.random.Generator, count: int, *, sizes: tuple[int, int] = (2, 6)) -> Iterator[Pair]:
    """`count` pairs of laws whose masses are floats, through the cases of `theory.instances.pairs` in turn."""
    for index in range(count):
        size, case = int(rng.integers(sizes[0], sizes[1] + 1)), CASES[index % len(CASES)]
        cut = int(rng.integers(1, size))
        left, right = np.arange(size), np.arange(size)
        if case == "zeros":
            left, right = rng.permutation(size)[1:], rng.permutation(size)[:cut]
        elif case == "disjoint":
            left, right = left[:cut], right[cut:]
        elif case == "point masses":
            left, right = rng.integers(0, size, 1), rng.integers(0, size, 1)
        p = float_law(rng, size, left)
        q = list(p) if case == "equal" else p[::-1] if case == "ties" else float_law(rng, size, right)
        yield Pair(p, q, case)


def float_law(rng: np.random.Generator, size: int, support: np.ndarray | None = None) -> list[fmpq]:
    """A law on `size` points whose masses are floats; its support is drawn, at least one point, unless it is given."""
    if support is None:
        support = rng.permutation(size)[: int(rng.integers(1, size + 1))]
    places = [int(i) for i in support]
    masses = 1 + rng.multinomial(WHOLE - len(places), np.full(len(places), 1 / len(places)))
    found = [fmpq(0)] * size
    for place, mass in zip(places, masses, strict=True):
        found[place] = fmpq(int(mass), WHOLE)
    return found


def empirical(at: Sequence[Any], weights: Sequence[Any]) -> Any:
    """The `estimators.Empirical` of these points (numbers, or tuples of them) and masses; exact if both are floats."""
    from estimators import Empirical

    points = [[float(c) for c in x] if isinstance(x, tuple) else float(x) for x in at]
    return Empirical(points, [float(w) for w in weights])


def estimated_between(divergence: str, at: Sequence[Any], p: Sequence[Any], q: Sequence[Any]) -> Any:
    """The project's Estimate of a registered divergence of two laws on these points."""
    from estimators import divergences

    return divergences[divergence](empirical(at, p), empirical(at, q))


def estimated(divergence: str, p: Sequence[Any], q: Sequence[Any]) -> Any:
    """The project's Estimate of the registered f-divergence of two laws on the points 0, 1, …"""
    from estimators.fdivergences.atoms import f_divergence

    places = range(len(p))
    return f_divergence(empirical(places, p), empirical(places, q), divergence)


def decide_estimate(estimate: Any, exact: Any, /, **evidence: Any) -> Outcome:
    """Whether the exact value, a rational or a ball, lies in the certificate of an Estimate; ∞ only where it is ∞."""
    exact = ball(exact)
    if not exact.is_finite() or math.isinf(estimate.value):
        return _decide_infinite(arb(estimate.value), exact, estimate=estimate.value, exact=exact, **evidence)
    lower, upper = estimate.certificate.lower, estimate.certificate.upper
    found = {"estimate": estimate.value, "exact": exact, **evidence}
    return all_hold([decide_at_most(arb(lower), exact, **found), decide_at_most(exact, arb(upper), **found)])


def decide_same(a: Any, b: Any, /, *, distance: Any = 1e-6, **evidence: Any) -> Outcome:
    """Whether two divergences are equal, by `decide_equal` if both are finite; an infinity equals itself."""
    a, b = ball(a), ball(b)
    if a.is_finite() and b.is_finite():
        return decide_equal(a, b, distance=distance, **evidence)
    return _decide_infinite(a, b, **{"value": a, "stated": b, **evidence})


def _decide_infinite(a: Any, b: Any, /, **evidence: Any) -> Outcome:
    """Whether a = b, one of which is not finite. A NaN, and a ball without bounds, are no infinity: Inconclusive."""
    if a == b:
        return Holds(**evidence)
    return (Refuted if a != b else Inconclusive)(**evidence)
