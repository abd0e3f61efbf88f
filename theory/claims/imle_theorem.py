"""Implicit maximum likelihood estimation and maximum likelihood: with which weights they agree."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

from flint import arb

from theory.certified import Ball, ball, decide_equal, decide_less, integrate, normal_pdf, precision
from theory.certified import total as ball_total
from theory.claim import Certified, Holds, Inconclusive, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals
from theory.instances import Mixture, Normal
from theory.location_family import nearest, weight_slope
from theory.setting import Setting
from theory.sources import TALK

MAIN_RESULT = TALK.slide("Main Result")
#: Distances from 1.4 to 2 on both sides: densities at the data that differ by a factor of 7.
DATA = rationals(("-1.1", "-0.2", "0.1", "0.4", "2.3"))
#: The maximum-likelihood location of N(θ, 1) is the mean.
MLE = Q(3, 10)
BITS = 100
#: Mutants' slopes differ by more than 1e-3; the integrals' radii stay below 1e-9.
DISTANCE = 1e-6


def slope_in_log_density(x: Any, theta: Any, m: int) -> Ball:
    """Ψ′(p) p at the datum x: the slope of E R against u = log p_θ(x), negative."""
    return -weight_slope(abs(x - theta), m)


def weights(formula, theta: Any, m: int) -> list[Ball]:
    """The theorem's weights wᵢ at θ; the formula gets Ψ′ and p."""
    found = []
    for x in DATA:
        p = normal_pdf(ball(x) - ball(theta))
        found.append(formula(slope_in_log_density(x, theta, m) / p, p))
    return found


def objective(w: list[Ball], theta: Any, m: int) -> Ball:
    """Σ wᵢ E Rᵢ at θ."""
    return ball_total(weight * nearest(x - theta, m) for weight, x in zip(w, DATA, strict=True))


def objective_slope(w: list[Ball], theta: Any, m: int) -> Ball:
    """d/dθ Σ wᵢ E Rᵢ."""
    return ball_total(weight * -nearest(x - theta, m, derivative=1) for weight, x in zip(w, DATA, strict=True))


def slopes_agree(w: list[Ball], theta: Any, m: int) -> Iterator[Outcome]:
    """wᵢ E Rᵢ falls by 1 for each nat of log p_θ(xᵢ): the weighted objective is −log-likelihood to first order."""
    for weight, x in zip(w, DATA, strict=True):
        slope = weight * slope_in_log_density(x, theta, m)
        yield decide_equal(slope, -1, distance=DISTANCE, datum=x, m=m)


@claim(
    "imle-theorem-sign",
    says="The weights of the theorem are −1/(Ψ′(p) p), positive because Ψ falls; with the printed sign the maximum "
    "likelihood solution is the worst and the problem unbounded below",
    statement=r"\arg\max_\theta \sum_i \log p_\theta(x_i) = \arg\min_\theta \sum_i "
    r"\frac{-E[R_i^\theta]}{\Psi'(p_{\theta^*}(x_i))\, p_{\theta^*}(x_i)}",
    source=MAIN_RESULT,
    primary="Li & Malik 2018, Theorem 1 (recalled)",
    method=Certified,
    verdict="FALSE",
    hypotheses=("Ψ is decreasing, as in the theorem's own conditions",),
    limits="Shown for the Gaussian location family in one dimension with five data and 16 samples.",
)
def theorem_sign(*, weight=lambda slope, p: -1 / (slope * p)):
    """N(θ, 1), m = 16: the objective at the MLE is below that at far θ, and its slopes are those of −log-likelihood."""
    m = 16
    with precision(BITS):
        w = weights(weight, MLE, m)
        far = (decide_less(objective(w, MLE, m), objective(w, theta, m), theta=theta) for theta in (-3, 3, 6, 12))
        return all_hold(part for parts in (far, slopes_agree(w, MLE, m)) for part in parts)


theorem_sign.printed(
    "the sign of the weights",
    where=MAIN_RESULT,
    printed="argmin Σ E[R_i] / (Ψ′(p*_i) p*_i)",
    correct="argmin Σ −E[R_i] / (Ψ′(p*_i) p*_i), since Ψ′ < 0",
    weight=lambda slope, p: 1 / (slope * p),
)
theorem_sign.mutant("the weight −1/Ψ′, without p*", weight=lambda slope, p: -1 / slope)
theorem_sign.equivalent("weight = lambda p, slope: -1 / (slope * p)", "a product does not know its factors' order")


@theorem_sign.counterexample("the printed problem falls without bound, and θ* is its maximiser")
def printed_objective() -> Outcome:
    with precision(BITS):
        w = weights(lambda slope, p: 1 / (slope * p), MLE, 16)
        values = [objective(w, theta, 16) for theta in (MLE, 3, 6, 12)]
        falls = all(later < earlier for earlier, later in pairwise(values))
    return Refuted(objective_at_mle_3_6_12=values) if falls else Inconclusive(values=values)


@theorem_sign.boundary("a single datum: every positive weight gives the MLE")
def one_datum() -> Outcome:
    with precision(BITS):
        return all_hold(decide_less(nearest(0, 16), nearest(a, 16)) for a in (Q(1, 100), 1, 4))


@claim(
    "imle-theorem-weighted",
    says="If E Rᵢ ≥ Ψ(p_θ(xᵢ)) with equality at the MLE θ*, Ψ∘exp is convex, strictly decreasing and differentiable at "
    "log p*ᵢ with a nonzero slope, and p_θ(xᵢ) > 0, then θ* minimises Σ wᵢ E Rᵢ with wᵢ = −1/(Ψ′(p*ᵢ) p*ᵢ)",
    statement=r"\theta^* \in \arg\min_\theta \sum_i w_i E[R_i^\theta], \quad w_i = -1 / (\Psi'(p_i^*)\, p_i^*)",
    source=MAIN_RESULT,
    primary="new here: Σ wᵢEᵢ ≥ Σ wᵢΨ(e^{uᵢ}) ≥ Σ wᵢΨ(e^{u*ᵢ}) − Σ(uᵢ − u*ᵢ) ≥ Σ wᵢΨ(e^{u*ᵢ})",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=(
        "H1: E Rᵢ ≥ Ψ(p_θ(xᵢ)) for all θ and i, with equality at θ*",
        "H2: u ↦ Ψ(eᵘ) is convex and strictly decreasing, differentiable at log p*ᵢ with a nonzero slope",
        "H3: p_θ(xᵢ) > 0",
    ),
    limits="Weights that need θ*: a characterisation, no algorithm. For N(θ, 1), H2 is checked on a grid, not proved.",
    resolution_of="optimum",
)
def theorem_weighted(setting, *, weight=lambda slope, p: -1 / (slope * p), optimum=MLE, weights_at=MLE):
    """N(θ, 1), where H1 is an equality: stationarity at the mean for m = 1 … 16384, H2 on a grid, then convexity."""
    with precision(BITS):
        return all_hold(weighted_parts(setting, weight, optimum, weights_at))


def weighted_parts(setting: Setting, weight, optimum, weights_at) -> Iterator[Outcome]:
    for m in (16, 1, 4, 64, 1024, 16384):
        w = weights(weight, weights_at, m)
        # Normalised as they are, the parts wᵢ E Rᵢ have slopes of order 1 for every m.
        yield decide_equal(objective_slope(w, optimum, m), 0, distance=DISTANCE, m=m)
        yield from slopes_agree(w, MLE, m)
    yield from convexity_in_log_density(setting)
    for m in setting.size((2,), deep=(2, 4, 16)):
        yield convex_objective(m)


def convexity_in_log_density(setting: Setting) -> Iterator[Outcome]:
    """H2: the slope of Ψ∘exp against u = −a²/2 is −g′(a)/a, so g′(a)/a must not fall in a (it is 2 for m = 1)."""
    for m in setting.size((2, 16, 1024), deep=(2, 3, 4, 16, 64, 256, 1024, 4096)):
        slopes = [weight_slope(Q(k, 4), m) for k in range(1, setting.size(9, deep=19))]
        for k, (lower, upper) in enumerate(pairwise(slopes), start=1):
            yield decide_less(lower, upper, m=m, offset=Q(k, 4))


def convex_objective(m: int) -> Outcome:
    """g″ > 0 on [0, 3.6], the offsets while θ is between the data: the stationary point is the only minimiser.

    On each piece g″ is enclosed by its value at the middle and g‴ over the piece; one that this leaves open is halved.
    """
    least = arb("inf")
    pieces = [(Fraction(k, 10), Fraction(k + 2, 10)) for k in range(0, 36, 2)]
    while pieces:
        low, high = pieces.pop()
        middle, half = ball((low + high) / 2), ball((high - low) / 2)
        whole = ball(middle) + arb(0, 1) * half
        bound = nearest(middle, m, derivative=2) + arb(0, 1) * half * nearest(whole, m, derivative=3)
        if bound > 0:
            least = least.min(bound.lower())
        elif half < ball("1e-4"):
            return Inconclusive(m=m, between=(low, high), second_derivative=bound)
        else:
            pieces += [(low, (low + high) / 2), ((low + high) / 2, high)]
    return Holds(**{f"least_curvature_m{m}": least})


theorem_weighted.mutant("no weights", weight=lambda slope, p: ball(1))
theorem_weighted.mutant("the weight 1/p*", weight=lambda slope, p: 1 / p)
theorem_weighted.mutant("the weight −1/Ψ′, without p*", weight=lambda slope, p: -1 / slope)
theorem_weighted.mutant("the weights of another θ", weights_at=Q(1))
theorem_weighted.equivalent("weight = lambda p, slope: -1 / (slope * p)", "a product does not know its factors' order")


@theorem_weighted.counterexample("a bimodal location family, one sample: the mean comes to the datum, not the mode")
def bimodal() -> Outcome:
    """E R = (distance to the mean)² + variance is smaller at a lower density, so H1 fails for every decreasing Ψ."""
    family = Mixture((Q(3, 5), Q(2, 5)), (Normal(2, Q(1, 2)), Normal(-2, Q(1, 2))))
    mean, mode = Q(3, 5) * 2 - Q(2, 5) * 2, Q(2)
    at_mean, at_mode = family.pdf(mean), family.pdf(mode)
    excess = (mode - mean) ** 2
    found = {"density_by_imle": at_mean, "density_by_likelihood": at_mode, "excess_of_E_R_at_the_mode": excess}
    return Refuted(**found) if at_mean < at_mode and excess > 0 else Inconclusive(**found)


@theorem_weighted.counterexample("Laplace location, a datum at the median: Ψ′ p = 0, so H2 fails and no weight exists")
def laplace_median() -> Outcome:
    """The difference quotient of E R = E (X − a)² against u = log p = −a + const, at smaller and smaller offsets a."""
    with precision(BITS):
        slopes = [(laplace_distance(a) - laplace_distance(Q(0))) / -ball(a) for a in (Q(1), Q(1, 10), Q(1, 1000))]
        vanishing = all(slope.abs_upper() < 2 * a for slope, a in zip(slopes, (1, 0.1, 0.001), strict=True))
    return Refuted(slopes=slopes) if vanishing else Inconclusive(slopes=slopes)


def laplace_distance(a: Any) -> Ball:
    """E (X − a)² for a density e^{−|x|}/2, |a| ≤ 1; beyond 200 both tails hold less than 10⁵ e^{−200} < 1e-80."""
    left = integrate(lambda x, _: (x - ball(a)) ** 2 * x.exp() / 2, -200, -10, 0)
    right = integrate(lambda x, _: (x - ball(a)) ** 2 * (-x).exp() / 2, 0, 10, 200)
    return left + right + arb(0, arb("1e-80"))


@theorem_weighted.counterexample("N(μ, σ²) with σ free, one sample: Ψ ≡ 0, so H1's equality fails")
def free_scale() -> Outcome:
    """At density z and a = μ/σ, E R = (1 + a²) e^{−a²}/(2π z²), which has no positive lower bound."""
    values = [(1 + a**2) * (ball(-(a**2)).exp()) / (2 * arb.pi()) for a in (0, 1, 3, 6)]
    falls = all(later < earlier for earlier, later in pairwise(values)) and values[-1] < ball("1e-14")
    return Refuted(E_R_at_density_1=values) if falls else Inconclusive(values=values)
