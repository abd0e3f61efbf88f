"""How often a random projection puts the longer of two vectors before the shorter."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from flint import arb

from theory.certified import Ball, ball, decide_equal, decide_less, precision
from theory.claim import Certified, Holds, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q
from theory.sequential import decide_proportion, sample_size
from theory.setting import Setting

BITS = 128
DISTANCE = 1e-25
#: Lengths s < l with a cosine c between the vectors; l is not 1, which would hide its powers.
SHAPES = tuple((s, Q(3, 2), c) for s in (Q(3, 4), Q(7, 5)) for c in (Q(0), Q(1, 2), Q(-9, 10)))
DIMENSIONS = (2, 3, 50)
#: (2/π)(arcsin ½ − arctan ½): how far the recalled bound, taken for an equality, is off at s/l = ½, c = 0.
NEAREST = 0.038


def angle_between_sum_and_difference(s: Any, l: Any, c: Any) -> Ball:
    """The angle between v_l − v_s and v_l + v_s, from their coordinates in the plane of the two vectors.

    |⟨v_l, u⟩| ≤ |⟨v_s, u⟩| means ⟨v_l − v_s, u⟩⟨v_l + v_s, u⟩ ≤ 0: a uniform u separates the two with
    probability angle/π.
    """
    along, across = ball(s * c), ball(s) * (1 - ball(c) ** 2).sqrt()
    difference, sum_ = (ball(l) - along, -across), (ball(l) + along, across)
    dot = difference[0] * sum_[0] + difference[1] * sum_[1]
    cross = difference[0] * sum_[1] - difference[1] * sum_[0]
    return arb.atan2(cross, dot)


@claim(
    "order-inversion",
    says="For ‖v_s‖ = s < l = ‖v_l‖ at an angle of cosine c and a uniform direction u in any dimension d ≥ 2, "
    "P(|⟨v_l, u⟩| ≤ |⟨v_s, u⟩|) = (1/π) arccos((l² − s²)/√((l² + s²)² − 4 l² s² c²)), at most (2/π) arctan(s/l), "
    "which is attained at c = 0",
    statement=r"P(|\langle v_l, u\rangle| \leq |\langle v_s, u\rangle|) = \frac{1}{\pi} "
    r"\arccos\frac{l^2 - s^2}{\sqrt{(l^2 + s^2)^2 - 4 l^2 s^2 c^2}} \leq \frac{2}{\pi} \arctan\frac{s}{l}",
    source="Li & Malik 2016, Lemma 1; the bound is not printed in a deck",
    primary="Li & Malik 2016, Lemma 1 (recalled: the bound (2/π) arcsin(s/l), true and not sharp)",
    method=(Certified, Statistical),
    limits="The recalled bound was not re-read. The proof reduces every d to the plane; sampling covers d = 2, 3, 50.",
)
def order_inversion(
    setting,
    *,
    probability=lambda s, l, c, d: (
        ((l**2 - s**2) / ((l**2 + s**2) ** 2 - 4 * l**2 * s**2 * c**2).sqrt()).acos() / arb.pi()
    ),
    largest=lambda s, l: (s / l).atan() * 2 / arb.pi(),
):
    """The angle by coordinates, the maximum over c, and then draws in three dimensions."""
    with precision(BITS):
        enclosed = all_hold(enclosures(probability, largest))
    if not isinstance(enclosed, Holds):
        return enclosed
    cells = [(s, l, c, d) for s, l, c in SHAPES for d in DIMENSIONS]
    alpha = setting.alpha / len(cells)
    # An interval that excludes a value at half the distance is narrower than the distance itself.
    n = sample_size(0.5, 0.5 + NEAREST / 2, alpha=alpha, beta=setting.beta)
    sampled = all_hold(
        decide_proportion(
            inversions(setting.rng(stream), s, l, c, d, n), n, float(probability(*map(ball, (s, l, c)), d)),
            alpha=alpha, distance=NEAREST, cell=(s, l, c, d),
        )
        for stream, (s, l, c, d) in enumerate(cells)
    )  # fmt: skip
    return all_hold((enclosed, sampled), draws_per_cell=n, cells=len(cells))


def enclosures(probability, largest) -> Iterator[Outcome]:
    for s, l, c in SHAPES:
        for d in DIMENSIONS:
            true = angle_between_sum_and_difference(s, l, c) / arb.pi()
            stated = probability(ball(s), ball(l), ball(c), d)
            if not stated.is_finite():
                yield Refuted(s=s, l=l, c=c, d=d, reason="the formula has no real value there")
            yield decide_equal(true, stated, distance=DISTANCE, s=s, l=l, c=c, d=d)
    for s, l in ((Q(3, 4), Q(3, 2)), (Q(9, 10), Q(1)), (Q(1, 50), Q(3))):
        bound = largest(ball(s), ball(l))
        angles = [angle_between_sum_and_difference(s, l, Q(k, 8)) / arb.pi() for k in range(8)]
        yield decide_equal(angles[0], bound, distance=DISTANCE, s=s, l=l)
        for earlier, later in pairwise(angles):
            yield decide_less(later, earlier, s=s, l=l)


def inversions(rng: np.random.Generator, s: Any, l: Any, c: Any, d: int, n: int) -> int:
    """How many of n directions in ℝᵈ put v_l before v_s; the two vectors lie in a plane drawn at random."""
    plane, _ = np.linalg.qr(rng.standard_normal((d, 2)))
    s, l, c = float(s), float(l), float(c)
    longer, shorter = l * plane[:, 0], s * (c * plane[:, 0] + np.sqrt(1 - c * c) * plane[:, 1])
    # A standard normal vector has a uniform direction, and its length does not change the order.
    directions = rng.standard_normal((n, d))
    return int(np.sum(np.abs(directions @ longer) <= np.abs(directions @ shorter)))


order_inversion.mutant(
    "(2/π) arcsin(s/l) is the maximum", largest=lambda s, l: (s / l).asin() * 2 / arb.pi()
)  # fmt: skip
order_inversion.mutant("(1/π) arctan(s/l) is the maximum", largest=lambda s, l: (s / l).atan() / arb.pi())
order_inversion.mutant(
    "the probability depends on the dimension",
    probability=lambda s, l, c, d: (
        ((l**2 - s**2) / ((l**2 + s**2) ** 2 - 4 * l**2 * s**2 * c**2).sqrt()).acos() * 2 / (d * arb.pi())
    ),
)


@order_inversion.boundary("parallel vectors are never inverted")
def parallel(setting: Setting) -> Outcome:
    count = inversions(setting.rng(), Q(9, 10), Q(1), Q(1), 3, 10_000)
    return Holds(inversions=count) if count == 0 else Refuted(inversions=count)


@order_inversion.boundary("the arcsin bound is true, and above the maximum by more the nearer s is to l")
def arcsin_is_a_bound() -> Outcome:
    gaps = [ball(r).asin() * 2 / arb.pi() - ball(r).atan() * 2 / arb.pi() for r in (Q(1, 10), Q(1, 2), Q(99, 100))]
    return all_hold([decide_less(0, gaps[0]), *(decide_less(a, b) for a, b in pairwise(gaps))], gaps=gaps)
