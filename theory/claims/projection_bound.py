"""The largest projection of a vector on unit directions as a lower bound of its length."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from flint import arb

from theory.certified import Ball, ball, decide_equal, decide_less, integrate, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q, dot, rationals
from theory.instances import points
from theory.sequential import decide_proportion, sample_size
from theory.setting import Setting
from theory.sources import TALK

BITS = 128
DISTANCE = 1e-20
#: P(|⟨v, u⟩| ≤ ½ ‖v‖) in dimension 5, and how far off it is with (d − 2)/2 or d/2 for (d − 1)/2: 0.609 and 0.747.
HALF_IN_FIVE, NEAREST = 0.6875, 0.059


def unit_vector(slopes: list) -> list:
    """A rational point of the unit sphere, by stereographic projection: (2t, ‖t‖² − 1)/(‖t‖² + 1)."""
    square = dot(slopes, slopes)
    return [2 * t / (square + 1) for t in slopes] + [(square - 1) / (square + 1)]


def incomplete_beta(x: Any, a: Any, b: Any) -> Ball:
    """I_x(a, b), regularised."""
    return ball(x).beta_lower(ball(a), ball(b), 1)


def share_within(t: Any, d: int) -> Ball:
    """P(|⟨v, u⟩| ≤ t ‖v‖): the sphere's coordinate s = sin φ has the density cos^{d−2} φ over −π/2 … π/2."""
    end = ball(t).asin()

    def band(*ends: Any) -> Ball:
        return integrate(lambda phi, _: phi.cos() ** (d - 2), *ends)

    return band(-end, end) / band(-arb.pi() / 2, arb.pi() / 2)


@claim(
    "projection-lower-bound",
    says="max_j |⟨p − q, u_j⟩| ≤ ‖p − q‖ for unit directions, and the bound grows with their number; for m independent "
    "uniform ones it stays below t‖p − q‖ with probability I_{t²}(½, (d − 1)/2)^m, so that it reaches the distance "
    "with probability one, after a number of directions that is exponential in d",
    statement=r"\max_j |\langle v, u_j\rangle| \leq \|v\|, "
    r"P(\max_{j \leq m} |\langle v, u_j\rangle| \leq t \|v\|) = I_{t^2}\left(\frac{1}{2}, \frac{d-1}{2}\right)^m",
    source=TALK.slide("Intuition"),
    primary="Li & Malik 2017; Cauchy–Schwarz",
    method=(Exact, Certified, Statistical),
    limits="“Approaches the true distance” is true and slow: 2.5 · 10⁷ directions for nine tenths of it at d = 20.",
)
def projection_bound(
    setting,
    *,
    within=lambda t, d: incomplete_beta(t**2, Q(1, 2), (d - 1) * Q(1, 2)),
    together=lambda one, m: one**m,
    needed=lambda one: ball(Q(1, 2)).log() / one.log(),
    length=1,
    directions=None,
):
    """Rational unit vectors; the law by an integral over the sphere; then the directions that `knn` draws."""
    for outcome in below_the_distance(setting, length):
        if isinstance(outcome, Refuted):
            return outcome
    with precision(BITS):
        enclosed = all_hold(law_parts(within, together, needed))
    if not isinstance(enclosed, Holds):
        return enclosed
    return all_hold((enclosed, drawn(setting, within, together, directions)))


def below_the_distance(setting: Setting, length: Any) -> Iterator[Outcome]:
    rng = setting.rng()
    for _ in range(setting.size(60, deep=600)):
        v = points(rng, 4)
        unit = [[length * c for c in unit_vector(points(rng, 3))] for _ in range(6)]
        square, bounds = dot(v, v), []
        for m in range(1, 7):
            bounds.append(max(dot(v, u) ** 2 for u in unit[:m]))
        if bounds[-1] > square or bounds != sorted(bounds):
            yield Refuted(v=v, squared_bounds=bounds, squared_length=square)
    for slopes in (rationals(("0", "0", "3")), rationals(("1/2", "-2", "1"))):
        # Along its own direction a vector's projection is its length.
        along = unit_vector(slopes)
        v = [7 * c for c in along]
        if dot(v, [length * c for c in along]) ** 2 != dot(v, v):
            yield Refuted(v=v, squared_projection=dot(v, along) ** 2, squared_length=dot(v, v))


def law_parts(within, together, needed) -> Iterator[Outcome]:
    for d in (2, 3, 5, 10, 20):
        for t in rationals(("1/10", "1/2", "9/10")):
            one = share_within(t, d)
            stated = within(ball(t), d)
            if not stated.is_finite():
                yield Refuted(t=t, d=d, reason="the formula has no value there")
            yield decide_equal(one, stated, distance=DISTANCE, t=t, d=d)
            for m in (1, 3):
                every = arb(1)
                for _ in range(m):
                    every *= one
                yield decide_equal(every, together(one, m), distance=DISTANCE, t=t, d=d, m=m)
        count = needed(share_within(Q(9, 10), d))
        yield decide_equal(ball(share_within(Q(9, 10), d)).log() * count, -arb.const_log2(), distance=DISTANCE, d=d)


def drawn(setting: Setting, within, together, directions) -> Outcome:
    """The share of pairs of `knn`'s directions, d = 5, whose larger projection is below ½ ‖v‖ for a fixed v."""
    if directions is None:
        from knn.projections import random_directions as directions
    cells = 2
    alpha = setting.alpha / cells
    n = sample_size(HALF_IN_FIVE, HALF_IN_FIVE + NEAREST / 2, alpha=alpha, beta=setting.beta)
    v = np.array([3.0, -1.0, 2.0, 0.5, -4.0])
    generator = np.random.RandomState(setting.rng(1).integers(2**31))
    inside = np.abs(v @ directions(generator, 5, 2 * n)) <= np.linalg.norm(v) / 2
    with precision(BITS):
        one = within(ball(Q(1, 2)), 5)
        stated = [float(together(one, m)) for m in (1, 2)]
    pairs = inside[:n] & inside[n:]
    return all_hold(
        decide_proportion(int(hits.sum()), n, min(max(p, 0.0), 1.0), alpha=alpha, distance=NEAREST, directions=m)
        for m, hits, p in ((1, inside[:n], stated[0]), (2, pairs, stated[1]))
    )


projection_bound.mutant("directions of length 1.1", length=Q(11, 10))
projection_bound.mutant("(d − 2)/2 for (d − 1)/2", within=lambda t, d: incomplete_beta(t**2, Q(1, 2), Q(d - 2, 2)))
projection_bound.mutant("d/2 for (d − 1)/2", within=lambda t, d: incomplete_beta(t**2, Q(1, 2), Q(d, 2)))
projection_bound.mutant("20 directions suffice for 0.9 whatever d", needed=lambda one: ball(20))
projection_bound.mutant(
    "directions that are not scaled to length one", directions=lambda rng, d, m: rng.standard_normal((d, m))
)


@projection_bound.boundary("an orthonormal basis, m = d: only ‖v‖/√d is sure")
def orthonormal_basis() -> Outcome:
    diagonal, along = rationals(("1", "1", "1", "1")), rationals(("2", "0", "0", "0"))
    shares = [max(abs(c) for c in v) ** 2 / dot(v, v) for v in (diagonal, along)]
    return Holds(shares=shares) if shares == [Q(1, 4), Q(1)] else Refuted(shares=shares)


@projection_bound.boundary("the directions for nine tenths of the distance at even odds: 2.05, 47.5, 4.33e3, 2.48e7")
def exponential_growth() -> Outcome:
    with precision(BITS):
        found = [-arb.const_log2() / share_within(Q(9, 10), d).log() for d in (2, 5, 10, 20)]
        return all_hold(
            (
                *(decide_less(abs(count / size - 1), Q(1, 100)) for count, size in zip(found, SIZES, strict=True)),
                # (1 − t²)^{−(d−1)/2} grows by 2.29 for each dimension.
                decide_less(1 / ball("0.19") ** ball("9.5"), found[-1], directions=found),
            )
        )


SIZES = (Q(205, 100), Q(475, 10), Q(4330), Q(248 * 10**5))
