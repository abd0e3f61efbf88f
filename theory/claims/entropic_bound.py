"""Entropic GANs as likelihood models: the lower bound, and which entropy stands in it."""

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

from flint import arb

from theory import entropic_gaussian as scalar
from theory.certified import Ball, ball, decide_at_most, decide_equal, decide_less, integrate, precision, total, xlog
from theory.claim import Certified, Inconclusive, Outcome, Refuted, all_hold, claim
from theory.entropic_code import colder, decide_code, half_the_slope, likelihood_itself, narrow_margin, without_entropy
from theory.exact import Q
from theory.exact import total as exact_total
from theory.instances import pmf
from theory.setting import Setting
from theory.sources import BALAJI

LOWER_BOUND = BALAJI.slide("The lower bound")
PRIMAL = BALAJI.slide("Entropic GAN: primal and dual")
BITS = 128
#: Gaps that are not 0 are larger by far; radii near 1e-35.
DISTANCE = 1e-20


def circle_loss(y: int, at: int) -> Any:
    """The squared distance of two points of ℤ₅ around the circle: it depends on y − at, so C is the same at every x."""
    return Q(min((y - at) % 5, (at - y) % 5) ** 2)


def interval_loss(y: int, at: int) -> Any:
    """(y − at)² on {0, …, 4}: near the ends there are fewer neighbours, and C depends on x."""
    return Q((y - at) ** 2)


class Scene:
    """X on four points, G into {0, …, 4}, f(y|x) = C(x) e^{−ℓ(y, G(x))/λ}, and a coupling π of Y and X."""

    def __init__(self, images: list[int], temperature: Any, loss: Any, coupling: list[list]):
        self.images, self.temperature, self.loss, self.coupling = images, temperature, loss, coupling
        self.law_y = [exact_total(row) for row in coupling]
        self.law_x = [exact_total(row[x] for row in coupling) for x in range(4)]

    def kernel(self, y: int, x: int) -> Ball:
        return (-ball(self.loss(y, self.images[x])) / ball(self.temperature)).exp()

    def constant(self, x: int) -> Ball:
        """C(x) = 1/Σ_y e^{−ℓ(y, G(x))/λ}."""
        return 1 / total(self.kernel(y, x) for y in range(5))

    def log_likelihood(self) -> Ball:
        """E log f_Y(Y), f_Y(y) = Σ_x P_X(x) f(y|x)."""
        found = arb(0)
        for y, mass in enumerate(self.law_y):
            if mass > 0:
                density = total(self.law_x[x] * self.constant(x) * self.kernel(y, x) for x in range(4))
                found += ball(mass) * density.log()
        return found

    def mean_loss(self) -> Any:
        return exact_total(self.coupling[y][x] * self.loss(y, self.images[x]) for y in range(5) for x in range(4))

    def divergence_from_product(self) -> Ball:
        """KL(π‖P_Y ⊗ P_X), which with finite entropies is H(P_Y) + H(P_X) − H(π)."""
        return total(
            xlog(self.coupling[y][x], self.coupling[y][x] / (self.law_y[y] * self.law_x[x]))
            for y in range(5) for x in range(4) if self.coupling[y][x] > 0
        )  # fmt: skip

    def mean_gap(self) -> Ball:
        """E_{P_Y} KL(π(x|y)‖f(x|y)), f(x|y) ∝ P_X(x) f(y|x)."""
        found = arb(0)
        for y in range(5):
            parts = [self.law_x[x] * self.constant(x) * self.kernel(y, x) for x in range(4)]
            for x in range(4):
                if self.coupling[y][x] > 0:
                    share = ball(self.coupling[y][x])
                    found += share * (share / self.law_y[y] * total(parts) / parts[x]).log()
        return found


def scenes(setting: Setting, loss: Any) -> Iterator[Scene]:
    rng = setting.rng()
    for _ in range(setting.size(40, deep=500)):
        images, joint = [int(k) for k in rng.integers(0, 5, size=4)], pmf(rng, 20, zeros=0.3)
        coupling = [joint[4 * y : 4 * y + 4] for y in range(5)]
        yield Scene(images, Q(int(rng.integers(1, 9)), 2), loss, coupling)


LOSSES = {"circle": circle_loss, "interval": interval_loss}


@claim(
    "entropic-lower-bound",
    says="With f(y|x) = C e^{−ℓ(y, G(x))/λ}, C the same at every x: for every coupling π of Y and X, "
    "E log f_Y(Y) ≥ log C − E_π ℓ/λ − KL(π‖P_Y ⊗ P_X), and the gap is E KL(π(x|y)‖f(x|y))",
    statement=r"E \log f_Y(Y) \geq \log C - \frac{1}{\lambda} E_\pi\, \ell(Y, G(X)) - KL(\pi \| P_Y \otimes P_X)",
    source=(LOWER_BOUND, BALAJI.slide("The density model")),
    primary="Balaji, Hassani, Chellappa & Feizi 2019, Theorem 1 (recalled)",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=(
        "C does not depend on x, as for a shift-invariant loss on all of ℝᵈ: else E log C(X) takes its place",
        "the entropy is that of (Y, X), or KL to the product in its place",
    ),
    limits="The project's surrogate is run on pairs of points and on Gaussians; its entropic GAN is not trained here.",
)
def lower_bound(
    setting,
    *,
    bound=lambda log_c, loss, temperature, divergence: log_c - loss / temperature - divergence,
    loss="circle",
    samples=None,
    gaussian=None,
):
    """Drawn couplings on ℤ₅ × 4 points, where bound + gap = likelihood; Gaussian couplings of Y and X; then the
    project's surrogate, whose certificate must hold the best coupling's value and which the likelihood must exceed."""
    with precision(BITS):
        parts = chain(bound_parts(setting, bound, loss), decide_code(setting, bound, samples, gaussian))
        return all_hold(parts)


def bound_parts(setting: Setting, bound, loss: str) -> Iterator[Outcome]:
    for scene in scenes(setting, LOSSES[loss]):
        log_c, divergence = scene.constant(0).log(), scene.divergence_from_product()
        stated = bound(log_c, ball(scene.mean_loss()), ball(scene.temperature), divergence)
        likelihood = scene.log_likelihood()
        yield decide_equal(likelihood - scene.mean_gap(), stated, distance=DISTANCE, images=scene.images)
    rng = setting.rng(1)
    for _ in range(setting.size(100, deep=20_000)):
        g, s, temperature = (Q(int(k), 10) for k in rng.integers(1, 40, size=3))
        rho = Q(int(rng.integers(-19, 20)), 20)
        likelihood = scalar.log_likelihood(g, s, temperature)
        stated = bound(
            scalar.log_constant(temperature),
            scalar.mean_loss(g, s, rho),
            ball(temperature),
            scalar.divergence_from_product(rho),
        )
        gap = scalar.mean_gap(g, s, temperature, rho)
        yield decide_equal(likelihood - gap, stated, distance=DISTANCE, g=g, s=s, temperature=temperature, rho=rho)


lower_bound.mutant(
    "without the entropy term", bound=lambda log_c, loss, temperature, divergence: log_c - loss / temperature
)
lower_bound.mutant(
    "λ/2 in place of λ",
    bound=lambda log_c, loss, temperature, divergence: log_c - loss / (temperature / 2) - divergence,
)
lower_bound.mutant("C(x) taken for a constant: a loss on a bounded interval", loss="interval")
lower_bound.mutant("the project's sample bound with λ/2", samples=colder)
lower_bound.mutant("the project's sample bound without its coupling: the likelihood itself", samples=likelihood_itself)
lower_bound.mutant("the project's Gaussian bound without the entropy of the coupling", gaussian=without_entropy)
lower_bound.mutant("the project's Gaussian bound with half the slope", gaussian=half_the_slope)
lower_bound.mutant("the project's Gaussian bound with a margin by √condition", gaussian=narrow_margin)


@lower_bound.counterexample(
    "(y − x)² on {0, …, 4}, G(x) = 0 or 2, Y = 2: with log C(0) the bound exceeds the likelihood"
)
def constant_that_varies() -> Outcome:
    """Fewer points are near the end 0 than near 2, so C is larger there."""
    nowhere = [Q(0)] * 4
    middle = [Q(1, 100), Q(33, 100), Q(33, 100), Q(33, 100)]
    scene = Scene([0, 2, 2, 2], Q(4), interval_loss, [nowhere, nowhere, middle, nowhere, nowhere])
    with precision(BITS):
        stated = scene.constant(0).log() - ball(scene.mean_loss()) / scene.temperature - scene.divergence_from_product()
        likelihood = scene.log_likelihood()
    found = {"bound": stated, "log_likelihood": likelihood}
    return Refuted(**found) if stated > likelihood else Inconclusive(**found)


@lower_bound.boundary("where C depends on x, E log C(X) in its place gives a lower bound again")
def varying_constant(setting: Setting) -> Outcome:
    with precision(BITS):
        outcomes = []
        for scene in scenes(setting, interval_loss):
            log_c = total(ball(mass) * scene.constant(x).log() for x, mass in enumerate(scene.law_x) if mass > 0)
            stated = log_c - ball(scene.mean_loss()) / scene.temperature - scene.divergence_from_product()
            gap = scene.log_likelihood() - stated
            outcomes.append(decide_equal(scene.mean_gap(), gap, distance=DISTANCE))
            outcomes.append(decide_at_most(0, gap + ball("1e-30")))
        return all_hold(outcomes)


def joint_entropy(first: Any, second: Any, rho: Any) -> Ball:
    """H of a Gaussian pair with these variances and correlation: 1 + log 2π + ½ log(variances · (1 − ρ²))."""
    return 1 + (2 * arb.pi()).log() + (ball(first) * ball(second) * (1 - ball(rho) ** 2)).log() / 2


@claim(
    "entropic-entropy-of-what",
    says="For an injective G the differential entropy of (Y, G(X)) exceeds that of (Y, X) by E log|det J_G|, which "
    "depends on G: with the former in the bound, and constants free of G, it is no lower bound",
    statement=r"H(P_{Y, G(X)}) = H(P_{Y, X}) + E \log |\det J_G(X)|",
    source=(LOWER_BOUND, PRIMAL),
    primary="Balaji, Hassani, Chellappa & Feizi 2019 (recalled)",
    method=Certified,
    verdict="FALSE",
    hypotheses=("the entropy is that of (Y, X), or Ŷ is discrete, or |det J_G| = 1",),
    limits="Gaussian pairs on the line, and one shell in space. If G maps to more dimensions the entropy of Ŷ is −∞.",
)
def entropy_of_what(
    *,
    change=lambda g: abs(g).log(),
    entropy=lambda of_y_and_x, of_y_and_image: of_y_and_x,
):
    """Y = N(0, s), Ŷ = gX at correlation ρ: entropies by determinants; at s = g² + λ/2 and the best ρ the gap is 0."""
    with precision(BITS):
        return all_hold(entropy_parts(change, entropy))


def entropy_parts(change, entropy) -> Iterator[Outcome]:
    temperature = Q(1, 2)
    for g in (Q(3), Q(5, 3), Q(-2), Q(1, 4)):
        s = g**2 + temperature / 2
        # The coupling of the model itself, ρ = g/√s: its bound is attained.
        rho = ball(g) / ball(s).sqrt()
        pair, image = joint_entropy(s, 1, rho), joint_entropy(s, g**2, rho)
        yield decide_equal(image - pair, change(ball(g)), distance=DISTANCE, g=g)
        marginals = (2 * arb.pi() * arb(1).exp()).log() + ball(s).log() / 2  # H(P_Y) + H(P_X)
        constants = scalar.log_constant(temperature) - marginals
        stated = constants - scalar.mean_loss(g, s, rho) / temperature + entropy(pair, image)
        likelihood = scalar.log_likelihood(g, s, temperature)
        yield decide_at_most(stated, likelihood + ball("1e-25"), g=g, bound=stated, log_likelihood=likelihood)
        yield decide_equal(stated, likelihood, distance=DISTANCE, g=g)


entropy_of_what.printed(
    "the entropy of (Y, Ŷ)",
    where=(LOWER_BOUND, PRIMAL),
    printed="E log f_Y(Y) ≥ −(1/λ){E ℓ(Y, Ŷ) − λ H(P_{Y,Ŷ})} + constants",
    correct="H(P_{Y,X}) in place of H(P_{Y,Ŷ}), or −KL(P_{Y,X}‖P_Y ⊗ P_X); at g² = 2.75, λ = ½ the printed bound "
    "exceeds the likelihood by log g = 0.506",
    entropy=lambda of_y_and_x, of_y_and_image: of_y_and_image,
)
entropy_of_what.mutant("the change is log g²", change=lambda g: (g * g).log())


def shell_of(radius: int) -> tuple[Ball, Ball]:
    """(gap, excess) of the shell of this inner radius: the gap is KL(r²‖r² e^{−r²}) along the radius."""
    low, high = Q(radius), Q(radius) + Q(1, radius)
    mass = integrate(lambda r, _: r**2, low, high)
    tilted = integrate(lambda r, _: r**2 * (ball(low) ** 2 - r**2).exp(), low, high)
    mean_tilt = integrate(lambda r, _: r**2 * (r**2 - ball(low) ** 2), low, high) / mass
    gap = mean_tilt + (tilted / mass).log()
    entropy_x = 3 * (2 * arb.pi() * arb(1).exp()).log() / 2
    return gap, (4 * arb.pi() * mass).log() - entropy_x - gap


@entropy_of_what.counterexample(
    "a shell in ℝ³ of radius D and thickness 1/D: an excess like log D, which no constant mends"
)
def shell() -> Outcome:
    """Y isotropic and small, λ = 1, X = N(0, I₃), π(x|y) ∝ e^{2D y·u} on directions u: the gap is that of the radius.

    (Small: so that y·G(x) does not depend on the place in the thickness.) The excess is H(Ŷ) − H(X) − gap.
    """
    with precision(BITS):
        gaps, excesses = zip(*(shell_of(radius) for radius in (5, 20, 100, 1000)), strict=True)
        bounded = all(0 < gap < ball("0.2") for gap in gaps)
        grows = all(later - earlier > 1 for earlier, later in pairwise(excesses))
    return Refuted(gaps=gaps, excesses=excesses) if bounded and grows else Inconclusive(gaps=gaps, excesses=excesses)


@entropy_of_what.boundary("a discrete X: H(Y, G(X)) ≤ H(Y, X), so the printed bound is valid and weaker")
def discrete(setting: Setting) -> Outcome:
    with precision(BITS):
        return all_hold(discrete_parts(scenes(setting, circle_loss)))


def discrete_parts(drawn: Iterator[Scene]) -> Iterator[Outcome]:
    for scene in drawn:
        of_pair = [scene.coupling[y][x] for y in range(5) for x in range(4)]
        merged = [
            exact_total(scene.coupling[y][x] for x in range(4) if scene.images[x] == image)
            for y in range(5) for image in range(5)
        ]  # fmt: skip
        entropies = [-total(xlog(a, a) for a in law) for law in (merged, of_pair)]
        if sorted(a for a in merged if a > 0) == sorted(a for a in of_pair if a > 0):
            yield decide_equal(*entropies, distance=DISTANCE)
        else:
            yield decide_less(*entropies)


@entropy_of_what.boundary("|g| = 1: the two entropies agree")
def unit_slope() -> Outcome:
    with precision(BITS):
        return decide_equal(joint_entropy(3, 1, Q(1, 2)), joint_entropy(3, (-1) ** 2, Q(1, 2)), distance=DISTANCE)
