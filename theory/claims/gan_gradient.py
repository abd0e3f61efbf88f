"""The generator's gradient once the discriminator is optimal: zero for a finite sample, not for densities."""

from collections.abc import Iterator
from itertools import pairwise, product
from typing import Any

from theory.certified import Ball, ball, decide_equal, decide_less, integrate, log2, normal_pdf, precision, total, xlog
from theory.claim import Certified, Exact, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals
from theory.instances import Mixture, Normal
from theory.setting import Setting
from theory.sources import BRUNA, POSTER, TALK

BITS = 64
DATA = rationals(("-1", "1/5", "17/10"))


def best_value(p: list, q: list) -> Ball:
    """max_D V over discriminators without restriction; 0 exactly for disjoint supports."""
    return total(xlog(a, a / (a + b)) + xlog(b, b / (a + b)) for a, b in zip(p, q, strict=True) if a + b > 0)


def value_of_supports(real: list, fake: list) -> Ball:
    """max_D V for uniform laws on two lists of rational points."""
    points = list({*real, *fake})
    return best_value(*([Q(side.count(x), len(side)) for x in points] for side in (real, fake)))


def slope_by_densities(p: Any, theta: Any, *ends: Any) -> Ball:
    """d/dθ JSD(p, N(θ, 1)) = −½ ∫ (x − θ) q log(1 + p/q) dx, since ∫ ∂q/∂θ log q is that of an entropy, 0."""
    q = Normal(theta)

    def f(x: Any, analytic: bool) -> Any:
        return -(x - ball(theta)) * q.pdf(x) * (1 + p.pdf(x) / q.pdf(x)).log(analytic=analytic) / 2

    return integrate(f, *ends)


def slope_of_smoothed(width: Any, theta: Any) -> Ball:
    """The same for the data blurred by N(0, ε²).

    Beyond 12ε of a datum q log(1 + p/q) ≤ p is below e⁻⁷² in all, and is left to the radius.
    """
    p = Mixture((Q(1, 3),) * 3, tuple(Normal(x, width) for x in DATA))
    ends = sorted(x + k * width for x in DATA for k in range(-12, 13, 3))
    # Ends farther apart than three widths have no datum between or near them.
    around = [slope_by_densities(p, theta, a, b) for a, b in pairwise(ends) if 0 < b - a <= 3 * width]
    return total(around) + ball("0 +/- 1e-28")


def peak(a: Any) -> Ball:
    """∫ log(1 + φ(u)/(3a)) du: a datum of weight 1/3, in widths, with a = ε q(x); the tail as above."""
    f = lambda u, analytic: (1 + normal_pdf(u) / (3 * a)).log(analytic=analytic)  # noqa: E731
    return integrate(f, *range(-12, 13, 3)) + ball("0 +/- 1e-28")


def constant_for(what: str) -> Outcome:
    """Whether max_D V is constant in θ there: a difference or a slope that excludes 0 refutes."""
    if what == "densities that overlap":
        moved = slope_by_densities(Normal(0), Q(1), *range(-12, 15, 2)) + ball("0 +/- 1e-28")
        return decide_equal(moved, 0, distance=Q(1, 100), slope=moved)
    if what == "a generator with an atom that meets a datum":
        values = [best_value([Q(1), Q(0)], [atom, 1 - atom]) for atom in (Q(0), Q(1, 10))]
        return decide_equal(values[0], values[1], distance=Q(1, 100), values=values)
    # A logistic discriminator σ(ax + c) on data ±1: at equal means D ≡ ½ is best, by concavity, with −log 4.
    # A model moved to 3 ± 1 is told apart at least by a = −1, c = 3/2.
    guess = lambda x: 1 / (1 + (ball(x) - Q(3, 2)).exp())  # noqa: E731
    value = total(guess(x).log() / 2 for x in (-1, 1)) + total((1 - guess(x)).log() / 2 for x in (2, 4))
    return decide_less(value, -2 * log2(), moved=value)


REGIMES = (
    "densities that overlap",
    "a generator with an atom that meets a datum",
    "a logistic discriminator",
)


@claim(
    "gan-zero-gradient",
    says="For a finite sample, a generator without atoms and an unrestricted discriminator max_D V = 0 whatever θ, so "
    "its gradient is zero; with finitely many latents zⱼ it is zero but where a sample meets a datum, for az + θ at "
    "θ = xᵢ − azⱼ. Blurred by ε the gradient is −½ ε Σᵢ (xᵢ − θ) q(xᵢ) ∫ log(1 + φ(u)/(nε q(xᵢ))) du to first order",
    statement=r"\max_D V(\hat p_n, G_\theta) = 0\ \forall\theta \;\Rightarrow\; \nabla_\theta \max_D V = 0",
    source=(
        TALK.slide("Problems of GANs"),
        BRUNA.slide("Generative Adversarial Training"),
        POSTER.slide("Introduction"),
    ),
    primary="Sinn & Rawat 2017; Arjovsky & Bottou 2017 (both recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=(
        "the real side is a finite sample, or the two laws are mutually singular for all θ",
        "the discriminator is unrestricted",
    ),
    resolution_of="leading",
    limits="The first-order formula is held to a relative error of ε at four widths ε, for N(θ, 1) at θ = ½.",
)
def zero_gradient(
    setting,
    *,
    leading=lambda x, theta, eps: (theta - x) * eps * normal_pdf(x - theta) * peak(eps * normal_pdf(x - theta)) / 2,
    collision=lambda x, moved: x - moved,
    regime="a finite sample",
):
    """Supports of rational points for the exact part; integrals with proved tails for the blurred sample."""
    with precision(BITS):
        if regime in REGIMES:
            return constant_for(regime)
        return all_hold((*collision_parts(setting, collision), *blurred_parts(setting, leading)))


def collision_parts(setting: Setting, collision) -> Iterator[Outcome]:
    """max_D V at all θ where a sample may meet a datum, and at points around each: below 0 there, and 0 elsewhere."""
    latents, slope = rationals(("-1/2", "1/3", "2")), Q(3, 2)
    exceptional = {collision(x, slope * z) for x, z in product(DATA, latents)}
    if len(exceptional) > len(DATA) * len(latents):
        yield Refuted(exceptional=exceptional)
    offsets = [Q(0), *(sign * Q(1, 10**k) for k in setting.size((1, 9), deep=range(1, 40)) for sign in (1, -1))]
    for theta in exceptional:
        for offset in offsets:
            here = theta + offset
            value = value_of_supports(DATA, [slope * z + here for z in latents])
            meets = bool({slope * z + here for z in latents} & set(DATA))
            if meets != (here in exceptional):
                yield Refuted(theta=here, a_sample_meets_a_datum=meets)
            yield decide_less(value, 0, theta=here) if meets else decide_equal(value, 0, distance=1e-9, theta=here)


def blurred_parts(setting: Setting, leading) -> Iterator[Outcome]:
    theta = Q(1, 2)
    for eps in (Q(1, 10), Q(1, 100), Q(1, 1000), Q(1, 10**4)):
        true = slope_of_smoothed(eps, theta)
        stated = total(leading(ball(x), ball(theta), ball(eps)) for x in DATA)
        yield decide_less(abs(true - stated), true * ball(eps), eps=eps, slope=true, stated=stated)


for name in REGIMES:
    zero_gradient.mutant(f"zero for {name}", regime=name)


@zero_gradient.counterexample("N(0, 1) against N(θ, 1): the slope of JSD at θ = 1 is 0.199")
def population() -> Outcome:
    with precision(BITS):
        return constant_for("densities that overlap")


@zero_gradient.boundary("the gradient of the blurred sample falls like ε (log 1/ε)^(3/2), not like ε log 1/ε")
def rate() -> Outcome:
    """Its ratio to ε log(1/ε) is 0.12, 0.15, 0.18, 0.21 at ε = 10⁻¹ … 10⁻⁴, and passes ¼ before ε = 10⁻⁷."""
    with precision(BITS):
        ratios = []
        for eps in (Q(1, 10**k) for k in (1, 2, 3, 4, 7)):
            ratios.append(slope_of_smoothed(eps, Q(1, 2)) / (ball(eps) * -ball(eps).log()))
        rises = all_hold(decide_less(a, b, ratios=ratios) for a, b in pairwise(ratios))
        return all_hold((rises, decide_less(ratios[3], Q(1, 4)), decide_less(Q(1, 4), ratios[4])))
