"""Gradient descent–ascent on min_x max_y σxy and on the Dirac GAN, in rationals; s = ησ is step size times coupling."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from theory.claim import Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals
from theory.setting import Setting
from theory.sources import BRUNA, TALK

PROBLEMS = TALK.slide("Problems of GANs")
#: Products s of step size and coupling, near enough to 1 and 2 that a threshold 1 % off is seen.
STEPS = rationals(("1/10", "1/2", "199/200", "1", "201/200", "199/100", "2", "201/100", "3"))


def simultaneously(x: Any, y: Any, s: Any) -> tuple[Any, Any]:
    return x - s * y, y + s * x


def alternately(x: Any, y: Any, s: Any) -> tuple[Any, Any]:
    x = x - s * y
    return x, y + s * x


def extragradient(x: Any, y: Any, s: Any) -> tuple[Any, Any]:
    ahead_x, ahead_y = simultaneously(x, y, s)
    return x - s * ahead_y, y + s * ahead_x


def path(step, x: Any, y: Any, s: Any) -> Iterator[tuple[Any, Any]]:
    while True:
        yield x, y
        x, y = step(x, y, s)


def matrix(step, s: Any) -> tuple[Any, Any, Any, Any]:
    """(a, b, c, d) of the linear map (x, y) ↦ (ax + by, cx + dy)."""
    (a, c), (b, d) = step(Q(1), Q(0), s), step(Q(0), Q(1), s)
    return a, b, c, d


def stays_bounded(step, s: Any) -> bool:
    """Whether the powers of a real 2 × 2 map of determinant 1 are bounded: |trace| < 2, or ± the identity."""
    a, b, c, d = matrix(step, s)
    assert a * d - b * c == 1
    return abs(a + d) < 2 or (b == c == 0 and abs(a) == 1)


@claim(
    "gda-bilinear",
    says="On σxy, with s = ησ, a simultaneous step multiplies ‖z‖² by 1 + s², so it leaves the stationary point for "
    "every η > 0; alternating steps have determinant 1, trace 2 − s² and the invariant x² + y² − sxy, bounded iff "
    "s < 2; extragradient multiplies by 1 − s² + s⁴ and converges iff s < 1. An Euler step of the Dirac GAN "
    "multiplies by 1 + η²f′(ψθ)²; with the penalty R1 the eigenvalues of its flow are (−γ ± √(γ² − 1))/2",
    statement=r"\|z_{k+1}\|^2 = (1 + \eta^2\sigma^2) \|z_k\|^2, \quad x^2 + y^2 - \eta\sigma x y = \mathrm{const}, "
    r"\quad \lambda = \frac{-\gamma \pm \sqrt{\gamma^2 - 1}}{2}",
    source=(PROBLEMS, TALK.slide("Generative Adversarial Nets"), BRUNA.slide("Generative Adversarial Networks")),
    primary="Mescheder et al. 2017 and 2018; Korpelevich 1976 (all recalled)",
    method=Exact,
    verdict="FALSE",
    limits="Counterexamples to a guarantee; nothing is said of how often training fails.",
)
def gda_bilinear(
    setting,
    *,
    simultaneous=lambda s: 1 + s**2,
    trace=lambda s: 2 - s**2,
    cross=lambda s: -s,
    bounded=lambda s: s < 2,
    ahead=lambda s: 1 - s**2 + s**4,
    converges=lambda s: s < 1,
    eigenvalue=lambda gamma, root: (root - gamma) / 2,
    radicand=lambda gamma: gamma**2 - 1,
    reaches_a_stationary_point=False,
):
    """Rational trajectories, whose norms and invariants are compared exactly, and characteristic polynomials."""
    return all_hold(
        (
            *simultaneous_parts(setting, simultaneous, reaches_a_stationary_point),
            *alternating_parts(setting, trace, cross, bounded),
            *extragradient_parts(ahead, converges),
            *dirac_parts(simultaneous, eigenvalue, radicand),
        )
    )


def simultaneous_parts(setting: Setting, factor, reaches: bool) -> Iterator[Outcome]:
    for s in STEPS:
        norms = [x**2 + y**2 for x, y in islice(path(simultaneously, Q(3), Q(-1), s), 60)]
        if any(norm != norms[0] * factor(s) ** k for k, norm in enumerate(norms)):
            yield Refuted(s=s, stated_factor=factor(s), after_one_step=norms[1] / norms[0])
        if reaches is (norms[-1] > norms[0] > 0):
            yield Refuted(s=s, said_to_converge=reaches, squared_distance=(norms[0], norms[-1]))
    yield Holds()


def alternating_parts(setting: Setting, trace, cross, bounded) -> Iterator[Outcome]:
    for s in STEPS:
        a, b, c, d = matrix(alternately, s)
        if (a + d, a * d - b * c) != (trace(s), 1):
            yield Refuted(s=s, trace=a + d, stated=trace(s), determinant=a * d - b * c)
        if stays_bounded(alternately, s) != bounded(s):
            yield Refuted(s=s, said_to_be_bounded=bounded(s), trace=a + d)
    s = Q(1, 10)
    for x, y in islice(path(alternately, Q(3), Q(-1), s), setting.size(300, deep=1000)):
        if x**2 + y**2 + cross(s) * x * y != 10 - 3 * cross(s):
            yield Refuted(s=s, x=x, y=y, cross_term=cross(s))
    yield Holds()


def extragradient_parts(factor, converges) -> Iterator[Outcome]:
    for s in STEPS:
        (x, y), (u, v) = islice(path(extragradient, Q(3), Q(-1), s), 2)
        true = (u**2 + v**2) / (x**2 + y**2)
        if true != factor(s) or (true < 1) != converges(s):
            yield Refuted(s=s, factor=true, stated=factor(s), said_to_converge=converges(s))
    yield Holds()


def dirac_parts(factor, eigenvalue, radicand) -> Iterator[Outcome]:
    """The Dirac GAN's loss f(ψθ): θ descends and ψ ascends with slopes ψf′ and θf′; at the equilibrium f′(0) = ½."""
    for slope in rationals(("1/2", "-1/3", "7/10")):
        theta, psi = Q(2), Q(-3)
        flow = -psi * slope, theta * slope
        if theta * flow[0] + psi * flow[1] != 0:
            yield Refuted(reason="the flow does not conserve θ² + ψ²")
        for eta in rationals(("1/10", "2")):
            moved = theta + eta * flow[0], psi + eta * flow[1]
            true = (moved[0] ** 2 + moved[1] ** 2) / (theta**2 + psi**2)
            if true != factor(eta * slope):
                yield Refuted(eta=eta, slope=slope, factor=true, stated=factor(eta * slope))
    # The flow's Jacobian with R1 is [[0, −½], [½, −γ]]: λ² + γλ + ¼ = 0, and γ = 0 gives ±i/2.
    for gamma in rationals(("0", "3/5", "1", "5/4", "5/3")):
        determinant = Q(1, 4)
        if radicand(gamma) != gamma**2 - 4 * determinant:
            yield Refuted(gamma=gamma, radicand=radicand(gamma), discriminant=gamma**2 - 4 * determinant)
    for gamma, root in ((Q(1), Q(0)), (Q(5, 4), Q(3, 4)), (Q(5, 3), Q(4, 3)), (Q(5, 4), Q(-3, 4))):
        found = eigenvalue(gamma, root)
        if found**2 + gamma * found + Q(1, 4) != 0 or not found < 0:
            yield Refuted(gamma=gamma, eigenvalue=found)
    yield Holds()


gda_bilinear.printed(
    "a stationary point is guaranteed",
    where=PROBLEMS,
    printed="Gradient descent–ascent … is only guaranteed to find a stationary point",
    correct="it is not guaranteed even that: on xy simultaneous steps move away from the only stationary point",
    reaches_a_stationary_point=True,
)
gda_bilinear.mutant("simultaneous steps keep the distance", simultaneous=lambda s: Q(1))
gda_bilinear.mutant("alternating steps contract", trace=lambda s: 2 - s**2 - s)
gda_bilinear.mutant("alternating steps stay bounded at s = 2", bounded=lambda s: s <= 2)
gda_bilinear.mutant("extragradient contracts at s = 1", converges=lambda s: s <= 1)
gda_bilinear.mutant("R1 leaves the real part 0", eigenvalue=lambda gamma, root: root / 2)


@gda_bilinear.counterexample("η = 1/10 on xy: |z_k|² = (101/100)^k |z₀|², away from the only stationary point 0")
def away_from_zero() -> Outcome:
    *_, (x, y) = islice(path(simultaneously, Q(1), Q(0), Q(1, 10)), 101)
    left = x**2 + y**2 == Q(101, 100) ** 100
    return Refuted(x_after_100=x, y_after_100=y) if left else Holds(x=x, y=y)


@gda_bilinear.boundary("xy + (x² − y²)/10: strongly convex–concave, and small simultaneous steps contract")
def strongly_monotone() -> Outcome:
    eta, epsilon = Q(1, 10), Q(1, 5)
    factors = []
    for x, y in ((Q(1), Q(0)), (Q(2), Q(-3))):
        u, v = x - eta * (y + epsilon * x), y + eta * (x - epsilon * y)
        factors.append((u**2 + v**2) / (x**2 + y**2))
    expected = (1 - eta * epsilon) ** 2 + eta**2
    return Holds(factor=expected) if factors == [expected] * 2 and expected < 1 else Refuted(factors=factors)


@gda_bilinear.boundary("alternating at s = 2: a Jordan block, and the distance grows like the number of steps")
def jordan_block() -> Outcome:
    xs = [x for x, _ in islice(path(alternately, Q(1), Q(0), Q(2)), 50)]
    linear = all(abs(x) == abs(1 - 2 * k) or abs(x) == 2 * k + 1 for k, x in enumerate(xs))
    return Holds(last=xs[-1]) if linear and abs(xs[-1]) > 90 else Refuted(xs=xs)
