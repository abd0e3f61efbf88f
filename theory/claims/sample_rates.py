"""How fast an empirical measure approaches its law in W₁: L^(−1/d), but for one dimension and two."""

from math import comb
from typing import Any

import numpy as np
from flint import arb, fmpq_poly

from theory.certified import ball, decide_equal, decide_less, integrate, precision, total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, Statistical, all_hold, claim
from theory.exact import Q
from theory.sequential import decide_mean_at_most
from theory.setting import Setting
from theory.sources import BRUNA

#: The slide that states both rates.
LIMITATIONS = BRUNA.slide("Limitations of GAN Modeling")
SAMPLE = 16
HIGH_DIMENSIONS = (3, 4, 8)


def volume(d: int) -> Any:
    """V_d = π^{d/2}/Γ(d/2 + 1), the volume of the unit ball."""
    return arb.pi() ** (Q(d, 2)) / arb.gamma(ball(Q(d, 2) + 1))


def binomial_moment(size: int, x: Any, of: Any) -> Any:
    """Σⱼ of(j) P(Bin(size, x) = j)."""
    return sum((of(j) * comb(size, j) * x**j * (1 - x) ** (size - j) for j in range(size + 1)), Q(0))


def expected_on_the_line(deviation: Any, size: int) -> Any:
    """E W₁(U[0,1], p̂) = ∫ E|Bin(L, x)/L − x| dx, a polynomial on each piece where ⌊Lx⌋ is constant."""
    x, value = fmpq_poly([0, 1]), Q(0)
    for nu in range(1, size + 1):
        primitive = deviation(size, nu, x).integral()
        value += primitive(Q(nu, size)) - primitive(Q(nu - 1, size))
    return value / size


def dyadic_bound(d: int, m: int) -> Any:
    """√d (2^{−m} + ½ Σ_{j≤m} 2^{1−j} 2^{d(j−m)/2}) ≥ E W₁ on [0,1]^d for L = 2^{dm} data.

    Mass is moved inside cubes of side 2^{−j}, level by level; Σ |P(C) − p̂(C)| over the 2^{dj} cubes of
    a level has expectation at most √(2^{dj}/L), by Cauchy and Schwarz.
    """
    levels = (ball(2) ** (-j) * ball(2) ** Q(d * (j - m), 2) for j in range(1, m + 1))
    return ball(d).sqrt() * (ball(2) ** (-m) + total(levels))


@claim(
    "w1-sample-rate",
    says="For the uniform law on [0,1]^d, E W₁(P, p̂_L) is of order L^(−1/d) for d ≥ 3 and of order L^(−1/2) for d = 1, "
    "there within √(2π)/8 · (1 + 1/(16 L)) and √(2π)/8 · (1 + 1/(12 L)) of it; for every L atoms, "
    "W₁ ≥ d/(d+1) V_d^(−1/d) L^(−1/d)",
    statement=r"\frac{d}{d+1} V_d^{-1/d} \leq L^{1/d}\, E\,W_1(P, \hat p_L) \leq "
    r"\sqrt{d} \left(1 + \frac{1}{1 - 2^{1 - d/2}}\right), \quad d \geq 3",
    source=LIMITATIONS,
    primary="Dudley 1969; Fournier & Guillin 2015; Weed & Bach 2019 (recalled)",
    method=(Exact, Certified, Statistical),
    verdict="CONDITIONAL",
    hypotheses=("d ≥ 3 and a density: the exponent is ½ for d = 1, and for d = 2 there is a further logarithm",),
    limits="d = 1, 3, 4, 8. For d = 2 only the upper bound √2 (1 + ½ log₂ L) L^(−1/2) comes out here; that √(log L/L) "
    "is the order is Ajtai, Komlós & Tusnády's theorem (recalled). On the line L ≤ 64.",
)
def w1_rate(
    setting,
    *,
    exponent=lambda d: Q(1, 2) if d == 1 else Q(1, d),
    deviation=lambda L, nu, x: 2 * nu * comb(L, nu) * x**nu * (1 - x) ** (L - nu + 1),
    on_the_line=lambda: (2 * arb.pi()).sqrt() / 8,
    every_set=lambda d, volume: d / (d + 1) * volume ** (-1 / d),
    reached=lambda d: d.sqrt() * (1 + 1 / (1 - 2 ** (1 - d / 2))),
):
    """d = 1 in rationals by De Moivre's formula; d ≥ 3 between two certified bounds at L = 2^{dm}; a sampled check."""
    for size in range(1, 7):
        for x in (Q(k, 15) for k in range(15)):
            direct = binomial_moment(size, x, lambda j, size=size, x=x: abs(j - size * x))
            nu = int((size * x).floor()) + 1
            if deviation(size, nu, x) != direct:
                return Refuted(L=size, x=x, mean_deviation=direct, stated=deviation(size, nu, x))
    parts: list[Outcome] = []
    with precision(128):
        for size in (1, 2, 3, 4, 8, 16, 32, 64):
            scaled = expected_on_the_line(deviation, size) * ball(size) ** exponent(1) / on_the_line()
            low, high = 1 + Q(1, 16 * size), 1 + Q(1, 12 * size)
            parts += [decide_less(low, scaled, L=size, d=1), decide_less(scaled, high, L=size, d=1)]
        for d in HIGH_DIMENSIONS:
            parts += decide_dimension(d, exponent(d), every_set(ball(d), volume(d)), reached(ball(d)))
    expected = float(expected_on_the_line(deviation, SAMPLE))
    parts.append(decide_sampled(setting, expected))
    return all_hold(parts, expected_for_1_2_4=[expected_on_the_line(deviation, size) for size in (1, 2, 4)])


def decide_dimension(d: int, exponent: Any, least: Any, most: Any) -> list[Outcome]:
    """Over L = 2^{dm}: the lower bound of every L-point set, and the dyadic upper bound, which comes near `most`."""
    reach = volume(d) ** Q(-1, d)  # at L = 1; P(distance to L points ≤ r) ≤ L V_d r^d
    mean_distance = integrate(lambda r, _: 1 - volume(d) * r**d, 0, reach)
    parts = [decide_equal(mean_distance, least, distance=1e-6, d=d, what="lower bound at L = 1")]
    for m in (1, 10, 100, 1000):
        scale = ball(2) ** (d * m * exponent)
        upper, lower = scale * dyadic_bound(d, m), scale * ball(2) ** (-m) * least
        told = {"d": d, "L": f"2^{d * m}", "scaled_bounds": (lower, upper)}
        parts += [decide_less(upper, most * (1 + ball("1e-12")), **told), decide_less(lower, upper, **told)]
    parts.append(decide_less(most * (1 - ball("1e-12")), upper, what="the limit of the upper bound", d=d))
    return parts


def line_distances(samples: np.ndarray) -> np.ndarray:
    """W₁(U[0,1], p̂) of each row: ∫ |F⁻¹(u) − u| du over the n quantile cells, each |x − u| integrated exactly."""
    n = samples.shape[1]
    ordered = np.sort(samples, axis=1)
    low, high = np.arange(n) / n, np.arange(1, n + 1) / n
    inside = np.clip(ordered, low, high)
    return ((inside - low) * np.abs(ordered - (inside + low) / 2) + (high - inside) * np.abs(
        ordered - (inside + high) / 2)).sum(axis=1)  # fmt: skip


def decide_sampled(setting: Setting, expected: float) -> Outcome:
    """The mean of 2 W₁ ∈ [0, 1] over samples of 16, from both sides; and the code's W₁ to a grid, within its cells."""
    from estimators import wasserstein

    rng = setting.rng()
    distances = line_distances(rng.random((setting.size(20_000, deep=200_000), SAMPLE)))
    level = setting.alpha / 2
    parts = [
        decide_mean_at_most(2 * distances, 2 * expected, alpha=level),
        decide_mean_at_most(1 - 2 * distances, 1 - 2 * expected, alpha=level),
    ]
    cells = 512
    grid = (np.arange(cells) + 0.5) / cells
    for sample in rng.random((4, SAMPLE)):
        value, exact = float(wasserstein(sample, grid)), float(line_distances(sample[None])[0])
        # The grid is 1/(4 · cells) away from the uniform law.
        found = {"code": value, "exact": exact}
        parts.append(Holds(**found) if abs(value - exact) <= 0.2500001 / cells else Refuted(**found))
    return all_hold(parts)


w1_rate.printed(
    "L^(−1/d) for every d",
    where=LIMITATIONS,
    printed="E{ρ(p_r, p̂_{r,L})} ≃ L^{−1/d}",
    correct="L^{−1/d} for d ≥ 3; L^{−1/2} for d = 1 (and √(log L/L) for d = 2)",
    exponent=lambda d: Q(1, d),
)
w1_rate.mutant("L^(−1/2) in every dimension", exponent=lambda d: Q(1, 2))
w1_rate.mutant("the ball of diameter 1", every_set=lambda d, volume: d / (d + 1) * (volume / 2**d) ** (-1 / d))
w1_rate.mutant("√(2π)/4 on the line", on_the_line=lambda: (2 * arb.pi()).sqrt() / 4)


@w1_rate.counterexample("d = 1: L · E W₁ grows, 1/3, 11/24, 245/384, …")
def not_one_over_l() -> Outcome:
    deviation = w1_rate.specs["deviation"]
    scaled = [size * expected_on_the_line(deviation, size) for size in (1, 2, 4, 8, 16)]
    return Refuted(scaled=scaled) if scaled == sorted(scaled) and scaled[-1] > 3 * scaled[0] else Holds()


@w1_rate.counterexample("d = 5, L = 10⁴: √(d/L) = 0.0224 is below what any L points reach, 0.0947")
def root_rate_in_five_dimensions() -> Outcome:
    least = w1_rate.specs["every_set"](ball(5), volume(5)) * ball(10**4) ** Q(-1, 5)
    stated = ball(Q(5, 10**4)).sqrt()
    return Refuted(stated=stated, least=least) if stated < least else Holds()


@w1_rate.boundary("on [0,1]²⁰ fewer than 1.4 · 10²¹ points never come within 0.1")
def twenty_dimensions() -> Outcome:
    needed = (w1_rate.specs["every_set"](ball(20), volume(20)) * 10) ** 20
    return Holds(points_needed=needed) if needed > ball("1.4e21") else Refuted(points_needed=needed)


@w1_rate.boundary("a segment in ℝ³ has the rate of the line: the exponent is that of the law, not of the space")
def segment() -> Outcome:
    from estimators import wasserstein

    ends = np.random.default_rng(0).random((2, 8))
    embedded = [np.outer(row, [2 / 3, 2 / 3, 1 / 3]) for row in ends]
    difference = abs(float(wasserstein(*embedded)) - float(wasserstein(*ends)))
    # An isometry up to a few roundings of coordinates below 1.
    return Holds(difference=difference) if difference < 64 * np.finfo(float).eps else Refuted(difference=difference)
