"""Fenchel conjugates of piecewise-linear functions, in rationals: when a function is its own biconjugate."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

from flint import arb

from theory.claim import Certified, Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q
from theory.setting import Setting
from theory.sources import YU


@dataclass(frozen=True)
class Polyhedral:
    """A function on [first, last], linear between its knots, which may jump up at the first knot to `at_first`."""

    values: dict[Any, Any]
    at_first: Any

    @property
    def convex(self) -> bool:
        slopes = [(self.values[t] - self.values[s]) / (t - s) for s, t in pairwise(sorted(self.values))]
        return all(a <= b for a, b in pairwise(slopes))

    @property
    def closed(self) -> bool:
        return self.at_first == self.values[min(self.values)]

    def at(self, s: Any) -> Any:
        return self.at_first if s == min(self.values) else self.values[s]

    def hull(self, s: Any) -> Any:
        """The greatest convex function below the values: the least chord over s."""
        chords = [self.values[s]]
        for a, b in combinations(sorted(self.values), 2):
            if a <= s <= b:
                chords.append((self.values[a] * (b - s) + self.values[b] * (s - a)) / (b - a))
        return min(chords)

    def chords(self) -> list[Any]:
        """The slopes of all chords; the breakpoints of f* are among them."""
        return sorted({(self.values[b] - self.values[a]) / (b - a) for a, b in combinations(self.values, 2)})


def polyhedral_functions(setting: Setting) -> Iterator[Polyhedral]:
    """The double well (s² − 1)², |s|, and drawn functions: convex, raised at the end, and arbitrary, in turn."""
    grid = [Q(k, 4) for k in range(-6, 7)]
    yield Polyhedral({s: (s * s - 1) ** 2 for s in grid}, (grid[0] ** 2 - 1) ** 2)
    yield Polyhedral({s: abs(s) for s in grid}, abs(grid[0]))
    rng = setting.rng()
    for index in range(setting.size(60, deep=400)):
        knots = sorted({Q(int(k), 4) for k in rng.integers(-12, 13, size=6)} | {Q(-4)})
        slopes = [Q(int(k), 3) for k in rng.integers(-9, 10, size=len(knots))]
        if index % 3 < 2:
            slopes.sort()
        values = {knots[0]: Q(int(rng.integers(-5, 6)), 2)}
        for (a, b), slope in zip(pairwise(knots), slopes, strict=False):
            values[b] = values[a] + slope * (b - a)
        yield Polyhedral(values, values[knots[0]] + (index % 3 == 1))


@claim(
    "fenchel-biconjugate",
    says="f*(t) = sup over s of st − f(s) is convex; f** is the closed convex hull of f, so that f** = f if and only "
    "if f is convex and lower semicontinuous; h(s) = f(s − 1) has h*(t) = f*(t) + t",
    statement=r"f^{**} = f \Leftrightarrow f\ \mathrm{convex\ and\ lsc}, \quad f^*(t) = \sup_s\,(st - f(s))",
    source=YU.slide("Fenchel Conjugate"),
    primary="Rockafellar 1970, Fenchel–Moreau theorem (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=(
        "f is lower semicontinuous and proper (automatic for a finite convex f on the whole line)",
        "the printed max is a sup: it need not be attained",
    ),
    priority="P2",
    limits="Piecewise-linear functions of one variable; the theorem for all functions is Rockafellar's.",
)
def biconjugate(
    setting,
    *,
    conjugate=lambda f, t: max(s * t - f[s] for s in f),
    is_its_biconjugate=lambda f: f.convex and f.closed,
    shift=lambda t: t,
):
    """f* over all knots, f** over the slopes of all chords, against the least chord: everything in rationals."""
    kinds = set()
    for f in polyhedral_functions(setting):
        slopes = f.chords()
        star = {t: conjugate(f.values, t) for t in slopes}
        shifted = {s + 1: value for s, value in f.values.items()}
        for t, u in pairwise(slopes):
            middle = (t + u) / 2
            if 2 * conjugate(f.values, middle) > star[t] + star[u]:
                return Refuted(f=f.values, t=t, u=u, reason="f* is not convex")
            if conjugate(shifted, t) != star[t] + shift(t):
                return Refuted(f=f.values, t=t, of_translate=conjugate(shifted, t), stated=star[t] + shift(t))
        twice = {s: conjugate(star, s) for s in f.values}
        for s in f.values:
            if twice[s] != f.hull(s) or twice[s] > f.at(s):
                return Refuted(f=f.values, s=s, biconjugate=twice[s], hull=f.hull(s))
        equal = all(twice[s] == f.at(s) for s in f.values)
        if is_its_biconjugate(f) != equal:
            return Refuted(f=f.values, at_first=f.at_first, convex=f.convex, closed=f.closed, equal=equal)
        kinds.add((f.convex, f.closed))
    return Holds(kinds_of_functions=len(kinds))


biconjugate.mutant("inf instead of sup", conjugate=lambda f, t: min(s * t - f[s] for s in f))
biconjugate.mutant("f** = f for every continuous f, the double well too", is_its_biconjugate=lambda f: f.closed)
biconjugate.mutant("the translation rule with the other sign", shift=lambda t: -t)
biconjugate.printed(
    "convexity alone, lower semicontinuity left out",
    where=YU.slide("Fenchel Conjugate"),
    printed="f is convex iff f** = f",
    correct="f is convex and lower semicontinuous iff f** = f (on ℝ₊ the limit at 0 matters)",
    is_its_biconjugate=lambda f: f.convex,
)


@biconjugate.counterexample("f(s) = s log s on s > 0 with f(0) = 1 is convex, and f**(0) = 0")
def raised_at_zero() -> Outcome:
    # −f*(t) = −e^{t−1} is what f**(0) is the sup of: as near to 0 as t is negative, and f(0) = 1.
    best = max(-(arb(t) - 1).exp() for t in range(-50, 5))
    return Holds() if best > 1 else Refuted(largest_seen=best, bound=0, f_at_zero=1)


@biconjugate.counterexample("the sup of 0·s − eˢ is 0 and no s attains it, so max does not exist")
def not_attained() -> Outcome:
    objective = [-(arb(s)).exp() for s in (10, 0, -10, -100, -1000)]
    attained = any(not value < 0 for value in objective)
    return Holds() if attained else Refuted(objective=objective, sup=0)


@biconjugate.boundary("f'' > 0 is not necessary: s⁴ is strictly convex with f''(0) = 0, |s| is convex without f''")
def without_second_derivative() -> Outcome:
    grid = [Q(k, 3) for k in range(-6, 7)]
    strict = all(((a + b) / 2) ** 4 < (a**4 + b**4) / 2 for a, b in combinations(grid, 2))
    convex = all(abs((a + b) / 2) <= (abs(a) + abs(b)) / 2 for a, b in combinations(grid, 2))
    return Holds(second_derivative=0) if strict and convex else Refuted()


@biconjugate.boundary("s²/2 is its own conjugate, and |s| has the indicator of [−1, 1]")
def two_known_conjugates() -> Outcome:
    grid = [Q(k, 4) for k in range(-12, 13)]
    star = biconjugate.specs["conjugate"]
    parabola = all(star({s: s * s / 2 for s in grid}, t) == t * t / 2 for t in grid)
    inside = all(star({s: abs(s) for s in grid}, t) == max(Q(0), 3 * (abs(t) - 1)) for t in grid)
    return Holds() if parabola and inside else Refuted(parabola=parabola, absolute_value=inside)
