"""Energy distance: for which distances it is a distance between laws."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from theory.agreement import decide_estimate, estimated_between, float_law
from theory.certified import ball, decide_equal, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.claims.probability_metrics import energy_squared, placed_laws
from theory.exact import Q
from theory.instances import points
from theory.setting import Setting
from theory.sources import BRUNA

ENERGY = BRUNA.slide("Energy Distances")
POWERS = (Q(1, 2), Q(1), Q(3, 2), Q(199, 100), Q(2), Q(201, 100), Q(5, 2), Q(3))


def to_the_power(alpha: Any) -> Callable[[Any, Any], Any]:
    """|x − y|^α: a rational for whole α, else a ball."""

    def distance(x: Any, y: Any) -> Any:
        if x == y:
            return Q(0)
        return abs(x - y) ** int(alpha.p) if alpha.q == 1 else ball(abs(x - y)) ** ball(alpha)

    return distance


def merged(at: list[Any], weights: list[Any]) -> dict[Any, Any]:
    """The measure: its mass at each point that has some."""
    found: dict[Any, Any] = {}
    for x, w in zip(at, weights, strict=True):
        if w:
            found[x] = found.get(x, Q(0)) + w
    return found


def three_point_energy(alpha: Any) -> Any:
    """ℰ² of δ₀ and ½ δ₋₁ + ½ δ₁: laws with the same mean."""
    half = Q(1, 2)
    return energy_squared(to_the_power(alpha), [Q(-1), Q(0), Q(1)], [Q(0), Q(1), Q(0)], [half, Q(0), half])


def height_squared(at: list[Any], p: list[Any], q: list[Any]) -> Any:
    """∫ (F − G)², Cramér's distance."""
    order, value = sorted(set(at)), Q(0)
    for low, high in pairwise(order):
        height = sum((a - b for x, a, b in zip(at, p, q, strict=True) if x <= low), Q(0))
        value += height**2 * (high - low)
    return value


@claim(
    "energy-negative-type",
    says="ℰ_d² = 2 E d(X, Y) − E d(X, X′) − E d(Y, Y′) ≥ 0 for all laws if and only if d is of negative type, and zero "
    "for equal laws only if and only if strongly so; |x − y|^α: α ≤ 2, and α < 2; on the line ℰ² = 2 ∫ (F − G)²",
    statement=r"2 E|X-Y|^\alpha - E|X-X'|^\alpha - E|Y-Y'|^\alpha \geq 0\ \forall P, Q\ \Leftrightarrow\ \alpha \leq 2",
    source=ENERGY,
    primary="Székely & Rizzo 2013; Sejdinovic et al. 2013 (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("d is of negative type, and strongly so for a distance that separates laws",),
    limits="Laws on the line; that α ≤ 2 suffices on ℝᵈ is Schoenberg's theorem.",
)
def negative_type(
    setting,
    *,
    three_points=lambda alpha: 2 - 2 ** (alpha - 1),
    never_negative=lambda alpha: alpha <= 2,
    separates=lambda alpha: alpha < 2,
    of_cramer=lambda area: 2 * area,
    code="energy-distance",
):
    """Powers about 2 on drawn laws and on three points, where ℰ² is 2 − 2^(α−1); Cramér's identity; the code."""
    laws = list(placed_laws(setting))
    with precision(128):
        parts = []
        for alpha in POWERS:
            witness = three_point_energy(alpha)
            parts.append(decide_equal(witness, three_points(ball(alpha)), distance=1e-6, alpha=alpha))
            parts.append(decide_sign(alpha, witness, never_negative(alpha), separates(alpha)))
            if never_negative(alpha):
                chosen = laws if alpha == 1 else laws[:20]
                parts += [decide_drawn(alpha, *law, strictly=separates(alpha)) for law in chosen]
        for at, p, q in laws:
            energy, stated = energy_squared(to_the_power(Q(1)), at, p, q), of_cramer(height_squared(at, p, q))
            if energy != stated:
                return Refuted(at=at, p=p, q=q, energy_squared=energy, from_cramer=stated)
        rng = setting.rng(1)
        for _ in range(12):
            at, p, q = points(rng, 4), float_law(rng, 4), float_law(rng, 4)
            exact = ball(energy_squared(to_the_power(Q(1)), at, p, q)).sqrt()
            parts.append(decide_estimate(estimated_between(code, at, p, q), exact, at=at, p=p, q=q))
        return all_hold(parts)


def decide_sign(alpha: Any, witness: Any, never_negative: bool, separates: bool) -> Outcome:
    """Each "no" needs its witness: a negative ℰ², and a zero between different laws."""
    told = {"alpha": alpha, "energy_squared": witness, "never_negative": never_negative, "separates": separates}
    if separates and not never_negative:
        return Refuted(**told)
    fits = witness > 0 if separates else witness == 0 if never_negative else witness < 0
    return Holds() if fits else Refuted(**told)


def decide_drawn(alpha: Any, at: list[Any], p: list[Any], q: list[Any], *, strictly: bool) -> Outcome:
    value, equal = energy_squared(to_the_power(alpha), at, p, q), merged(at, p) == merged(at, q)
    told = {"alpha": alpha, "at": at, "p": p, "q": q, "energy_squared": value}
    if equal:
        return decide_equal(value, 0, distance=1e-9, **told)
    return Holds() if value > 0 or (not strictly and value >= 0) else Refuted(**told)


negative_type.printed(
    "any symmetric d",
    where=ENERGY,
    printed="its generalisation replaces the Euclidean distance by a generic symmetric function d(x, y)",
    correct="d must be of negative type: |x − y|³ gives ℰ² = −2 for δ₀ and ½ δ₋₁ + ½ δ₁",
    never_negative=lambda alpha: True,
)
negative_type.mutant("α = 2 separates laws", separates=lambda alpha: alpha <= 2)
negative_type.mutant("ℰ² = ∫ (F − G)²", of_cramer=lambda area: area)
negative_type.mutant("only metrics, α ≤ 1", never_negative=lambda alpha: alpha <= 1, separates=lambda alpha: alpha <= 1)
negative_type.mutant("the code's W₁", code="wasserstein")


@negative_type.counterexample("d = |x − y|³: ℰ² = −2 for δ₀ and ½ δ₋₁ + ½ δ₁")
def cubes() -> Outcome:
    value = three_point_energy(Q(3))
    return Refuted(energy_squared=value) if value < 0 else Holds()


@negative_type.boundary("α = 2 sees only means: ℰ² = 2 (E X − E Y)²")
def squares(setting: Setting) -> Outcome:
    for at, p, q in placed_laws(setting):
        shift = sum(((a - b) * x for x, a, b in zip(at, p, q, strict=True)), Q(0))
        if energy_squared(to_the_power(Q(2)), at, p, q) != 2 * shift**2:
            return Refuted(at=at, p=p, q=q)
    return Holds()
