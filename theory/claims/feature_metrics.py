"""Wasserstein distance of features: a pseudometric, and when it is a metric."""

from itertools import pairwise, product
from typing import Any

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q, minimise, total
from theory.instances import pmf
from theory.setting import Setting
from theory.sources import BRUNA

GEOMETRY = BRUNA.slide("Optimal Transport over Geometric Distances")
#: The features of a point are one of these places on the line.
PLACES = (Q(0), Q(1), Q(3), Q(7))
Law = tuple[Any, ...]


def laws(setting: Setting) -> list[Law]:
    """The point masses on four points, the uniform law, and drawn ones."""
    points = [tuple(Q(int(i == j)) for j in range(4)) for i in range(4)]
    rng = setting.rng()
    drawn = [tuple(pmf(rng, 4, zeros=0.3)) for _ in range(setting.size(3, deep=12))]
    return [*points, (Q(1, 4),) * 4, *drawn]


def pushed(law: Law, features: tuple[int, ...]) -> Law:
    """Φ#P."""
    return tuple(total(w for w, image in zip(law, features, strict=True) if image == place) for place in range(4))


def moved(p: Law, q: Law, cost: Any) -> Any:
    """W₁ on the line: over each gap the surplus of p on its left is carried."""
    surplus, spent = Q(0), Q(0)
    for place, (left, right) in enumerate(pairwise(PLACES)):
        surplus += p[place] - q[place]
        spent += cost(surplus, right - left)
    return spent


def by_linear_program(p: Law, q: Law) -> Any:
    """The least cost of a coupling of p and q."""
    cells = list(product(range(4), repeat=2))
    rows = [([int(i == k) for i, _ in cells], p[k]) for k in range(4)]
    rows += [([int(j == k) for _, j in cells], q[k]) for k in range(4)]
    return minimise([abs(PLACES[i] - PLACES[j]) for i, j in cells], rows).value


@claim(
    "feature-wasserstein-pseudometric",
    says="W_Φ(P, Q) = W(Φ#P, Φ#Q) is symmetric, obeys the triangle inequality and vanishes for P = Q; it is a metric "
    "if and only if Φ is injective",
    statement=r"W_\Phi(P, Q) = W(\Phi_\# P, \Phi_\# Q)\ \mathrm{is\ a\ metric} \Leftrightarrow "
    r"\Phi\ \mathrm{is\ injective}",
    source=GEOMETRY,
    primary="the question is left open on the slide; the answer is elementary",
    method=Exact,
    priority="P3",
    limits="Finite spaces. On ℝᵈ the laws need a finite first moment of Φ, and an injective Φ a measurable inverse.",
)
def feature_wasserstein(
    setting,
    *,
    cost=lambda surplus, width: abs(surplus) * width,
    is_metric=lambda features: len(set(features)) == len(features),
):
    """All 256 maps of four points to four places: the axioms for point masses, uniform and drawn laws, all triples."""
    found = laws(setting)
    for p, q in pairwise(found):
        if moved(p, q, cost) != by_linear_program(p, q):
            return Refuted(p=p, q=q, stated=moved(p, q, cost), least=by_linear_program(p, q))
    for features in product(range(4), repeat=4):
        images = [pushed(p, features) for p in found]
        apart = [[moved(p, q, cost) for q in images] for p in images]
        indices = range(len(found))
        for i, j in product(indices, repeat=2):
            if apart[i][j] != apart[j][i] or apart[i][i] != 0:
                return Refuted(features=features, p=found[i], q=found[j], forth=apart[i][j], back=apart[j][i])
            if any(apart[i][k] > apart[i][j] + apart[j][k] for k in indices):
                return Refuted(features=features, reason="the triangle inequality fails")
        tells_apart = all((apart[i][j] == 0) == (found[i] == found[j]) for i, j in product(indices, repeat=2))
        if is_metric(features) != tells_apart:
            return Refuted(features=features, said_to_be_a_metric=is_metric(features))
    return Holds(maps=4**4, laws=len(found))


feature_wasserstein.mutant("a metric for every Φ", is_metric=lambda features: True)
feature_wasserstein.mutant("a metric if Φ is not constant", is_metric=lambda features: len(set(features)) > 1)
feature_wasserstein.mutant("mass moves for nothing to the left", cost=lambda surplus, width: max(surplus, Q(0)) * width)
feature_wasserstein.mutant("whatever the distance", cost=lambda surplus, width: abs(surplus))


@feature_wasserstein.boundary("Φ(n) = 1/n, Φ(0) = 0 is injective: δₙ → δ₀ in W_Φ while n runs away from 0 on the line")
def another_topology() -> Outcome:
    steps = [(Q(1, n) - 0, Q(n) - 0) for n in (1, 10, 100, 1000)]
    falls = all(a[0] > b[0] and a[1] < b[1] for a, b in pairwise(steps))
    return Holds(at_last=steps[-1]) if falls and steps[-1][0] == Q(1, 1000) else Refuted(steps=steps)
