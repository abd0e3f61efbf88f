"""The outer problem of a GAN: where max_D V is least, and which pairs (q, D) are equilibria."""

from collections.abc import Iterator
from itertools import product
from typing import Any

from flint import arb, arb_series

from theory.certified import ball, decide_equal, decide_less, log2, precision, total, xlog
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, rationals
from theory.instances import pairs, pmf
from theory.sources import BRUNA, TALK, YU

PROBLEMS = TALK.slide("Problems of GANs")
BITS = 128
#: 128 bits leave radii near 1e-37.
DISTANCE = 1e-25


def best_value(p: list, q: list) -> Any:
    """max_D V = Σ p log(p/(p + q)) + q log(q/(p + q)), in balls."""
    return total(xlog(a, a / (a + b)) + xlog(b, b / (a + b)) for a, b in zip(p, q, strict=True) if a + b > 0)


def derivatives(p: Any, q: Any) -> tuple[Any, Any]:
    """The first two derivatives in q of h(q) = p log(p/(p + q)) + q log(q/(p + q)), by power series."""
    x = arb_series([ball(q), arb(1)], 3)
    h = (ball(p) / (x + ball(p))).log() * ball(p) + x * (x / (x + ball(p))).log()
    return h[1], 2 * h[2]


@claim(
    "gan-global-minimum",
    says="max_D V, a convex function of q, is least at q = p alone, where it is −log 4; the integrand "
    "h(q) = (p + q)(−H(α)) has no minimiser in q at a single x, so the constraint ∫ q = 1 is what makes the argument",
    statement=r"\min_q \max_D V = -\log 4,\quad \arg\min_q = p, \quad h'(q) = \log\frac{q}{p+q} < 0",
    source=(BRUNA.slide("Generative Adversarial Networks"), PROBLEMS, YU.slide("Interpreting JS-GAN")),
    primary="Goodfellow et al. 2014, Theorem 1 (recalled)",
    method=(Exact, Certified),
)
def global_minimum(
    setting,
    *,
    minimum=lambda log_2: -2 * log_2,
    minimiser=lambda p: p,
    slope=lambda p, q: (q / (p + q)).log(),
    curvature=lambda p, q: p / (p + q),
    has_pointwise_minimiser=False,
):
    """Series of h at q = 10^k give slope and q h″; at q = p all slopes agree, so by convexity p is the minimiser.

    Besides, drawn q lie above −log 4 whenever they differ from p.
    """
    with precision(BITS):
        parts = [*pointwise(slope, curvature, has_pointwise_minimiser)]
        for pair in pairs(setting.rng(), setting.size(120, deep=1000)):
            parts += over_laws(pair.p, pair.q, minimum(log2()), minimiser(pair.p))
        return all_hold(parts)


def pointwise(slope, curvature, has_minimiser) -> Iterator[Outcome]:
    """h′ < 0 < h″ at densities from 10⁻⁶ to 10⁶: h falls for ever, and h″ ≥ 0 makes max_D V convex."""
    p, falls = Q(3, 10), True
    for k in range(-6, 7):
        q = Q(10) ** k
        first, second = derivatives(p, q)
        yield decide_equal(first, slope(ball(p), ball(q)), distance=DISTANCE, q=q)
        yield decide_equal(ball(q) * second, curvature(ball(p), ball(q)), distance=DISTANCE, q=q)
        yield decide_less(0, second, q=q)
        falls = falls and first < 0
    if falls is has_minimiser:
        yield Refuted(said_to_have_a_minimiser=has_minimiser, falls_at="10^k, k = −6, …, 6")


def over_laws(p: list, q: list, minimum: Any, minimiser: list) -> Iterator[Outcome]:
    yield decide_equal(best_value(p, minimiser), minimum, distance=DISTANCE, p=p)
    # The slopes log(qᵢ/(pᵢ + qᵢ)) at q = p are all log ½ where p has mass, and 0 ≥ log ½ elsewhere: the KKT conditions.
    if any(a > 0 and b / (a + b) != Q(1, 2) for a, b in zip(p, minimiser, strict=True)):
        yield Refuted(p=p, not_stationary=minimiser)
    if p != q:
        yield decide_less(minimum, best_value(p, q), p=p, q=q)


global_minimum.mutant("the minimum is −log 2", minimum=lambda log_2: -log_2)
global_minimum.mutant("the uniform law is the minimiser", minimiser=lambda p: [Q(1, len(p))] * len(p))
global_minimum.mutant("the integrand has a minimiser in q at each x", has_pointwise_minimiser=True)


@global_minimum.boundary(
    "a model class without p: the minimiser is its projection by JSD, neither p nor the ML estimate"
)
def projection_of_a_class() -> Outcome:
    """For q = (t, (1 − t)/2, (1 − t)/2) and p = (½, ⅛, ⅜) the least value is above −log 4, at a t beyond ML's t = ½."""
    p = rationals(("1/2", "1/8", "3/8"))

    def slope(t: Any) -> Any:
        q = [t, (1 - t) / 2, (1 - t) / 2]
        slopes = [(ball(b) / ball(a + b)).log() for a, b in zip(p, q, strict=True)]
        return slopes[0] - (slopes[1] + slopes[2]) / 2

    with precision(BITS):
        low, high = Q(1, 2), Q(52, 100)
        least = best_value(p, [low, (1 - low) / 2, (1 - low) / 2])
        # The tangent at t = ½ bounds a convex function from below on [½, 0.52].
        return all_hold(
            (
                decide_less(slope(low), 0, t=low),
                decide_less(0, slope(high), t=high),
                decide_less(-2 * log2(), least + slope(low) * ball(high - low)),
            )
        )


def is_equilibrium(p: list, q: list, d: list) -> bool:
    """Whether neither player gains by leaving (q, D), by first-order conditions that are exact.

    V is concave in D, cell by cell with slope p/D − q/(1 − D); it is linear in q, so that the generator loses nothing
    only if all its mass lies where log(1 − D) is least.
    """
    for a, b, gamma in zip(p, q, d, strict=True):
        rises, falls = a * (1 - gamma) > b * gamma, a * (1 - gamma) < b * gamma
        if (rises and gamma < 1) or (falls and gamma > 0) or (gamma == 1 and b > 0) or (gamma == 0 and a > 0):
            return False
    return all(b == 0 or gamma == max(d) for b, gamma in zip(q, d, strict=True))


#: Values of D around ½, near enough that a bound 1 % off takes in or leaves out one of them.
ANSWERS = rationals(("0", "3/10", "499/1000", "1/2", "501/1000", "3/5", "1"))


@claim(
    "gan-equilibrium-uniqueness",
    says="(q, D) is an equilibrium of the unrestricted game iff q = p, D = ½ where p has mass, and D ≤ ½ elsewhere",
    statement=r"(q, D)\ \mathrm{equilibrium} \Leftrightarrow q = p,\ D = \frac{1}{2}\ \mathrm{on\ supp}\,p,\ "
    r"D \leq \frac{1}{2}\ \mathrm{elsewhere}",
    source=(PROBLEMS, YU.slide("Interpreting JS-GAN")),
    primary="Goodfellow et al. 2014 (recalled)",
    method=Exact,
    verdict="CONDITIONAL",
    hypotheses=("unique in D only if p has full support; q = p is unique in any case",),
)
def equilibrium_uniqueness(setting, *, on_support=Q(1, 2), off_support=Q(1, 2), model=lambda p: p):
    """All D of seven values a cell, against p itself and drawn q, on three points, by first-order conditions."""
    rng, count = setting.rng(), 0
    for zeros in (0.0, 0.5, 0.5, 0.5) * setting.size(2, deep=20):
        p = pmf(rng, 3, zeros=zeros)
        for q in (p, pmf(rng, 3, zeros=zeros), rationals(("1/3", "1/3", "1/3"))):
            for d in product(ANSWERS, repeat=3):
                true = is_equilibrium(p, q, list(d))
                as_said = all(g == on_support if a > 0 else g <= off_support for a, g in zip(p, d, strict=True))
                if true != (q == model(p) and as_said):
                    return Refuted(p=p, q=q, D=d, equilibrium=true)
                count += true
    return Holds(equilibria_found=count)


equilibrium_uniqueness.mutant("D ≤ 0.6 will do off the support", off_support=Q(3, 5))
equilibrium_uniqueness.mutant("an equilibrium has a uniform model", model=lambda p: rationals(("1/3", "1/3", "1/3")))
equilibrium_uniqueness.mutant("D < 0.3 off the support", off_support=Q(1, 4))


@equilibrium_uniqueness.counterexample("p = δ₀ on two points: D(1) = 0, 0.3 and 0.5 give three equilibria, 0.6 none")
def point_mass() -> Outcome:
    p = rationals(("1", "0"))
    stable = [c for c in rationals(("0", "3/10", "1/2", "3/5")) if is_equilibrium(p, p, [Q(1, 2), c])]
    return Refuted(equilibria_with=stable) if len(stable) == 3 else Holds(equilibria_with=stable)


@equilibrium_uniqueness.boundary("full support: D = ½ is the only discriminator at equilibrium")
def full_support() -> Outcome:
    p = rationals(("1/5", "3/10", "1/2"))
    found = [d for d in product(ANSWERS, repeat=3) if is_equilibrium(p, p, list(d))]
    return Holds(equilibria=found) if found == [(Q(1, 2),) * 3] else Refuted(equilibria=found)
