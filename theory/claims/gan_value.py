"""The inner problem of a GAN: its best discriminator, and the value that it reaches."""

from collections.abc import Iterator
from typing import Any

from theory.certified import ball, decide_equal, decide_less, jsd, log2, precision, total, xlog
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q
from theory.instances import pairs
from theory.setting import Setting
from theory.sources import BRUNA, YU

SLIDE = BRUNA.slide("Generative Adversarial Networks")

#: Mutants' values differ from the true ones by far more, and 128 bits leave radii near 1e-37.
DISTANCE = 1e-25
BITS = 128


def value(p: list, q: list, discriminator: list) -> Any:
    """V(D) = E_p log D + E_q log(1 − D), with 0 log 0 = 0."""
    return total(xlog(a, d) + xlog(b, 1 - d) for a, b, d in zip(p, q, discriminator, strict=True))


def best(optimal, p: list, q: list) -> list:
    """The formula's discriminator; ½ where neither law has mass, and any other number would do."""
    return [optimal(a, b) if a + b > 0 else Q(1, 2) for a, b in zip(p, q, strict=True)]


def discriminators(setting: Setting, k: int, count: int) -> Iterator[list]:
    """Rational discriminators, among them ones that answer 0 or 1 somewhere."""
    rng = setting.rng(1)
    for _ in range(count):
        yield [Q(int(rng.integers(0, 61)), 60) for _ in range(k)]


@claim(
    "gan-optimal-discriminator",
    says="D* = p/(p + q) maximises E_p log D + E_q log(1 − D), and is unique where p + q > 0; pointwise the "
    "integrand is (p + q)(α log γ + (1 − α) log(1 − γ)) with α = p/(p + q)",
    statement=r"D^* = \frac{p}{p + q}, \quad p \log\gamma + q \log(1-\gamma) = (p+q) (-H(\alpha) - KL(\alpha\|\gamma))",
    source=SLIDE,
    primary="Goodfellow et al. 2014, Proposition 1 (recalled)",
    method=(Exact, Certified),
)
def optimal_discriminator(
    setting,
    *,
    optimal=lambda p, q: p / (p + q),
    bracket=lambda alpha, log_gamma, log_other: alpha * log_gamma + (1 - alpha) * log_other,
    excess=lambda kl, entropy: -entropy - kl,
):
    """The stationarity p(1 − D) = qD of a strictly concave integrand in rationals, then D* against drawn D in balls."""
    with precision(BITS):
        return all_hold(
            part
            for pair in pairs(setting.rng(), setting.size(30, deep=300))
            for part in pair_parts(setting, pair.p, pair.q, optimal, bracket, excess)
        )


def pair_parts(setting: Setting, p: list, q: list, optimal, bracket, excess) -> Iterator[Outcome]:
    chosen = best(optimal, p, q)
    for a, b, d in zip(p, q, chosen, strict=True):
        if not 0 <= d <= 1 or (a + b > 0 and a * (1 - d) != b * d):
            yield Refuted(p=a, q=b, stated=d, slope=a * (1 - d) - b * d)
        if a > 0 and b > 0:
            yield from pointwise(a, b, bracket, excess)
    top = value(p, q, chosen)
    for other in discriminators(setting, len(p), 33):
        same = all(d == o or a + b == 0 for a, b, d, o in zip(p, q, chosen, other, strict=True))
        if same:
            continue
        yield decide_less(value(p, q, other), top, p=p, q=q, as_good=other)


def pointwise(p: Any, q: Any, bracket, excess) -> Iterator[Outcome]:
    """The integrand at some γ by its definition and by the two printed forms."""
    alpha = p / (p + q)
    entropy = -xlog(alpha, alpha) - xlog(1 - alpha, 1 - alpha)
    for gamma in (Q(3, 10), Q(3, 5), Q(17, 18)):
        defined = xlog(p, gamma) + xlog(q, 1 - gamma)
        kl = xlog(alpha, alpha / gamma) + xlog(1 - alpha, (1 - alpha) / (1 - gamma))
        for form in (bracket(ball(alpha), ball(gamma).log(), ball(1 - gamma).log()), excess(kl, entropy)):
            yield decide_equal(defined, (p + q) * form, distance=DISTANCE, p=p, q=q, gamma=gamma)


optimal_discriminator.printed(
    "a bracket that closes too late",
    where=SLIDE,
    printed="(p + q)(α log γ + (1 − α log(1 − γ)))",
    correct="(p + q)(α log γ + (1 − α) log(1 − γ))",
    bracket=lambda alpha, log_gamma, log_other: alpha * log_gamma + (1 - alpha * log_other),
)
optimal_discriminator.mutant("D = p/(p + 2q)", optimal=lambda p, q: p / (p + 2 * q))
optimal_discriminator.mutant("D = q/(p + q)", optimal=lambda p, q: q / (p + q))
optimal_discriminator.equivalent(
    "excess = lambda entropy, kl: -entropy - kl", "the two terms are added, so their names do not matter"
)


@optimal_discriminator.boundary("where neither law has mass every D gives the same value")
def no_mass() -> Outcome:
    p, q = [Q(1, 3), Q(2, 3), Q(0)], [Q(1, 2), Q(1, 2), Q(0)]
    values = [value(p, q, [Q(2, 5), Q(4, 7), free]) for free in (Q(0), Q(1, 2), Q(1))]
    same = all((values[0] - other).contains(0) for other in values)
    return Holds(values=values) if same else Refuted(values=values)


@claim(
    "gan-value-jsd",
    says="The best discriminator's value is 2 JSD(p, q) − log 4; the f-GAN dual of D_f = 2 JSD is that value + log 4",
    statement=r"\max_D E_p \log D + E_q \log(1 - D) = 2\,JSD(p, q) - \log 4",
    source=(SLIDE, YU.slide("Example: JS-GAN")),
    primary="Goodfellow et al. 2014, Theorem 1; Nowozin et al. 2016 (both recalled)",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=(
        "after S ← log S the dual equals D_f only with the constant log 4, which the slide drops; "
        "the argmin is the same",
        "the maximum is over D with values in [0, 1], ends included: for disjoint supports no D in (0, 1) attains it",
    ),
)
def value_is_jsd(
    setting,
    *,
    reached=lambda divergence, log_2: 2 * divergence - 2 * log_2,
    dual=lambda real, fake, log_2: real + fake + 2 * log_2,
):
    """V(D*) by definition against the formula; then the f-GAN dual at drawn S against its own rewriting."""
    with precision(BITS):
        return all_hold(
            part
            for pair in pairs(setting.rng(), setting.size(60, deep=600))
            for part in value_parts(setting, pair.p, pair.q, reached, dual)
        )


def value_parts(setting: Setting, p: list, q: list, reached, dual) -> Iterator[Outcome]:
    star = best(lambda a, b: a / (a + b), p, q)
    stated = reached(jsd(p, q), log2())
    yield decide_equal(value(p, q, star), stated, distance=DISTANCE, p=p, q=q)
    for drawn in discriminators(setting, len(p), 2):
        scores = [s if 0 < s < 1 else Q(1, 2) for s in drawn]
        real = total(xlog(a, s) for a, s in zip(p, scores, strict=True))
        fake = total(xlog(b, 1 - s) for b, s in zip(q, scores, strict=True))
        # E_p T − E_q f*(T) at T = log S, with f*(t) = −log(1 − e^t) − log 4 for t < 0.
        conjugates = [-(1 - ball(s).log().exp()).log() - 2 * log2() for s in scores]
        bound = real - total(ball(b) * c for b, c in zip(q, conjugates, strict=True))
        yield decide_equal(bound, dual(real, fake, log2()), distance=DISTANCE, p=p, q=q, scores=scores)


value_is_jsd.printed(
    "the dual without log 4",
    where=YU.slide("Example: JS-GAN"),
    printed="D_f = max_S E_p log S + E_q log(1 − S), after S ← log S",
    correct="D_f = max_S E_p log S + E_q log(1 − S) + log 4",
    dual=lambda real, fake, log_2: real + fake,
)
value_is_jsd.mutant("value = JSD", reached=lambda divergence, log_2: divergence)
value_is_jsd.mutant("value = 2 JSD", reached=lambda divergence, log_2: 2 * divergence)
value_is_jsd.mutant("value = 2 JSD − log 2", reached=lambda divergence, log_2: 2 * divergence - log_2)
value_is_jsd.equivalent(
    "dual = lambda fake, real, log_2: real + fake + 2 * log_2", "the two terms are added, so their names do not matter"
)


@value_is_jsd.counterexample("disjoint supports: no D with values inside (0, 1) reaches the value 0")
def not_attained_inside() -> Outcome:
    p, q = [Q(1), Q(0)], [Q(0), Q(1)]
    inside = value(p, q, [1 - Q(1, 10**9), Q(1, 10**9)])
    return Refuted(value_inside=inside, supremum=0) if inside < 0 else Holds(value_inside=inside)
