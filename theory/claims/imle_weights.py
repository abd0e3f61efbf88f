"""Which weights make IMLE maximum likelihood as m grows, and when none are needed."""

from collections.abc import Iterator
from itertools import pairwise
from math import prod
from typing import Any

from flint import arb

from theory.certified import Ball, ball, decide_at_most, decide_equal, decide_less, precision
from theory.certified import total as ball_total
from theory.claim import Certified, Holds, Inconclusive, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals, total
from theory.instances import Laplace, Mixture, Normal
from theory.location_family import nearest, weight_slope
from theory.nearest_sample import nearest_squared
from theory.setting import Setting
from theory.sources import TALK

BITS = 128


def density_lists(setting: Setting, ordered: bool) -> Iterator[tuple[list, list]]:
    """Pairs (p, p*) of positive densities at n data, exchanged if `ordered` and ∏p > ∏p*."""
    rng = setting.rng()
    for _ in range(setting.size(40, deep=400)):
        n = int(rng.integers(2, 6))
        star, p = ([Q(int(k), 12) for k in rng.integers(1, 61, size=n)] for _ in range(2))
        yield (star, p) if ordered and prod(p, start=Q(1)) > prod(star, start=Q(1)) else (p, star)
        yield list(star), star
        # Moved a little from p* along the level set of the likelihood, where a wrong weight shows first.
        for factor in (Q(1001, 1000), Q(1000, 1001)):
            yield [star[0] * factor, star[1] / factor, *star[2:]], star
    yield [Q(1, 50), Q(1, 50)], [Q(1), Q(1)]


def mle_densities() -> Iterator[tuple[list[Ball], list[Ball]]]:
    """(p, p*) at the data along three families with a known maximum-likelihood member, which is p*."""
    data = rationals(("-2", "-0.5", "0", "0.7", "2.3"))
    mean = total(data) / 5
    sd = (ball(total((x - mean) ** 2 for x in data)) / 5).sqrt()
    families: list[tuple[Any, list[Any], list[Any]]] = [
        (Normal(mean, sd), [Normal(mean + 1, sd), Normal(mean, 2 * sd), Normal(mean - Q(1, 9), sd / 2)], data),
        (Laplace(0, Q(11, 10)), [Laplace(Q(1, 7), 1), Laplace(-1, 3), Laplace(0, Q(12, 10))], data),
        # A weight w of N(−1, 1) beside N(1, 1): the likelihood is concave in w and symmetric about ½ at these data.
        (two_bumps(Q(1, 2)), [two_bumps(Q(1, 3)), two_bumps(Q(9, 10))], rationals(("-1.5", "-0.5", "0.5", "1.5"))),
    ]
    for best, others, at in families:
        for other in others:
            yield [other.pdf(x) for x in at], [best.pdf(x) for x in at]


def two_bumps(w: Any) -> Mixture:
    return Mixture((w, 1 - w), (Normal(-1, 1), Normal(1, 1)))


@claim(
    "imle-limit-weighted",
    says="As m → ∞, m^{2/d} E Rᵢ → c_d pᵢ^{−2/d}, so the theorem's weights become (p*ᵢ)^{2/d}; and "
    "Σ (p*ᵢ/pᵢ)^{2/d} ≥ n whenever ∏pᵢ ≤ ∏p*ᵢ, with equality only at p = p*: to leading order the weighted objective "
    "is least at the MLE, for every family",
    statement=r"\sum_i \left(p_i^*\right)^{2/d} p_i^{-2/d} \geq n \quad \left(\prod p_i \leq \prod p_i^*\right)",
    source="a corollary of the repaired IMLE theorem; not in a deck",
    primary="new here: the inequality of arithmetic and geometric means",
    method=Certified,
    limits="From the limit of the objective to that of its minimisers needs uniformity (a compact Θ, densities at the "
    "data equicontinuous and bounded away from 0), which is not checked.",
)
def limit_weighted(setting, *, weight=lambda star, d: star ** (2 / d), limit=lambda p, d: p ** (-2 / d), ordered=True):
    """Drawn densities, the tie p = p* decided in rationals; three families at their MLE; then weights at finite m."""
    with precision(BITS):
        return all_hold(limit_parts(setting, weight, limit, ordered))


def limit_parts(setting: Setting, weight, limit, ordered) -> Iterator[Outcome]:
    def objective(p: list, star: list, d: Any) -> Ball:
        return ball_total(weight(ball(b), d) * limit(ball(a), d) for a, b in zip(p, star, strict=True))

    for p, star in density_lists(setting, ordered):
        for d in (Q(1), Q(2), Q(5)):
            value = objective(p, star, d)
            if p == star:
                yield decide_equal(value, len(p), distance=1e-20, densities=p)
            else:
                yield decide_less(len(p), value, p=p, p_star=star, d=d)
    for near, best in mle_densities():
        for d in (Q(1), Q(3)):
            yield decide_less(objective(best, best, d), objective(near, best, d), d=d)
    # N(0, 1), m = 4096: the theorem's own weights 1/|Ψ′p| at offsets 0.6 and 1, against the limit's; 2.2/m was met.
    m, offsets = 4096, (Q(3, 5), Q(1))
    exact = 1 / weight_slope(offsets[1], m) * weight_slope(offsets[0], m)
    limits = [weight(Normal().pdf(a), Q(1)) for a in offsets]
    yield decide_at_most(abs(exact * limits[0] / limits[1] - 1), Q(4, m), m=m)


limit_weighted.mutant("the exponent +2/d in the limit", limit=lambda p, d: p ** (2 / d))
limit_weighted.mutant("any two lists of densities", ordered=False)
limit_weighted.mutant("the weight (p*)^{1/d}", weight=lambda star, d: star ** (1 / d))


@limit_weighted.boundary("a density that falls to 0 at one datum sends the objective to ∞")
def vanishing_density() -> Outcome:
    values = [ball_total([ball(Q(1, 10**k)) ** (-2), arb(1)]) for k in (1, 10, 100)]
    grows = values[0] > 2 and all(a < b for a, b in pairwise(values))
    return Holds(values=values) if grows else Refuted(values=values)


def location_slope(offset: Any, m: int) -> Ball:
    """d/dθ E R of N(θ, 1) at θ, for a datum at θ + offset: −g′(offset)."""
    return -nearest(offset, m, derivative=1)


def scale_slope(offset: Any, m: int, s: Any = 1) -> Ball:
    """d/ds E R of N(θ, s²), where E R = s² g(offset/s): 2 s g − offset g′."""
    ratio = ball(offset) / ball(s)
    return 2 * ball(s) * nearest(ratio, m) - ball(offset) * nearest(ratio, m, derivative=1)


SLOPES = {"location": location_slope, "scale": scale_slope}
#: Two data at equal distances from their mean, so of equal density under the MLE N(mean, 1).
EQUIDISTANT = rationals(("-0.7", "1.3"))


@claim(
    "imle-equal-density",
    says="Under the repaired theorem's hypotheses, plain IMLE is maximum likelihood for every m if the densities at "
    "the data are equal: for N(θ, I) with all data equally far from their mean, both give the mean",
    statement=r"p_{\theta^*}(x_1) = \cdots = p_{\theta^*}(x_n) \Rightarrow "
    r"\theta^* \in \arg\min_\theta \sum_i E[R_i^\theta]",
    source=TALK.slide("Main Result"),
    primary="Li & Malik 2018, Theorem 1 (recalled)",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=(
        "the densities at the data under the MLE are equal",
        "H1 and H2 of the weighted theorem: E R is a decreasing function of the density, convex in its logarithm",
    ),
    limits="Two families, on the line and in the plane; global minimality at a few other θ, not proved.",
)
def equal_density(*, optimum=lambda data: total(data) / len(data), data=EQUIDISTANT, family="location"):
    """N(θ, 1), m = 1 … 1024: the plain objective is stationary at the mean, larger elsewhere; so in the plane."""
    with precision(BITS):
        return all_hold(equal_parts(optimum, data, SLOPES[family]))


def equal_parts(optimum, data: list, slope) -> Iterator[Outcome]:
    for m in (2, 1, 16, 1024):
        theta = optimum(data)
        slopes = [slope(x - theta, m) for x in data]
        scale = ball_total(abs(part) for part in slopes)
        yield decide_equal(ball_total(slopes) / scale, 0, distance=1e-12, m=m)
        here = ball_total(nearest(x - theta, m) for x in data)
        for other in (theta - Q(1, 10), theta + 1, theta + 3):
            yield decide_less(here, ball_total(nearest(x - other, m) for x in data), m=m, theta=other)
    for m in (2, 16):
        yield from in_the_plane(m)


def in_the_plane(m: int) -> Iterator[Outcome]:
    """Four data on the unit circle, the ends of two diameters: their mean is the centre, the MLE of N(θ, I₂)."""
    circle = [(Q(1), Q(0)), (Q(-1), Q(0)), (Q(3, 5), Q(4, 5)), (Q(-3, 5), Q(-4, 5))]
    here = 4 * nearest_squared(Q(1), m, 2)
    for u, v in ((Q(1, 10), Q(0)), (Q(0), Q(1, 2)), (Q(-1, 2), Q(1))):
        there = ball_total(nearest_squared((x - u) ** 2 + (y - v) ** 2, m, 2) for x, y in circle)
        yield decide_less(here, there, m=m, theta=(u, v))


equal_density.mutant("unequal densities: data −1, 1, 3/2", data=(Q(-1), Q(1), Q(3, 2)))
equal_density.mutant("the scale of N(0, s²) in place of its location", family="scale")


@equal_density.counterexample(
    "N(0, s²) at ±1: equal densities, MLE s² = 1, and IMLE's s² is 0, 0.33, 0.68 for m = 1, 2, 4"
)
def scale_family() -> Outcome:
    with precision(BITS):
        falls_to_0 = all(scale_slope(1, 1, s) > 0 for s in (Q(1, 10), Q(1), Q(2)))
        brackets = {2: (Q(3294, 10**4), Q(3296, 10**4)), 4: (Q(6827, 10**4), Q(6829, 10**4))}
        found = {
            m: (scale_slope(1, m, ball(low).sqrt()), scale_slope(1, m, ball(high).sqrt()))
            for m, (low, high) in brackets.items()
        }
    bracketed = all(low < 0 < high for low, high in found.values())
    return (
        Refuted(slopes=list(found.values())) if falls_to_0 and bracketed else Inconclusive(slopes=list(found.values()))
    )


@equal_density.boundary("the scale family's bias vanishes as m grows: −20/m² < s² − 1 < −12/m² for m ≥ 64")
def scale_family_for_many_samples() -> Outcome:
    with precision(BITS):
        return all_hold(
            decide_less(sign * scale_slope(1, m, ball(1 - Q(c, m * m)).sqrt()), 0, m=m)
            for m in (64, 256, 1024)
            for c, sign in ((20, 1), (12, -1))
        )
