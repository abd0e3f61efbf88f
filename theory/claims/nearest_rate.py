"""How near the nearest of m samples comes: the rate in m, and the constant that density and dimension set."""

from collections.abc import Iterator
from math import comb
from typing import Any

import numpy as np
from flint import arb

from theory.certified import ball, decide_at_most, decide_equal, precision
from theory.claim import Certified, Exact, Holds, Inconclusive, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q, multiplied, total
from theory.nearest_sample import miss, nearest_squared, normal_density
from theory.sequential import dkw_radius
from theory.setting import Setting
from theory.sources import TALK

#: |ratio − 1| ≤ C m^{−min(1, 2/d)}: the constants, above the largest that were met (3.84, 1.39, 0.64, 0.60, 0.71).
RATIO_CONSTANTS = {1: 5, 2: 2, 3: 1, 5: 1, 10: 1}
#: The same for |P(m V_d p R^{d/2} > t) − e^{−t}|, of which 0.67 was met.
LAW_CONSTANT = 1
SAMPLES = 10
#: Draws of R for the cross-check: DKW's radius is then 0.0048, and the law of the nearest of 11 differs by 0.035.
DRAWS, GAP = 400_000, 0.035


def mean_in_unit_ball(d: int, m: int) -> Any:
    """E R at the centre of the uniform law on the unit ball: ∫₀¹ 2r (1 − r^d)^m dr, expanded."""
    return total(Q(2 * (-1) ** k * comb(m, k), d * k + 2) for k in range(m + 1))


@claim(
    "nearest-sample-rate",
    says="For a density p continuous and positive at x, R the least of m squared distances to x and E R finite, "
    "m V_d p(x) R^{d/2} → Exp(1) in law and m^{2/d} E R → Γ(1 + 2/d) (V_d p(x))^{−2/d}; at the centre of a uniform "
    "ball of radius ρ, E R = ρ² Γ(1 + 2/d) m!/Γ(m + 1 + 2/d) exactly",
    statement=r"m^{2/d}\, E[R] \;\to\; \Gamma\left(1 + \frac{2}{d}\right) (V_d\, p(x))^{-2/d}",
    source=TALK.slide("Method"),
    primary="extreme-value theory; Bucklew & Wise 1982 (recalled)",
    method=(Exact, Certified, Statistical),
    limits="The limit is checked as |ratio − 1| ≤ C m^{−min(1, 2/d)} for N(0, I) at two points, with m up to 10⁶ and d "
    "up to 10; the constants C were fitted, not derived.",
)
def rate(
    setting,
    *,
    limit=lambda d, mass: (1 + 2 / d).gamma() * mass ** (-2 / d),
    volume=lambda d, pi: pi ** (d / 2) / (1 + d / 2).gamma(),
    survival=lambda t: (-t).exp(),
    oracle=lambda d, m: multiplied(j / (j + Q(2) / d) for j in range(1, m + 1)),
    law=lambda inside, m: 1 - (1 - inside) ** m,
):
    """Uniform balls in rationals, N(0, I) in balls of arithmetic, then 400 000 draws of R against its exact law."""
    for d in (1, 2, 3, 5, 10):
        for m in (1, 2, 5, 10):
            if oracle(d, m) != mean_in_unit_ball(d, m):
                return Refuted(d=d, m=m, stated=oracle(d, m), integral=mean_in_unit_ball(d, m))
    with precision(96):
        certified = all_hold(gaussian_parts(setting, limit, volume, survival))
    if not isinstance(certified, Holds):
        return certified
    return drawn(setting, law)


def gaussian_parts(setting: Setting, limit, volume, survival) -> Iterator[Outcome]:
    counts = setting.size((10, 10**6), deep=(10, 10**2, 10**3, 10**4, 10**6))
    for d, constant in RATIO_CONSTANTS.items():
        for a_squared in (Q(0), Q(9, 4)):
            mass = volume(arb(d), arb.pi()) * normal_density(a_squared, d)
            for m in counts:
                near = ball(m) ** max(Q(-1), Q(-2, d))
                ratio = ball(m) ** Q(2, d) * nearest_squared(a_squared, m, d) / limit(arb(d), mass)
                yield decide_at_most(abs(ratio - 1), constant * near, d=d, m=m, a_squared=a_squared, ratio=ratio)
                for t in (Q(1, 2), Q(2)):
                    beyond = miss(a_squared, (ball(t) / (m * mass)) ** Q(1, d), d).real ** m
                    error = abs(beyond - survival(ball(t)))
                    yield decide_at_most(error, LAW_CONSTANT * near, d=d, m=m, a_squared=a_squared, t=t)


def drawn(setting: Setting, law) -> Outcome:
    """R at x = 1 for 10 samples of N(0, 1): its empirical law against the stated one, by DKW."""
    from scipy.special import ndtr

    distances = np.sort(np.abs(setting.rng().normal(size=(DRAWS, SAMPLES)) - 1).min(axis=1))
    stated = np.asarray(law(ndtr(1 + distances) - ndtr(1 - distances), SAMPLES), dtype=np.float64)
    steps = np.arange(DRAWS + 1) / DRAWS
    apart = float(np.maximum(np.abs(steps[1:] - stated), np.abs(steps[:-1] - stated)).max())
    radius = dkw_radius(DRAWS, setting.alpha)
    found = {"draws": DRAWS, "sup_distance": apart, "radius": radius}
    if not apart <= radius:  # NaN, where a formula leaves the reals, is no law
        return Refuted(**found)
    return Holds(**found) if 2 * radius < GAP else Inconclusive(**found)


rate.mutant("Γ(1 + 1/d)", limit=lambda d, mass: (1 + 1 / d).gamma() * mass ** (-2 / d))
rate.mutant("the exponent −1/d", limit=lambda d, mass: (1 + 2 / d).gamma() * mass ** (-1 / d))
rate.mutant("the sphere's surface for the ball's volume", volume=lambda d, pi: 2 * pi ** (d / 2) / (d / 2).gamma())
rate.mutant("m for m + 1 in the uniform ball", oracle=lambda d, m: multiplied(j / (j + Q(2) / d) for j in range(1, m)))
rate.mutant("the law of the nearest of m + 1", law=lambda inside, m: 1 - (1 - inside) ** (m + 1))


@rate.boundary("on the edge of the support only half of the ball counts: U[0, 1] at 0 has four times the limit inside")
def edge() -> Outcome:
    for m in (1, 3, 10):
        mean = mean_in_unit_ball(1, m)
        # P(X > r) = 1 − r, as at the centre of [−1, 1], where V₁ p = 1; inside [0, 1] it is 2.
        if mean != Q(2, (m + 1) * (m + 2)):
            return Refuted(m=m, mean=mean)
    with precision(96):
        limits = [(1 + 2 / arb(1)).gamma() * ball(mass) ** (-2) for mass in (1, 2)]
        return decide_equal(limits[0], 4 * limits[1], distance=1e-20)


@rate.boundary("where p(x) = 0 the rate is slower: at 0 the density |x| on [−1, 1] has E R = 1/(m + 1)")
def zero_density() -> Outcome:
    means = {m: mean_in_unit_ball(2, m) for m in (1, 3, 10)}  # P(|X| > r) = 1 − r²
    return Holds(means=means) if all(mean == Q(1, m + 1) for m, mean in means.items()) else Refuted(means=means)


@rate.boundary("at the centre of N(0, I₂) the limit law is exact for every m: R is exponential of mean 2/m")
def exact_in_the_plane() -> Outcome:
    with precision(96):
        means = (decide_equal(nearest_squared(0, m, 2), Q(2, m), distance=1e-10, m=m) for m in (2, 7, 1000))
        return all_hold(means)
