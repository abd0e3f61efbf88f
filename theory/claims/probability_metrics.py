"""Total variation, energy distance and MMD: by which factor two definitions of one metric differ."""

import operator
from collections.abc import Callable, Iterator
from itertools import compress, product
from typing import Any

import numpy as np

from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.exact import Q, dot, is_positive_semidefinite, total
from theory.instances import pairs, pmf, points
from theory.setting import Setting
from theory.sources import BRUNA, YU

METRICS = BRUNA.slide("Different probability metrics")
ENERGY = BRUNA.slide("Energy distances")


def all_sets(k: int) -> list:
    return [list(compress(range(k), chosen)) for chosen in product((False, True), repeat=k)]


def half_lines(k: int) -> list:
    return [range(i) for i in range(k + 1)]


def vertex_sums(differences: list, low: int) -> list:
    """Σ f dᵢ for each f that takes the values `low` and 1: a linear functional is largest at such a vertex."""
    sums = [Q(0)]
    for d in differences:
        sums = [s + low * d for s in sums] + [s + d for s in sums]
    return sums


@claim(
    "tv-ipm-factor",
    says="sup_A |P(A) − Q(A)| is half of the sup over |f| ≤ 1 of E_Q f − E_P f; it is the sup over 0 ≤ f ≤ 1, "
    "and ½ Σ|p − q|",
    statement=r"\sup_A |P(A) - Q(A)| = \frac{1}{2} \sup_{\|f\|_\infty \leq 1} (E_Q f - E_P f)",
    source=(METRICS, YU.slide("More GANs through IPM")),
    primary="Müller 1997 on integral probability metrics (recalled)",
    method=Exact,
    verdict="FALSE",
    limits="Finite spaces. On Polish spaces continuous f suffice; that step is not checked here.",
)
def tv_ipm(setting, *, of_functions=lambda sup: sup / 2, of_masses=lambda l1: l1 / 2, only_half_lines=False):
    """Every set, and every vertex of the cubes [−1, 1]ᵏ and [0, 1]ᵏ, on which a linear functional has its maximum."""
    count, sets = 0, half_lines if only_half_lines else all_sets
    for pair in pairs(setting.rng(), setting.size(200, deep=2000), sizes=(2, 7)):
        count += 1
        d = [b - a for a, b in zip(pair.p, pair.q, strict=True)]
        variation = max(abs(total(d[i] for i in chosen)) for chosen in sets(len(d)))
        stated = {
            "functions in [−1, 1]": of_functions(max(vertex_sums(d, low=-1))),
            "functions in [0, 1]": max(vertex_sums(d, low=0)),
            "masses": of_masses(total(map(abs, d))),
        }
        for definition, value in stated.items():
            if value != variation:
                return Refuted(p=pair.p, q=pair.q, definition=definition, value=value, sup_over_sets=variation)
    return Holds(pairs=count)


tv_ipm.printed(
    "without the factor ½",
    where=METRICS,
    printed="sup_A |P(A) − Q(A)| = sup_{f: X → [−1, 1]} E_Q f − E_P f",
    correct="sup_A |P(A) − Q(A)| = ½ sup_{f: X → [−1, 1]} E_Q f − E_P f",
    of_functions=lambda sup: sup,
)
tv_ipm.mutant("a factor ¼", of_functions=lambda sup: sup / 4)
tv_ipm.mutant("half-lines instead of sets (Kolmogorov–Smirnov)", only_half_lines=True)


@tv_ipm.counterexample("the printed equality fails for two different point masses: 1 against 2")
def point_masses() -> Outcome:
    variation, functions = Q(1), max(vertex_sums([Q(1), Q(-1)], low=-1))
    return Holds() if variation == functions else Refuted(sup_over_sets=variation, sup_over_functions=functions)


@tv_ipm.boundary("the printed equality holds exactly if P = Q")
def equal_laws(setting: Setting) -> Outcome:
    for pair in pairs(setting.rng(1), 60):
        d = [b - a for a, b in zip(pair.p, pair.q, strict=True)]
        if (pair.total_variation == max(vertex_sums(d, low=-1))) != (pair.p == pair.q):
            return Refuted(p=pair.p, q=pair.q)
    return Holds()


def line(x: Any, y: Any) -> Any:
    return abs(x - y)


def mean_of(f: Callable, at: list, p: list, q: list) -> Any:
    """Σᵢⱼ pᵢ qⱼ f(xᵢ, xⱼ)."""
    return total(a * b * f(x, y) for a, x in zip(p, at, strict=True) for b, y in zip(q, at, strict=True))


def energy_squared(d: Callable, at: list, p: list, q: list) -> Any:
    """ℰ² = 2 E d(X, Y) − E d(X, X′) − E d(Y, Y′)."""
    return 2 * mean_of(d, at, p, q) - mean_of(d, at, p, p) - mean_of(d, at, q, q)


def placed_laws(setting: Setting) -> Iterator[tuple[list, list, list]]:
    """Points on the line, some of them equal, and two laws on them."""
    rng = setting.rng()
    for _ in range(setting.size(100, deep=1000)):
        k = int(rng.integers(2, 6))
        yield points(rng, k), pmf(rng, k, zeros=0.3), pmf(rng, k, zeros=0.3, ties=True)


@claim(
    "energy-mmd-factor",
    says="With K = ½(d(x, x₀) + d(y, x₀) − d(x, y)), ℰ² = 2 MMD²: the sup over the unit ball of the kernel's space is "
    "ℰ/√2, whatever x₀",
    statement=r"\sup_{\|f\|_{\mathcal{H}} \leq 1} (E_P f - E_Q f)^2 = \frac{1}{2} \mathcal{E}_d(P, Q)^2",
    source=ENERGY,
    primary="Sejdinovic, Sriperumbudur, Gretton & Fukumizu 2013 (recalled)",
    method=(Exact, Certified),
    verdict="FALSE",
    hypotheses=("d is of negative type: otherwise K is no kernel and the space does not exist",),
)
def energy_mmd(
    setting,
    *,
    of_mmd=lambda mmd_squared: 2 * mmd_squared,
    kernel=lambda to_x, to_y, between: (to_x + to_y - between) / 2,
    between_anchors=operator.eq,
):
    """ℰ², the squared sup and their ratio in rationals, K's semidefiniteness by LDLᵀ; then the estimators' own two."""
    count = 0
    for at, p, q in placed_laws(setting):
        count += 1
        sups = []
        for x0 in (Q(0), Q(7, 3)):
            gram = [[kernel(line(x, x0), line(y, x0), line(x, y)) for y in at] for x in at]
            if any(gram[i][j] != gram[j][i] for i in range(len(at)) for j in range(i)):
                return Refuted(at=at, x0=x0, reason="the kernel is not symmetric")
            if not is_positive_semidefinite(gram):
                return Refuted(at=at, x0=x0, reason="the kernel is not positive semidefinite")
            # The witness f* = μ_P − μ_Q has E_P f* − E_Q f* = ‖f*‖², so the sup squared is that number.
            weights = [a - b for a, b in zip(p, q, strict=True)]
            witness = [dot(row, weights) for row in gram]
            sups.append(dot(witness, weights))
        if not between_anchors(sups[0], sups[1]):
            return Refuted(at=at, p=p, q=q, sup_squared=sups)
        if of_mmd(sups[0]) != energy_squared(line, at, p, q):
            return Refuted(at=at, p=p, q=q, sup_squared=sups[0], energy_squared=energy_squared(line, at, p, q))
    return all_hold(estimators_agree(of_mmd, setting.rng(1 + stream)) for stream in range(3)) if count else Refuted()


def estimators_agree(of_mmd: Callable, rng: np.random.Generator) -> Outcome:
    """The factor between `estimators.energy_distance` and `estimators.mmd(kernel="energy")`, and the exact value.

    Quarters in [−16, 16], eight a side: every sum of the definitions is a multiple of 1/256 below 2¹¹, so exact in
    float64 in whatever order; what may differ is the rounding of a final square root, taken back by squaring.
    """
    from estimators import energy_distance, mmd

    sample = rng.integers(-64, 65, size=(16, 1)) / 4
    at, left, right = [Q(int(4 * x), 4) for x in sample[:, 0]], sample[:8], sample[8:]
    p, q = [Q(1, 8)] * 8 + [Q(0)] * 8, [Q(0)] * 8 + [Q(1, 8)] * 8
    exact = float(energy_squared(line, at, p, q))
    energy = float(energy_distance(left, right)) ** 2
    discrepancy = float(of_mmd(Q(*float(mmd(left, right, kernel="energy", squared=True)).as_integer_ratio())))
    # Cancellation loses what 2 E|X − Y| ≤ 64 has over ℰ²; two roundings of numbers of that size.
    slack = 4 * np.spacing(64.0)
    found = {"energy_distance": energy, "from_mmd": discrepancy, "exact": exact}
    agree = abs(energy - exact) <= slack and abs(discrepancy - exact) <= slack
    return Holds(**found) if agree else Refuted(**found, slack=slack)


energy_mmd.printed(
    "the sup is ℰ itself",
    where=ENERGY,
    printed="ℰ_d(Q, P) = sup_{‖f‖ ≤ 1} E_P f − E_Q f, K = ½(d(x, x₀) + d(y, x₀) − d(x, y))",
    correct="ℰ_d(Q, P) = √2 sup_{‖f‖ ≤ 1} E_P f − E_Q f with that kernel",
    of_mmd=lambda mmd_squared: mmd_squared,
)
energy_mmd.mutant("the kernel with + d(x, y)", kernel=lambda to_x, to_y, between: (to_x + to_y + between) / 2)
energy_mmd.mutant("the value depends on x₀", between_anchors=operator.ne)
energy_mmd.equivalent(
    "kernel = lambda to_y, to_x, between: (to_x + to_y - between) / 2", "a kernel is symmetric in its two points"
)


@energy_mmd.counterexample("d(x, y) = |x − y|³ is not of negative type: K has a negative eigenvalue")
def cubed_distance() -> Outcome:
    at = [Q(0), Q(1), Q(2)]
    gram = [[(x**3 + y**3 - abs(x - y) ** 3) / 2 for y in at] for x in at]
    return Holds() if is_positive_semidefinite(gram) else Refuted(gram=gram)


@energy_mmd.counterexample("two point masses at distance 1: ℰ² = 2, and the sup squared is 1")
def two_points() -> Outcome:
    energy, sup = energy_squared(line, [Q(0), Q(1)], [Q(1), Q(0)], [Q(0), Q(1)]), Q(1)
    return Holds() if energy == sup else Refuted(energy_squared=energy, sup_squared=sup)
