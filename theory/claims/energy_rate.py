"""How fast an empirical measure approaches its law in energy distance: by L^(−1/2), whatever the dimension."""

from collections.abc import Iterator
from itertools import product
from math import comb
from typing import Any

import numpy as np
from flint import arb, fmpq_poly

from theory.agreement import decide_estimate, estimated_between, float_law
from theory.certified import ball, decide_equal, decide_less, precision, total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, Statistical, all_hold, claim
from theory.claims.probability_metrics import energy_squared, line, mean_of
from theory.claims.sample_rates import LIMITATIONS, binomial_moment, volume, w1_rate
from theory.exact import Q
from theory.instances import Cauchy, pmf, points
from theory.sequential import decide_mean_at_most
from theory.setting import Setting


def samples_of(p: list[Any], size: int) -> Iterator[tuple[Any, list[Any]]]:
    """Each sample of `size` data with its probability, as the counts of the atoms over `size`."""
    for drawn in product(range(len(p)), repeat=size):
        chance = Q(1)
        for i in drawn:
            chance *= p[i]
        yield chance, [Q(drawn.count(i), size) for i in range(len(p))]


def cube(d: int) -> list[tuple[int, ...]]:
    return list(product((0, 1), repeat=d))


def euclidean(x: tuple[int, ...], y: tuple[int, ...]) -> Any:
    return ball(sum(a != b for a, b in zip(x, y, strict=True))).sqrt()


@claim(
    "energy-sample-rate",
    says="E ℰ²(P, p̂_L) = μ/L exactly, μ = E‖X − X′‖, in every dimension; hence E ℰ ≤ √(μ/L)",
    statement=r"E\,\mathcal{E}^2(P, \hat p_L) = \frac{E\|X - X'\|}{L}",
    source=LIMITATIONS,
    primary="Székely & Rizzo 2013 (recalled)",
    method=(Exact, Certified, Statistical),
    limits="The slide's L^(−1/2) is for ℰ; ℰ² has L^(−1), and √μ grows like d^(1/4). V-statistics; finite mean.",
)
def energy_rate(
    setting,
    *,
    expected=lambda mu, L, d: mu / L,
    own_pairs=lambda L: L**2,
    jensen_is_strict=True,
    code="energy-distance",
):
    """Every sample of finite laws on the line, of the cube in balls, U[0,1] by polynomials; draws in ℝ⁵ and ℝ²⁰."""
    rng = setting.rng(1)
    parts: list[Outcome] = []
    with precision(128):
        for index in range(setting.size(9, deep=60)):
            at, p, size = points(rng, 3), pmf(rng, 3, zeros=0.2), index % 3 + 2
            spread = mean_of(line, at, p, p)
            mean = ball(0)
            for chance, sample in samples_of(p, size):
                own = mean_of(line, at, sample, sample) * size**2 / ball(own_pairs(size))
                mean += chance * (2 * mean_of(line, at, p, sample) - spread - own)
            parts.append(decide_equal(mean, expected(spread, size, 1), distance=1e-6, at=at, p=p, L=size))
            law, own_law = float_law(rng, 3), float_law(rng, 3)
            exact = ball(energy_squared(line, at, law, own_law)).sqrt()
            parts.append(decide_estimate(estimated_between(code, at, law, own_law), exact, at=at, p=law, q=own_law))
        for d, size in ((2, 2), (2, 3), (3, 2)):
            parts += decide_cube(d, size, expected, own_pairs, jensen_is_strict)
        parts += [decide_uniform(size, expected) for size in (1, 2, 7)]
    parts += [decide_draws(setting, d, expected) for d in (5, 20)]
    return all_hold(parts)


def decide_cube(d: int, size: int, expected: Any, own_pairs: Any, strict: bool) -> list[Outcome]:
    """P uniform on {0,1}^d, where E‖x − Y‖ = μ for every vertex x: E ℰ² and E ℰ over all samples."""
    at = cube(d)
    mu = total(euclidean(at[0], y) for y in at) / len(at)
    squares = [
        mu - total(euclidean(at[i], at[j]) for i in drawn for j in drawn) / ball(own_pairs(size))
        for drawn in product(range(len(at)), repeat=size)
    ]
    told: dict[str, Any] = {"d": d, "L": size}
    stated = ball(expected(mu, size, d))
    parts = [decide_equal(total(squares) / len(squares), stated, distance=1e-6, **told)]
    if all(square >= 0 for square in squares) and stated > 0:
        mean_root = total(square.sqrt() for square in squares) / len(squares)
        told["mean_energy"] = mean_root
        parts.append(decide_less(mean_root, stated.sqrt(), **told) if strict else
                     decide_equal(mean_root, stated.sqrt(), distance=1e-6, **told))  # fmt: skip
    return parts


def decide_uniform(size: int, expected: Any) -> Outcome:
    """U[0,1]: 2 ∫ E (Bin(L, x)/L − x)² dx as a polynomial; μ = 1/3."""
    x = fmpq_poly([0, 1])
    primitive = binomial_moment(size, x, lambda j: (Q(j, size) - x) ** 2).integral()
    return decide_equal(2 * primitive(1), expected(Q(1, 3), size, 1), distance=1e-6, law="U[0,1]", L=size)


def decide_draws(setting: Setting, d: int, expected: Any) -> Outcome:
    """Samples of 10 on {0,1}^d: ℰ²/μ ∈ [0, 1] has the stated mean, from both sides."""
    size, rng = 10, setting.rng(d)
    mu = sum(comb(d, k) * k**0.5 for k in range(d + 1)) / 2**d
    drawn = rng.integers(0, 2, size=(setting.size(3000, deep=50_000), size, d), dtype=np.int8)
    apart = np.sqrt((drawn[:, :, None, :] != drawn[:, None, :, :]).sum(axis=-1))
    shares = np.clip(1 - apart.mean(axis=(1, 2)) / mu, 0, 1)
    stated, level = float(expected(mu, size, d)) / mu, setting.alpha / 4
    if not 0 < stated < 1:
        return Refuted(d=d, stated=stated, mean=float(shares.mean()))
    return all_hold(
        [
            decide_mean_at_most(shares, stated, alpha=level, d=d),
            decide_mean_at_most(1 - shares, 1 - stated, alpha=level, d=d),
        ]
    )


energy_rate.mutant("the U-statistic, whose mean is 0", own_pairs=lambda L: L * (L - 1))
energy_rate.mutant("E ℰ = √(μ/L)", jensen_is_strict=False)
energy_rate.mutant("ℰ of order L^(−1/d)", expected=lambda mu, L, d: mu / ball(L) ** Q(2, d))
energy_rate.mutant("ℰ² of order L^(−1/2)", expected=lambda mu, L, d: mu / ball(L).sqrt())
energy_rate.mutant("the code's W₁", code="wasserstein")


@energy_rate.boundary("a point mass: μ = 0 and every sample is the law")
def point_mass() -> Outcome:
    value = energy_squared(line, [Q(3)], [Q(1)], [Q(1)])
    return Holds() if value == 0 == mean_of(line, [Q(3)], [Q(1)], [Q(1)]) else Refuted(energy_squared=value)


@energy_rate.boundary("the Cauchy law has μ = ∞: the part of E|X − X′| within T is (2/π) log(1 + T²/4)")
def infinite_mean() -> Outcome:
    # X − X′ is Cauchy of scale 2; the primitive of 2 t c(t) is (2/π) log(4 + t²).
    parts = [2 / arb.pi() * (1 + ball(10) ** (2 * k) / 4).log() for k in (1, 100, 10000)]
    slope = 2 * ball(3) * Cauchy(0, 2).pdf(3) - 2 / arb.pi() * 6 / ball(13)
    return Holds(parts=parts) if slope.contains(0) and parts[-1] > 10000 else Refuted(parts=parts)


@energy_rate.boundary("d = 20, L = 10⁴: the root mean square of ℰ is at most 0.0136, and W₁ ≥ 0.72 for every sample")
def no_curse() -> Outcome:
    # μ ≤ √(E‖X − X′‖²) = √(d/6) for the uniform law on the cube.
    energy = (ball(Q(20, 6)).sqrt() / 10**4).sqrt()
    transport = w1_rate.specs["every_set"](ball(20), volume(20)) * ball(10**4) ** Q(-1, 20)
    found = {"energy": energy, "wasserstein": transport}
    return Holds(**found) if energy < ball("0.0136") and transport > ball("0.72") else Refuted(**found)
