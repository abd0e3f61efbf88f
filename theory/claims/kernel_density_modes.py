"""A kernel density estimate as the discriminator: where its gradient takes a sample."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from flint import arb

from theory.certified import Ball, ball, decide_at_most, decide_equal, decide_less, normal_pdf, precision
from theory.claim import Certified, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals
from theory.setting import Setting
from theory.sources import TALK

BITS = 128
#: The boundary is enclosed to 2^-80, the formula there to some 1e-22.
DISTANCE = 1e-15
#: Nine data at 0, one at 1: modes of unequal height.
HEAVY, LIGHT = 9, 1


def density(x: Any, h: Any) -> Ball:
    return (HEAVY * normal_pdf(ball(x) / ball(h)) + LIGHT * normal_pdf(ball(x - 1) / ball(h))) / (10 * ball(h))


def slope(x: Any, h: Any) -> Ball:
    """The density's derivative."""
    near, far = normal_pdf(ball(x) / ball(h)), normal_pdf(ball(x - 1) / ball(h))
    return -(HEAVY * ball(x) * near + LIGHT * ball(x - 1) * far) / (10 * ball(h) ** 3)


def root(low: Any, high: Any, h: Any, rising: bool) -> Ball:
    """The zero of the slope between two rationals, by bisection with proved signs."""
    for _ in range(80):
        middle = (low + high) / 2
        if (slope(middle, h) > 0) == rising:
            high = middle
        else:
            low = middle
    assert (slope(low, h) < 0) == rising
    assert (slope(high, h) > 0) == rising
    return ball(low).union(ball(high))


@claim(
    "kde-discriminator",
    says="Σ_j log p̂_h(x̃_j) separates over samples, so every maximiser puts all of them at highest modes; a sample "
    "follows the gradient to the mode of its basin, whose boundary between data 9×{0} and 1×{1} solves "
    "b = ½ + h² log(9b/(1 − b)): not the midpoint, but within 3h² of it for h ≤ ¼",
    statement=r"b = \frac{1}{2} + h^2 \log\frac{9 b}{1 - b}, \quad 2.19 h^2 \leq b - \frac{1}{2} \leq 3 h^2",
    source=TALK.slide("Maximize Likelihood of Samples Under Kernel Density Estimate"),
    primary="Li & Malik 2018",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=("“pushed to the nearest mode” holds as h → 0, or between modes of equal height and shape",),
    priority="P2",
)
def kde_discriminator(
    setting,
    *,
    boundary=lambda b, h: Q(1, 2) + h**2 * (9 * b / (1 - b)).log(),
    best="both at 0",
):
    """The boundary by bisection with proved signs of the derivative; placements of two samples on the modes."""
    with precision(BITS):
        return all_hold((*basin_parts(setting, boundary), *placement_parts(best)))


def basin_parts(setting: Setting, boundary) -> Iterator[Outcome]:
    widths = rationals(("1/4", "1/5", "1/10", "1/20", *setting.size((), deep=("1/50", "1/100"))))
    excesses = []
    for h in widths:
        b = root(Q(1, 2), Q(1, 2) + 3 * h**2, h, rising=True)
        stated = boundary(b, ball(h))
        if not stated.is_finite():
            yield Refuted(h=h, reason="the formula has no real value at the boundary")
        yield decide_equal(b, stated, distance=DISTANCE, h=h)
        excesses.append((b - Q(1, 2)) / ball(h) ** 2)
        yield decide_at_most(Q(219, 100), excesses[-1], h=h)
        yield decide_at_most(excesses[-1], 3, h=h)
    for wider, narrower in pairwise(excesses):
        yield decide_less(narrower, wider)
        yield decide_less(ball(9).log(), narrower)


def placement_parts(best: str) -> Iterator[Outcome]:
    h = Q(1, 4)
    high, low = root(Q(-1, 100), Q(1, 100), h, rising=False), root(Q(9, 10), Q(1), h, rising=False)
    scores = {
        "both at 0": 2 * density_at(high, h).log(),
        "one at each mode": density_at(high, h).log() + density_at(low, h).log(),
        "both at 1": 2 * density_at(low, h).log(),
    }
    for placement, score in scores.items():
        if placement != best:
            yield decide_less(score, scores[best], placement=placement)


def density_at(x: Ball, h: Any) -> Ball:
    return (HEAVY * normal_pdf(x / ball(h)) + LIGHT * normal_pdf((x - 1) / ball(h))) / (10 * ball(h))


kde_discriminator.mutant("the boundary is the midpoint", boundary=lambda b, h: arb(1) / 2)
kde_discriminator.mutant("some maximiser covers both modes", best="one at each mode")
kde_discriminator.mutant("the weights do not matter", boundary=lambda b, h: Q(1, 2) + h**2 * (b / (1 - b)).log())


@kde_discriminator.counterexample("h = ¼: a sample at 0.6, nearest to the mode near 1, moves towards 0")
def moves_away() -> Outcome:
    with precision(BITS):
        x, h = Q(3, 5), Q(1, 4)
        return (Refuted if slope(x, h) < 0 else Holds)(
            density_gradient=slope(x, h), log_gradient=slope(x, h) / density(x, h)
        )


@kde_discriminator.boundary("(b − ½)/h² falls to log 9 as h → 0, where the basins become the Voronoi cells")
def narrow() -> Outcome:
    with precision(BITS):
        h = Q(1, 1000)
        excess = (root(Q(1, 2), Q(1, 2) + 3 * h**2, h, rising=True) - Q(1, 2)) / ball(h) ** 2 - ball(9).log()
        return all_hold((decide_less(0, excess, excess=excess), decide_less(excess, Q(1, 10**4), excess=excess)))
