"""The triangle inequality: which divergences obey it, so that a sample may stand for the law."""

from collections.abc import Callable, Iterator
from typing import Any

from theory.certified import decide_at_most, jsd, kl, log2, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.claims.optimal_transport import area
from theory.claims.probability_metrics import energy_squared, line
from theory.exact import Q
from theory.instances import pmf, points
from theory.setting import Setting
from theory.sources import BRUNA

LIMITATIONS = BRUNA.slide("Limitations of GAN Modeling")
Laws = tuple[list[Any], list[list[Any]]]


def triples(setting: Setting) -> Iterator[Laws]:
    """Three laws on points of the line, after the written ones: δ₀, δ₂ and their mean; coins of ½, 3/5 and 7/10."""
    yield [Q(0), Q(2)], [[Q(1), Q(0)], [Q(1, 2), Q(1, 2)], [Q(0), Q(1)]]
    yield [Q(0), Q(1)], [[1 - heads, heads] for heads in (Q(1, 2), Q(3, 5), Q(7, 10))]
    rng = setting.rng()
    for index in range(setting.size(200, deep=1000)):
        k = int(rng.integers(2, 5))
        laws = [pmf(rng, k, zeros=0.4, ties=index % 3 == 0) for _ in range(3)]
        if index % 5 == 0:
            laws[1] = [(a + b) / 2 for a, b in zip(laws[0], laws[2], strict=True)]
        yield points(rng, k), laws


def variation(at: list[Any], p: list[Any], q: list[Any]) -> Any:
    return sum((abs(a - b) for a, b in zip(p, q, strict=True)), Q(0)) / 2


def earth_mover(at: list[Any], p: list[Any], q: list[Any]) -> Any:
    return area(abs, at, p, q)


def energy(at: list[Any], p: list[Any], q: list[Any]) -> Any:
    return energy_squared(line, at, p, q)


def discrepancy(at: list[Any], p: list[Any], q: list[Any]) -> Any:
    """MMD² with the rational-quadratic kernel 1/(1 + (x − y)²)."""
    return -energy_squared(lambda x, y: 1 / (1 + (x - y) ** 2), at, p, q)


def jensen_shannon(at: list[Any], p: list[Any], q: list[Any]) -> Any:
    return jsd(p, q)


def kullback_leibler(at: list[Any], p: list[Any], q: list[Any]) -> Any:
    return kl(p, q)


class Root:
    """The root of a non-negative rational: a sum of two is compared with a third one exactly."""

    def __init__(self, square: Any):
        self.square = square


def decide_triangle(a: Any, b: Any, c: Any, **told: Any) -> Outcome:
    """Whether a ≤ b + c: rationals and roots exactly, √A ≤ √B + √C iff A ≤ B + C or (A − B − C)² ≤ 4BC; or balls."""
    if isinstance(a, Root):
        A, B, C = a.square, b.square, c.square
        holds = A <= B + C or (A - B - C) ** 2 <= 4 * B * C
        return Holds() if holds else Refuted(squares=(A, B, C), **told)
    if isinstance(a, type(Q(0))):
        return Holds() if a <= b + c else Refuted(direct=a, through=b + c, **told)
    if not a.is_finite() and not (b + c).is_finite():
        return Holds()
    return decide_at_most(a, b + c, **told)


@claim(
    "divergence-triangle",
    says="ρ(p, r) ≤ ρ(p, q) + ρ(q, r) for W₁, total variation, energy distance ℰ, MMD and √JSD; not for KL, JSD, ℰ²",
    statement=r"\rho(p, p_\theta) \leq \rho(p, \hat p_L) + \rho(\hat p_L, p_\theta): \quad "
    r"W_1,\ TV,\ \mathcal{E},\ MMD,\ \sqrt{JSD}",
    source=LIMITATIONS,
    primary="Endres & Schindelin 2003 and Österreicher & Vajda 2003 for √JSD (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("ρ is a metric; the slide says distance or divergence",),
    priority="P2",
    limits="The slide's formula is missing from the source text, which has the words Triangle Inequality alone: the "
    "inequality is a reconstruction. Drawn laws on the line.",
    no_resolution="an inequality between three values of one formula: scaling changes nothing",
)
def triangle(
    setting,
    *,
    of_jsd=lambda value: value.sqrt(),
    of_energy=lambda square: Root(square),
    of_mmd=lambda square: Root(square),
    of_variation=lambda value: value,
    of_transport=lambda value: value,
    of_kl=None,
):
    """Drawn triples, a third with ties or a middle law, in all three orders; rationals and their roots exactly."""
    measured: list[tuple[Callable, Callable]] = [
        (jensen_shannon, of_jsd), (energy, of_energy), (discrepancy, of_mmd), (variation, of_variation),
        (earth_mover, of_transport),
    ]  # fmt: skip
    if of_kl is not None:
        measured.append((kullback_leibler, of_kl))
    with precision(128):
        return all_hold(
            part for at, laws in triples(setting) for square, rho in measured for part in sides(square, rho, at, laws)
        )


def sides(square: Callable, rho: Callable, at: list[Any], laws: list[list[Any]]) -> Iterator[Outcome]:
    """The three inequalities of one triple; where two laws are equal both sides are, and nothing is compared."""
    for first, second, third in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        p, q, r = laws[first], laws[second], laws[third]
        if q not in (p, r):
            direct, one, other = (rho(square(at, *pair)) for pair in ((p, r), (p, q), (q, r)))
            yield decide_triangle(direct, one, other, divergence=square.__name__, p=p, q=q, r=r)


triangle.mutant("JSD is a metric", of_jsd=lambda value: value)
triangle.mutant("ℰ² is a metric", of_energy=lambda square: square)
triangle.mutant("MMD² is a metric", of_mmd=lambda square: square)
triangle.mutant("W₁² is a metric", of_transport=lambda value: value**2)
triangle.mutant("TV² is a metric", of_variation=lambda value: value**2)
triangle.mutant("KL is a metric", of_kl=lambda value: value)
triangle.mutant("√KL is a metric", of_kl=lambda value: value.sqrt())


def through(rho: Callable, at: list[Any], laws: list[list[Any]]) -> Outcome:
    p, q, r = laws
    with precision(128):
        return decide_triangle(rho(at, p, r), rho(at, p, q), rho(at, q, r))


@triangle.counterexample("JSD: δ₀, (½, ½), δ₁: log 2 > 0.4315")
def jsd_of_two_points() -> Outcome:
    return through(jensen_shannon, [Q(0), Q(1)], [[Q(1), Q(0)], [Q(1, 2), Q(1, 2)], [Q(0), Q(1)]])


@triangle.counterexample("ℰ²: δ₀, ½ δ₀ + ½ δ₂, δ₂: 4 > 2")
def energy_of_two_points() -> Outcome:
    return through(energy, [Q(0), Q(2)], [[Q(1), Q(0)], [Q(1, 2), Q(1, 2)], [Q(0), Q(1)]])


@triangle.counterexample("KL: coins of 0.5, 0.6, 0.7: 0.0872 > 0.0204 + 0.0226")
def kl_of_coins() -> Outcome:
    return through(kullback_leibler, [Q(0), Q(1)], [[1 - heads, heads] for heads in (Q(1, 2), Q(3, 5), Q(7, 10))])


@triangle.boundary("√JSD on the first of these: 0.8326 ≤ 0.9290")
def root_jsd_of_two_points() -> Outcome:
    return decide_at_most(log2().sqrt(), 2 * jsd([Q(1), Q(0)], [Q(1, 2), Q(1, 2)]).sqrt())


@triangle.boundary("the code's divergences claim the triangle inequality for these powers, and KL for none")
def powers_that_the_code_claims() -> Outcome:
    from estimators import divergences

    true = {"wasserstein": 1.0, "total-variation": 1.0, "energy-distance": 1.0, "jsd": 0.5, "kl": None}
    claimed = {name: divergences[name].metric_power for name in true}
    return Holds(**claimed) if claimed == true else Refuted(claimed=claimed, true=true)
