"""What a GAN's discriminator minimises: the sign of its loss, and in what sense it is a logistic regression."""

from collections.abc import Iterator
from typing import Any

from theory.certified import ball, decide_equal, decide_less, log2, precision, total
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, dot, rationals
from theory.instances import pairs
from theory.setting import Setting
from theory.sources import BRUNA, YU

LOSS = BRUNA.slide("Kantorovich Duality")
BITS = 128
#: 128 bits leave radii near 1e-37.
DISTANCE = 1e-25


def loss_of(cell, p: list, q: list, d: list) -> Any:
    """Σ of a loss by cells; those without mass are left out."""
    return total(cell(ball(a), ball(b), ball(g)) for a, b, g in zip(p, q, d, strict=True) if a + b > 0)


@claim(
    "gan-discriminator-loss-sign",
    says="The discriminator's loss is −E_p log D − E_q log(1 − D): it is never negative, D* = p/(p + q) minimises it, "
    "and at q = p it is log 4",
    statement=r"L(D) = -E_p \log D - E_q \log(1 - D)",
    source=LOSS,
    primary="Goodfellow et al. 2014 (recalled)",
    method=(Exact, Certified),
    verdict="FALSE",
)
def discriminator_loss(setting, *, cell=lambda p, q, d: -p * d.log() - q * (1 - d).log()):
    """Drawn D, all inside (0, 1), must lose more than D*; constants 1 − ε must not lose less than nothing."""
    with precision(BITS):
        return all_hold(loss_parts(setting, cell))


def loss_parts(setting: Setting, cell) -> Iterator[Outcome]:
    rng = setting.rng(1)
    for pair in pairs(setting.rng(), setting.size(60, deep=600)):
        p, q = pair.p, pair.q
        if not loss_of(cell, p, q, [Q(1, 2)] * len(p)).is_finite():
            yield Refuted(reason="the formula has no real value at D ≡ ½")
        yield decide_equal(loss_of(cell, p, p, [Q(1, 2)] * len(p)), 2 * log2(), distance=DISTANCE, p=p)
        for epsilon in (Q(1, 2), Q(1, 1000), Q(1, 10**9)):
            yield decide_less(0, loss_of(cell, p, q, [1 - epsilon] * len(p)), D=1 - epsilon)
        if all(a > 0 and b > 0 for a, b in zip(p, q, strict=True)):
            best = [a / (a + b) for a, b in zip(p, q, strict=True)]
            drawn = [Q(int(rng.integers(1, 60)), 60) for _ in p]
            if drawn != best:
                yield decide_less(loss_of(cell, p, q, best), loss_of(cell, p, q, drawn), p=p, q=q, better=drawn)


discriminator_loss.printed(
    "the second sign",
    where=LOSS,
    printed="−E_{p_r} log D(x) + E_{p_m} log(1 − D(x))",
    correct="−E_{p_r} log D(x) − E_{p_m} log(1 − D(x))",
    cell=lambda p, q, d: -p * d.log() + q * (1 - d).log(),
)
discriminator_loss.mutant("both signs plus", cell=lambda p, q, d: p * d.log() + q * (1 - d).log())


@discriminator_loss.counterexample("as printed the loss has no lower bound: along D = 1 − ε it is 0, −6.9, −20.7, …")
def unbounded() -> Outcome:
    values = [(-ball(1 - e).log() + ball(e).log()) for e in (Q(1, 2), Q(1, 10**3), Q(1, 10**9), Q(1, 10**300))]
    falls = values[0].contains(0) and values[1] < -6 and values[2] < -20 and values[3] < -690
    return Refuted(values=values) if falls else Holds(values=values)


def argmax_by_slope(real: Any, fake: Any) -> Any:
    """The S at which real log S + fake log(1 − S) has slope zero: real (1 − S) = fake S."""
    return real / (real + fake)


def counts(setting: Setting) -> Iterator[tuple[list[int], list[int]]]:
    """Counts of real and generated points in the cells of a finite space; n = m in every third problem."""
    rng = setting.rng()
    for index in range(setting.size(60, deep=600)):
        size = int(rng.integers(2, 6))
        real, fake = ([int(c) for c in rng.integers(0, 9, size)] for _ in range(2))
        real[0] += 1
        fake[-1] += 1
        if index % 3 == 0:
            fake[0] += max(sum(real) - sum(fake), 0)
            real[0] += max(sum(fake) - sum(real), 0)
        yield real, fake


@claim(
    "gan-logistic-regression",
    says="The inner maximum is minus the logistic loss of labels ±1 with each class averaged by itself, which "
    "S = α = p/(p + q) minimises; one logistic regression of all n + m points has the optimum "
    "α/(α + (1 − α) m/n) = n p/(n p + m q) instead",
    statement=r"\arg\max_S \frac{1}{n}\sum_i \log S(x_i) + \frac{1}{m}\sum_j \log(1 - S(y_j)) = \frac{p}{p+q}, "
    r"\quad \mathrm{pooled:}\ \frac{n p}{n p + m q}",
    source=YU.slide("Interpreting JS-GAN"),
    primary="Goodfellow et al. 2014 (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("each class is averaged by itself; pooled logistic regression agrees only if n = m",),
    priority="P2",
)
def logistic_regression(
    setting,
    *,
    balanced=lambda p, q: p / (p + q),
    pooled=lambda alpha, fakes_per_real: alpha / (alpha + (1 - alpha) * fakes_per_real),
    loss=lambda margin: (1 + (-margin).exp()).log(),
):
    """Counts on finite spaces, the argmax cell by cell in rationals; then −log S as the logistic loss of a label."""
    for real, fake in counts(setting):
        n, m = sum(real), sum(fake)
        for a, b in zip(real, fake, strict=True):
            if a + b == 0:
                continue
            p, q = Q(a, n), Q(b, m)
            if balanced(p, q) != argmax_by_slope(p, q):
                return Refuted(real=a, fake=b, n=n, m=m, stated=balanced(p, q), optimum=argmax_by_slope(p, q))
            together = argmax_by_slope(Q(a), Q(b))
            stated = pooled(p / (p + q), Q(m, n))
            if stated != together:
                return Refuted(real=a, fake=b, n=n, m=m, stated=stated, optimum=together)
    with precision(BITS):
        return all_hold(label_parts(loss))


def label_parts(loss) -> Iterator[Outcome]:
    """With the score log(S/(1 − S)), −log S is the loss of the label 1 and −log(1 − S) that of −1."""
    for s in rationals(("1/10", "1/2", "9/10")):
        score = (ball(s) / ball(1 - s)).log()
        yield decide_equal(-ball(s).log(), loss(score), distance=DISTANCE, S=s, y=1)
        yield decide_equal(-ball(1 - s).log(), loss(-score), distance=DISTANCE, S=s, y=-1)


logistic_regression.mutant("pooled regression has the optimum p/(p + q)", pooled=lambda alpha, fakes_per_real: alpha)
logistic_regression.mutant("real points have the label −1", loss=lambda margin: (1 + margin.exp()).log())
logistic_regression.mutant("S is the probability of a generated point", balanced=lambda p, q: q / (p + q))


@logistic_regression.counterexample("one real and three generated points at one place: pooled ¼, balanced ½")
def unequal_numbers() -> Outcome:
    both = argmax_by_slope(Q(1), Q(3)), argmax_by_slope(Q(1), Q(1))
    return Refuted(pooled=both[0], balanced=both[1]) if both[0] != both[1] else Holds(optimum=both[0])


@logistic_regression.boundary("n = m: the two losses are proportional and have one optimum")
def equal_numbers() -> Outcome:
    real, fake = rationals(("1/4", "3/4")), rationals(("1/2", "1/2"))
    same = all(argmax_by_slope(4 * a, 4 * b) == argmax_by_slope(a, b) for a, b in zip(real, fake, strict=True))
    return Holds(mass=dot(real, [1, 1])) if same else Refuted(real=real, fake=fake)
