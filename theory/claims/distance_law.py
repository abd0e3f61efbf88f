"""The law of the distance from a datum to a sample: the mass of a ball, and when its powers have a mean."""

from collections.abc import Iterator
from typing import Any

from flint import acb, arb

from theory.certified import Ball, ball, decide_at_most, decide_equal, decide_less, integrate, normal_cdf, precision
from theory.claim import Certified, Holds, Inconclusive, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import Mixture, Normal
from theory.nearest_sample import miss, normal_density, unit_ball_volume
from theory.sources import TALK

EQUIVALENCE = TALK.slide("Equivalence to Maximum Likelihood")
BITS = 128


def sliced_mass(a: Any, t: Any, d: int) -> Ball:
    """∫ of the density of N(0, I_d) over the ball of radius t about x, ‖x‖ = a, cut at right angles to x.

    A slice at a + t sin u is a centred (d − 1)-ball of squared radius t² cos² u.
    """
    a, t = ball(a), ball(t)
    if d == 1:
        return normal_cdf(a + t) - normal_cdf(a - t)

    def integrand(u: Any, _: bool) -> Any:
        # (t² cos² u)^{1/2} = t cos u on the whole path and analytic there.
        across = t * u.cos()
        inside = 1 - (across / arb(2).sqrt()).erfc() if d == 2 else 1 - (-across * across / 2).exp()
        return (-((a + t * u.sin()) ** 2) / 2).exp() / (2 * arb.pi()).sqrt() * inside * across

    return integrate(integrand, -arb.pi() / 2, arb.pi() / 2)


#: Laws on the line whose density at 0 and mean distance from 0 disagree, and one pair that agrees.
WIDE_AND_NARROW = Mixture((Q(1, 2), Q(1, 2)), (Normal(0, Q(1, 10)), Normal(0, 10)))
PAIRS = ((WIDE_AND_NARROW, Normal(0, 1)), (Normal(0, 1), Normal(0, 2)), (Normal(0, 3), WIDE_AND_NARROW))


def mean_distance(law: Any) -> Ball:
    """E |X|, the area above the cdf of the distance to 0, of a normal law or mixture about 0: Σ w σ √(2/π)."""
    parts = zip(law.weights, law.laws, strict=True) if isinstance(law, Mixture) else [(Q(1), law)]
    return (2 / arb.pi()).sqrt() * sum((ball(w * part.sd) for w, part in parts), arb(0))


@claim(
    "distance-cdf",
    says="P(‖x̃ − x‖ ≤ t) is the model's mass in the ball B_x(t), and where p(x) > 0 is continuous it is "
    "p(x) V_d t^d (1 + o(1)); but a smaller area above this cdf does not mean a larger density at x",
    statement=r"P(\|\tilde x - x\| \leq t) = \int_{B_x(t)} p_\theta = p_\theta(x)\, V_d\, t^d\, (1 + o(1))",
    source=EQUIVALENCE,
    primary="Li & Malik 2018 (recalled); Lebesgue's differentiation theorem",
    method=Certified,
    limits="The identity is checked for N(0, I_d), d ≤ 3; o(1) as the second term of the expansion at the centre.",
    resolution_of="local",
)
def distance_cdf(
    *,
    cdf=lambda d, a_squared, t: 1 - miss(a_squared, t, d).real,
    local=lambda d, density, volume, t: density * volume * t**d,
    shortfall=lambda d: Q(d, 2 * (d + 2)),
    likelier=lambda growth, area: growth,
):
    """The noncentral χ² law against a sliced integral; its ratio to p V_d t^d against 1 − d t²/(2(d + 2)); pairs."""
    with precision(BITS):
        return all_hold(cdf_parts(cdf, local, shortfall, likelier))


def cdf_parts(cdf, local, shortfall, likelier) -> Iterator[Outcome]:
    for d in (1, 2, 3):
        for a in (Q(0), Q(3, 2)):
            for t in (Q(1, 2), Q(1), Q(3)):
                yield decide_equal(cdf(d, a * a, t), sliced_mass(a, t, d), distance=1e-15, d=d, offset=a, t=t)
        for t in (Q(1, 10), Q(1, 100)):
            first = local(d, normal_density(0, d), unit_ball_volume(d), ball(t))
            ratio = sliced_mass(0, t, d) / first
            # The term after: |x|⁴/8 in the mean over the ball, d/(8(d + 4)) t⁴ at most.
            error = abs((1 - ratio) / t**2 - shortfall(d))
            yield decide_at_most(error, Q(d, 8 * (d + 4)) * t**2, d=d, t=t, ratio=ratio)
    for one, other in PAIRS:
        scores = []
        for law in (one, other):
            t = Q(1, 10**4)
            growth = (law.cdf(t) - law.cdf(-t)) / (2 * t)
            scores.append(likelier(growth, mean_distance(law)))
        if one.pdf(0) > other.pdf(0):
            yield decide_less(scores[1], scores[0])
        else:
            yield decide_less(scores[0], scores[1])


distance_cdf.printed(
    "a smaller area above the cdf is a larger density",
    where=EQUIVALENCE,
    printed="likelihood is maximised when the area above the cdf of the distance, E ‖x̃ − x‖, is minimised",
    correct="only the cdf's growth at 0 is the density: ½N(0, 0.1²) + ½N(0, 10²) has five times the density of N(0, 1) "
    "at 0 and five times the area",
    likelier=lambda growth, area: -area,
)
distance_cdf.equivalent(
    "local = lambda d, volume, density, t: density * volume * t ** d", "a product does not know its factors' order"
)
distance_cdf.mutant("p(x) V_d t^d is an equality at every t", shortfall=lambda d: Q(0))
distance_cdf.mutant("the law of the squared distance", cdf=lambda d, a_squared, t: 1 - miss(a_squared, t * t, d).real)


def cauchy_tail(r: Any) -> Any:
    """P(|X| > r) = (2/π) arccot r of the Cauchy law, as (2/π) atan(1/r)."""
    return 2 / arb.pi() * (1 / acb(r)).atan()


def cauchy_mean(m: int) -> Ball:
    """E R for m ≥ 3 Cauchy samples at the centre: ∫₀¹ 2r S^m dr + ∫₀¹ 2 S(1/t)^m t⁻³ dt, S(1/t) = (2/π) atan t ≤ t."""
    small = Q(1, 10**30)
    near = integrate(lambda r, _: 2 * r * (1 - 2 / arb.pi() * r.atan()) ** m, 0, 1)
    far = integrate(lambda t, _: 2 * (2 / arb.pi() * t.atan() / t) ** m * t ** (m - 3), small, Q(1, 10**8), 1)
    return near + far + 2 * ball(small) * arb("0.5 +/- 0.5")


def growth_of_blocks(m: int, alpha: Any) -> Ball:
    """The ratio of ∫ 2r S^m over [2^{k+1}, 2^{k+2}] to that over [2^k, 2^{k+1}], S(r) = r^{−α}: the same for every k.

    The series of blocks is geometric, so its sum is finite exactly if the ratio is below 1.
    """
    return ball(2) ** (2 - m * alpha)


@claim(
    "expected-distance-finite",
    says="With P(‖x̃‖ > r) ~ r^{−α}, E R for m samples is finite if and only if mα > 2; else IMLE's objective is "
    "infinite at every θ. Three Cauchy samples have E R = 24 log 2/π² − 1 at the centre, two have +∞",
    statement=r"E[R] = \int_0^\infty P(\|\tilde x - x\|^2 > t)^m dt < \infty \Leftrightarrow m \alpha > 2",
    source=TALK.slide("Method"),
    primary="Li & Malik 2018 (recalled) state no moment condition",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=("mα > 2, α the tail index of the model: otherwise the objective is +∞ for every θ",),
    limits="The equivalence is shown for exact power tails, and for Cauchy and Student laws; not for all regularly "
    "varying ones.",
)
def expected_distance_finite(
    *,
    mean=lambda m, alpha: 1 + 2 / (m * alpha - 2),
    finite=lambda m, alpha: m * alpha > 2,
    cauchy3=lambda pi, log_2: 24 * log_2 / pi**2 - 1,
    cauchy4=lambda pi, log_2, zeta_3: 48 * log_2 / pi**2 - 168 * zeta_3 / pi**4 - 1,
):
    """Tails r^{−α} block by block, exactly at the border; then Cauchy samples, by quadrature against closed forms."""
    with precision(BITS):
        return all_hold(finite_parts(mean, finite, cauchy3, cauchy4))


def finite_parts(mean, finite, cauchy3, cauchy4) -> Iterator[Outcome]:
    for m in (1, 2, 3, 10):
        for excess in (Q(-1), Q(-1, 100), Q(0), Q(1, 100), Q(1)):
            alpha = (2 + excess) / m
            ratio = growth_of_blocks(m, alpha)
            if not (ratio < 1 or ratio >= 1):
                yield Inconclusive(m=m, alpha=alpha, ratio=ratio)
            if bool(finite(m, alpha)) != (ratio < 1):
                yield Refuted(m=m, alpha=alpha, said_finite=bool(finite(m, alpha)), ratio_of_blocks=ratio)
            if ratio < 1:
                # S = 1 below r = 1, and the blocks from there on.
                first = 2 * (1 - ball(2) ** (2 - m * alpha)) / (m * alpha - 2)
                yield decide_equal(1 + first / (1 - ratio), mean(m, alpha), distance=1e-20, m=m, alpha=alpha)
    pi, log_2, zeta_3 = arb.pi(), arb(2).log(), arb(3).zeta()
    yield decide_equal(cauchy_mean(3), cauchy3(pi, log_2), distance=1e-20, m=3)
    yield decide_equal(cauchy_mean(4), cauchy4(pi, log_2, zeta_3), distance=1e-20, m=4)


expected_distance_finite.mutant("finite for m = 2 Cauchy samples", finite=lambda m, alpha: m * alpha >= 2)
expected_distance_finite.mutant("infinite for m = 3 Cauchy samples", finite=lambda m, alpha: m * alpha > 3)
for swapped in ("mean = lambda alpha, m: 1 + 2 / (m * alpha - 2)", "finite = lambda alpha, m: m * alpha > 2"):
    expected_distance_finite.equivalent(swapped, "only the product of m and α counts")


@expected_distance_finite.counterexample("two Cauchy samples: each factor of 10 in r adds more than 1.1 to E R")
def two_cauchy_samples() -> Outcome:
    """For r ≥ 1, S(r) = (2/π) atan(1/r) ≥ (2/π)(1/r)(π/4), so a decade adds at least ∫ dr/(2r) = ½ log 10."""
    with precision(BITS):
        decades = [integrate(lambda r, _: 2 * r * cauchy_tail(r) ** 2, 10**k, 10 ** (k + 1)) for k in range(12)]
        diverges = all(decade > ball("1.1") for decade in decades)
    return Refuted(decades=decades) if diverges else Holds(decades=decades)


@expected_distance_finite.boundary("Student's t with two degrees of freedom needs m > 1: E R = 4 log 2 − 2 for m = 2")
def student() -> Outcome:
    """P(|X| > r) = 1 − r/√(2 + r²) = 1 − u with r² = 2u²/(1 − u²), so E R = ∫ 4u (1 − u)^{m−2} (1 + u)^{−2} du."""
    with precision(BITS):
        two = integrate(lambda u, _: 4 * u / (1 + u) ** 2, 0, 1)
        # m = 1: 4u/((1 − u)(1 + u)²) ≥ ½/(1 − u) on [½, 1), whose integral to 1 − 10^{−k} grows without bound.
        one = [integrate(lambda u, _: 4 * u / ((1 - u) * (1 + u) ** 2), 0, 1 - Q(1, 10**k)) for k in (5, 10, 20)]
        if not one[0] + 5 < one[1] < one[2] - 10:
            return Refuted(m=1, cut=one)
        return decide_equal(two, 4 * arb(2).log() - 2, distance=1e-20, m=2)
