"""What partitions of space cost in high dimension: neighbouring cells, cells of bounded diameter, shifted grids."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
from flint import arb

from theory.certified import Ball, ball, decide_equal, decide_less, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q, rationals
from theory.instances import points
from theory.sequential import decide_proportion, sample_size
from theory.setting import Setting
from theory.sources import TALK

BITS = 128
DISTANCE = 1e-25
#: A pair of points at (0.1, 0.1) under a shifted grid of side 1: 0.81, against 1 − ‖δ‖ = 0.859.
TOGETHER, NEAREST = 0.81, 0.048


def ball_volume(d: int, r: Any) -> Ball:
    """π^{d/2} rᵈ/Γ(d/2 + 1)."""
    return arb.pi() ** (ball(d) / 2) * ball(r) ** d / (ball(d) / 2 + 1).gamma()


def cube_volume(d: int, s: Any) -> Any:
    return s**d


@claim(
    "space-partition-counts",
    says="A cell of a grid in ℝᵈ has 3^d − 1 neighbours, diagonals included; cells of side ≤ δ in [0, 1]ᵈ number "
    "⌈1/δ⌉^d; surface over volume is 2d/s for a cube and d/r for a ball, whose volume falls by 2πr²/d for two more "
    "dimensions; a randomly shifted grid of side s keeps two points together with probability ∏ (1 − |δᵢ|/s)⁺",
    statement=r"3^d - 1, \quad \lceil 1/\delta \rceil^d, \quad \frac{2d}{s},\ \frac{d}{r}, \quad "
    r"P(\mathrm{same\ cell}) = \prod_i (1 - |\delta_i|/s)^+",
    source=(TALK.slide("k-d tree"), TALK.slide("LSH"), TALK.slide("Method")),
    primary="elementary",
    method=(Exact, Certified, Statistical),
    verdict="CONDITIONAL",
    hypotheses=(
        "the cells have a bounded diameter; else one cell, [0, 1]ᵈ itself, has number and volume 1 for every d",
    ),
    priority="P2",
)
def partition_counts(
    setting,
    *,
    neighbours=lambda d: 3**d - 1,
    number=lambda sides, d: sides**d,
    cube=lambda d, s: 2 * d / s,
    round_=lambda d, r: d / r,
    shrinkage=lambda d, r: 2 * arb.pi() * r**2 / d,
    together=lambda gaps: prod(max(1 - abs(gap), Q(0)) for gap in gaps),
):
    """Cells by enumeration; surfaces as derivatives of volumes; the shifted grid by lengths, and by draws."""
    for outcome in counted(setting, neighbours, number, cube, together):
        if isinstance(outcome, Refuted):
            return outcome
    with precision(BITS):
        enclosed = all_hold(volumes(round_, shrinkage))
    return all_hold((enclosed, shifted(setting, together))) if isinstance(enclosed, Holds) else enclosed


def counted(setting: Setting, neighbours, number, cube, together) -> Iterator[Outcome]:
    for d in range(1, setting.size(6, deep=9)):
        touching = sum(any(offset) for offset in product((-1, 0, 1), repeat=d))
        if neighbours(d) != touching:
            yield Refuted(d=d, touching=touching, stated=neighbours(d))
    for side, d in product(rationals(("1", "1/2", "2/5", "1/3")), range(1, 5)):
        along = -int(-side.q // side.p)
        # The corners of a grid of that many steps to a side need a cell each; cells placed side by side are enough.
        cells = {tuple(place) for place in product(range(along), repeat=d)}
        if number(along, d) != len(cells):
            yield Refuted(side=side, d=d, cells=len(cells), stated=number(along, d))
    for d, s in product((1, 2, 3, 8), rationals(("1/2", "3", "1"))):
        # Moving all 2d faces of a cube outwards by h changes the side by 2h, and the volume at the rate of the surface.
        surface = 2 * d * cube_volume(d - 1, s)
        if cube(Q(d), s) != surface / cube_volume(d, s):
            yield Refuted(d=d, side=s, true=surface / cube_volume(d, s), stated=cube(Q(d), s))
    rng = setting.rng()
    for d in (1, 2, 4, 7):
        gaps = [x / 12 for x in points(rng, d)]
        if not ball(together(gaps) - by_lengths(gaps)).is_zero():
            yield Refuted(gaps=gaps, true=by_lengths(gaps), stated=together(gaps))


def by_lengths(gaps: list) -> Any:
    """Coordinate by coordinate: the length of shifts in [0, 1) for which no wall falls between 0 and the gap."""
    share = Q(1)
    for gap in gaps:
        low, high = min(Q(0), gap), max(Q(0), gap)
        share *= 1 - (high - low) if high - low < 1 else Q(0)
    return share


def volumes(round_, shrinkage) -> Iterator[Outcome]:
    for d, r in product((1, 2, 3, 10, 50), rationals(("1/2", "3"))):
        # The surface is the derivative of the volume in r, d V_d r^{d−1}; here by the ratio of Gammas.
        surface = 2 * arb.pi() ** (ball(d) / 2) * ball(r) ** (d - 1) / (ball(d) / 2).gamma()
        yield decide_equal(surface / ball_volume(d, r), round_(ball(d), ball(r)), distance=DISTANCE, d=d, r=r)
        if d > 2:
            ratio = ball_volume(d, r) / ball_volume(d - 2, r)
            yield decide_equal(ratio, shrinkage(ball(d), ball(r)), distance=DISTANCE, d=d, r=r)


def shifted(setting: Setting, together) -> Outcome:
    """Random shifts of the grid of side 1, and whether 0 and (0.1, 0.1) lie in one cell."""
    n = sample_size(TOGETHER, TOGETHER + NEAREST / 2, alpha=setting.alpha, beta=setting.beta)
    shift = setting.rng(1).random((n, 2))
    same = (np.floor(shift + 0.1) == np.floor(shift)).all(axis=1)
    stated = float(ball(together(rationals(("1/10", "1/10")))))
    return decide_proportion(int(same.sum()), n, min(max(stated, 0.0), 1.0), alpha=setting.alpha, distance=NEAREST)


partition_counts.mutant("2d neighbours", neighbours=lambda d: 2 * d)
partition_counts.mutant("surface over volume does not grow with d", cube=lambda d, s: 2 / s)
partition_counts.mutant(
    "the shifted grid sees the sum of the gaps alone", together=lambda gaps: max(1 - sum(map(abs, gaps)), Q(0))
)
partition_counts.mutant(
    "the shifted grid sees the distance alone", together=lambda gaps: 1 - ball(sum(g**2 for g in gaps)).sqrt()
)
partition_counts.mutant("cells grow linearly in number", number=lambda sides, d: sides * d)


@partition_counts.counterexample(
    "without a bound on the diameter: one cell, [0, 1]ᵈ, has number and volume 1 for every d"
)
def one_cell() -> Outcome:
    found = [(1, cube_volume(d, Q(1))) for d in (1, 10, 100)]
    return Refuted(number_and_volume=found) if found == [(1, 1)] * 3 else Holds(number_and_volume=found)


@partition_counts.boundary("faces alone: 2d neighbours, linear in d")
def faces() -> Outcome:
    counts = [sum(sum(map(abs, offset)) == 1 for offset in product((-1, 0, 1), repeat=d)) for d in (1, 2, 3, 5)]
    return Holds(counts=counts) if counts == [2, 4, 6, 10] else Refuted(counts=counts)


@partition_counts.boundary("a ball of volume below d^{−d/2} times 5^d: it falls faster than any exponential")
def vanishing_ball() -> Outcome:
    with precision(BITS):
        return all_hold(
            decide_less(ball_volume(d, 1), ball(5) ** d / ball(d) ** (ball(d) / 2), d=d) for d in (2, 20, 200)
        )
