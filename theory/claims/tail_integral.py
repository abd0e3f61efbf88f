"""The mean of a non-negative variable is the area under its tail."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q, total
from theory.instances import pmf, points
from theory.setting import Setting
from theory.sources import TALK


class Variable:
    """A law on rational points and intervals, uniform on each: (low, high, mass), low = high for an atom."""

    def __init__(self, pieces: list[tuple[Any, Any, Any]]):
        self.pieces = pieces

    def mean(self) -> Any:
        """E X."""
        return total(mass * (low + high) / 2 for low, high, mass in self.pieces)

    def mean_square(self) -> Any:
        """E X²."""
        return total(mass * (low * low + low * high + high * high) / 3 for low, high, mass in self.pieces)

    def above(self, t: Any) -> Any:
        """P(X > t)."""
        return total(mass * share_above(low, high, t) for low, high, mass in self.pieces)

    def ends(self) -> list[Any]:
        """Where the tail jumps or bends, from 0 on: between two of them it is linear."""
        return sorted({Q(0), *(end for low, high, _ in self.pieces for end in (low, high) if end > 0)})


def share_above(low: Any, high: Any, t: Any) -> Any:
    if t < low:
        return Q(1)
    return Q(0) if t >= high else (high - t) / (high - low)


def area(variable: Variable, height=lambda tail: tail) -> Any:
    """∫₀^∞ of `height` of the tail P(X > t), up to the last of the variable's ends.

    Between two ends the tail is linear, so its values at two inner points, a third from each end, give the integral.
    """
    found = Q(0)
    for low, high in pairwise(variable.ends()):
        thirds = (2 * low + high) / 3, (low + 2 * high) / 3
        found += (high - low) * total(height(variable.above(t)) for t in thirds) / 2
    return found


def variables(setting: Setting, premise) -> Iterator[Variable]:
    """A fair sign, then drawn mixtures of atoms and uniform pieces; `premise` is applied to every point."""
    half = Q(1, 2)
    yield Variable([(premise(Q(-1)), premise(Q(-1)), half), (Q(1), Q(1), half)])
    rng = setting.rng()
    for _ in range(setting.size(200, deep=5000)):
        k = int(rng.integers(1, 6))
        pieces = []
        for low, high, mass in zip(points(rng, k), points(rng, k), pmf(rng, k, zeros=0.3), strict=True):
            low, high = sorted((premise(low), premise(high)))
            pieces.append((low, low if rng.random() < 0.5 else high, mass))
        yield Variable(pieces)


@claim(
    "tail-integral",
    says="X ≥ 0 implies E X = ∫₀^∞ P(X > t) dt; both may be infinite",
    statement=r"X \geq 0 \;\Rightarrow\; E[X] = \int_0^\infty P(X > t)\, dt",
    source=TALK.slide("Equivalence to Maximum Likelihood"),
    primary="Fubini's theorem applied to X = ∫₀^∞ 1[X > t] dt",
    method=Exact,
)
def tail_integral(setting, *, height=lambda tail: tail, moment=Variable.mean, premise=abs):
    """Mixtures of atoms and uniform pieces on rational points, whose tails are integrated piece by piece."""
    drawn = list(variables(setting, premise))
    for variable in drawn:
        if moment(variable) != area(variable, height):
            return Refuted(pieces=variable.pieces, moment=moment(variable), area=area(variable, height))
    return Holds(variables=len(drawn))


tail_integral.mutant("X may be negative: ±1 has mean 0 and area ½", premise=lambda x: x)
tail_integral.mutant("the area under P(X ≤ t)", height=lambda tail: 1 - tail)
tail_integral.mutant("E X² instead of E X", moment=Variable.mean_square)


@tail_integral.boundary("a signed X has E X = ∫ P(X > t) − ∫ P(X < −t)")
def signed(setting: Setting) -> Outcome:
    for variable in variables(setting, premise=lambda x: x):
        mirrored = Variable([(-high, -low, mass) for low, high, mass in variable.pieces])
        difference = area(variable) - area(mirrored)
        if variable.mean() != difference:
            return Refuted(pieces=variable.pieces, moment=variable.mean(), difference=difference)
    return Holds()


@tail_integral.boundary("an infinite mean: P(X = 2ᵏ) = 2⁻ᵏ, where both sides pass k when X is cut at 2ᵏ")
def infinite_mean() -> Outcome:
    for k in (1, 5, 40):
        atoms = [(Q(2) ** j, Q(2) ** j, Q(1, 2**j)) for j in range(1, k + 1)]
        cut = Variable([*atoms, (Q(2) ** k, Q(2) ** k, Q(1, 2**k))])
        if not cut.mean() == area(cut) == k + 1:
            return Refuted(k=k, mean=cut.mean(), area=area(cut))
    return Holds(largest_mean=41)
