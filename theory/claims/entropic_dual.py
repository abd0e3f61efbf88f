"""The entropic optimal-transport problem and its dual: the constants between them."""

from collections.abc import Iterator
from typing import Any

from flint import arb

from theory.certified import Ball, ball, decide_at_most, decide_equal, decide_less, precision, total, xlog
from theory.claim import Certified, Inconclusive, Outcome, Refuted, all_hold, claim
from theory.exact import Q, minimise
from theory.exact import total as exact_total
from theory.instances import points
from theory.setting import Setting
from theory.sources import BALAJI

PRIMAL_DUAL = BALAJI.slide("Entropic GAN: primal and dual")
BITS = 128
DISTANCE = 1e-20
SIDE = 6


class Transport:
    """Laws of Y and Ŷ on six points each, a loss, and λ: drawn so that a coupling and potentials are its solution.

    Drawn are π > 0, D₁, D₂ and λ; the loss is then ℓ = D₁ − D₂ − λ log(dπ/d(P_Y ⊗ P_Ŷ)), so that
    e^{v/λ} = dπ/d(P_Y ⊗ P_Ŷ), which is the condition for both to be optimal.
    """

    def __init__(self, rng: Any):
        masses = rng.integers(1, 30, size=(SIDE, SIDE))
        whole = int(masses.sum())
        self.coupling = [[Q(int(mass), whole) for mass in row] for row in masses]
        self.rows = [exact_total(row) for row in self.coupling]
        self.columns = [exact_total(row[j] for row in self.coupling) for j in range(SIDE)]
        self.first, self.second = points(rng, SIDE, spread=2), points(rng, SIDE, spread=2)
        self.temperature = Q(int(rng.integers(1, 20)), 10)
        self.loss = [
            [
                self.first[i] - self.second[j] - self.temperature * self.density(i, j).log()
                for j in range(SIDE)
            ] for i in range(SIDE)
        ]  # fmt: skip

    def density(self, i: int, j: int) -> Ball:
        """dπ/d(P_Y ⊗ P_Ŷ) at a pair."""
        return ball(self.coupling[i][j] / (self.rows[i] * self.columns[j]))

    def mean_loss(self, coupling: list[list]) -> Ball:
        return total(ball(coupling[i][j]) * self.loss[i][j] for i in range(SIDE) for j in range(SIDE))

    def divergence(self, coupling: list[list]) -> Ball:
        """KL(π‖P_Y ⊗ P_Ŷ)."""
        return total(
            xlog(coupling[i][j], coupling[i][j] / (self.rows[i] * self.columns[j]))
            for i in range(SIDE) for j in range(SIDE) if coupling[i][j] > 0
        )  # fmt: skip

    def means(self, first: list, second: list) -> tuple[Ball, Ball]:
        """E D₁(Y) and E D₂(Ŷ)."""
        return (
            total(ball(p) * d for p, d in zip(self.rows, first, strict=True)),
            total(ball(q) * d for q, d in zip(self.columns, second, strict=True)),
        )

    def penalty(self, soft, first: list, second: list) -> Ball:
        """E over P_Y × P_Ŷ of soft(v, λ), v = D₁ − D₂ − ℓ."""
        return total(
            ball(self.rows[i] * self.columns[j]) * soft(first[i] - second[j] - self.loss[i][j], ball(self.temperature))
            for i in range(SIDE) for j in range(SIDE)
        )  # fmt: skip

    def rivals(self, rng: Any) -> Iterator[tuple[list[list], list, list]]:
        """Other couplings of the same laws and other potentials: the product, a cycle moved, and steps of D₁, D₂."""
        product = [[p * q for q in self.columns] for p in self.rows]
        moved = [list(row) for row in self.coupling]
        least = min(min(row) for row in self.coupling) / 2
        for i, j, sign in ((0, 0, 1), (0, 1, -1), (1, 1, 1), (1, 0, -1)):
            moved[i][j] += sign * least
        for coupling in (product, moved):
            step = [Q(int(k), 8) for k in rng.integers(-8, 9, size=2 * SIDE)]
            yield (
                coupling,
                [d + s for d, s in zip(self.first, step[:SIDE], strict=True)],
                [d + s for d, s in zip(self.second, step[SIDE:], strict=True)],
            )


@claim(
    "entropic-dual-constant",
    says="min over couplings of E ℓ + λ KL(π‖P_Y ⊗ P_Ŷ) is sup over D₁, D₂ of E D₁(Y) − E D₂(Ŷ) − λ E e^{v/λ} + λ with "
    "v = D₁ − D₂ − ℓ; at the optimum dπ = e^{v/λ} dP_Y dP_Ŷ and E e^{v/λ} = 1",
    statement=r"\min_\pi E_\pi \ell + \lambda KL(\pi \| P_Y \otimes P_{\hat Y}) = "
    r"\sup_{D_1, D_2} E D_1 - E D_2 - \lambda E e^{v/\lambda} + \lambda",
    source=PRIMAL_DUAL,
    primary="Genevay, Cuturi, Peyré & Bach 2016; Sanjabi et al. 2018 (recalled)",
    method=Certified,
    verdict="CONDITIONAL",
    hypotheses=(
        "λ stands before the entropy in the primal as well, and + λ in the dual",
        "KL to the product in place of −H: they differ by λ(H(P_Y) + H(P_Ŷ)), and the latter depends on G",
    ),
    limits="Finite spaces of six points.",
)
def dual_constant(
    setting,
    *,
    primal=lambda loss, temperature, divergence: loss + temperature * divergence,
    dual=lambda first, second, penalty, temperature: first - second - temperature * penalty + temperature,
    soft=lambda v, temperature: (v / temperature).exp(),
):
    """Problems drawn with their solution: both values there, and no rival coupling or potential does better."""
    with precision(BITS):
        return all_hold(dual_parts(setting, primal, dual, soft))


def dual_parts(setting: Setting, primal, dual, soft) -> Iterator[Outcome]:
    rng = setting.rng()
    for _ in range(setting.size(15, deep=200)):
        problem = Transport(rng)
        temperature = ball(problem.temperature)

        def primal_value(coupling, problem=problem, temperature=temperature):
            return primal(problem.mean_loss(coupling), temperature, problem.divergence(coupling))

        def dual_value(first, second, problem=problem, temperature=temperature):
            means = problem.means(first, second)
            return dual(*means, problem.penalty(soft, first, second), temperature)

        for i in range(SIDE):
            for j in range(SIDE):
                v = problem.first[i] - problem.second[j] - problem.loss[i][j]
                yield decide_equal(soft(v, temperature), problem.density(i, j), distance=DISTANCE)
        yield decide_equal(problem.penalty(soft, problem.first, problem.second), 1, distance=DISTANCE)
        least, largest = primal_value(problem.coupling), dual_value(problem.first, problem.second)
        yield decide_equal(least, largest, distance=DISTANCE, temperature=problem.temperature)
        for coupling, first, second in problem.rivals(rng):
            if coupling != problem.coupling:
                yield decide_less(least, primal_value(coupling), temperature=problem.temperature)
            if len({a - b for a, b in zip(first + second, problem.first + problem.second, strict=True)}) > 1:
                yield decide_less(dual_value(first, second), largest, temperature=problem.temperature)


dual_constant.printed(
    "the dual without + λ",
    where=PRIMAL_DUAL,
    printed="max E D₁(Y) − E D₂(G(X)) − λ E e^{v/λ}, equal to the primal",
    correct="+ λ: at the optimum E e^{v/λ} = 1",
    dual=lambda first, second, penalty, temperature: first - second - temperature * penalty,
)
dual_constant.printed(
    "the primal without λ before the entropy",
    where=PRIMAL_DUAL,
    printed="min E ℓ(Y, G(X)) − H(P_{Y,G(X)})",
    correct="E ℓ + λ KL(π‖P_Y ⊗ P_Ŷ)",
    primal=lambda loss, temperature, divergence: loss + divergence,
)
dual_constant.mutant("e^v without /λ", soft=lambda v, temperature: v.exp())
dual_constant.mutant(
    "+ E D₂", dual=lambda first, second, penalty, temperature: first + second - temperature * penalty + temperature
)
dual_constant.equivalent(
    "primal = lambda loss, divergence, temperature: loss + temperature * divergence",
    "a product does not know its factors' order",
)


@dual_constant.counterexample("−H in place of KL: between two generators the constant changes by λ (H(P_Ŷ) − H(P_Ŷ'))")
def entropy_of_the_image() -> Outcome:
    """X fair on two points, Y fair on {0, 1}, ℓ = (9/10)(y − ŷ)², λ = 1: G sends both to ½, G′ to 0 and 1.

    The entropic values with KL are ℓ = (9/10)/4 and −log((1 + e^{−9/10})/2); with −H each loses H(P_Y) + H(P_Ŷ).
    """
    with precision(BITS):
        entropies = [-total(xlog(a, a) for a in law) for law in ([Q(1)], [Q(1, 2), Q(1, 2)])]
        slope = ball(Q(9, 10))
        by_divergence = [slope / 4, -((1 + (-slope).exp()) / 2).log()]
        by_entropy = [value - arb(2).log() - entropy for value, entropy in zip(by_divergence, entropies, strict=True)]
    found = {"with_KL": by_divergence, "with_minus_H": by_entropy}
    reversed_order = by_divergence[0] < by_divergence[1] and by_entropy[0] > by_entropy[1]
    return Refuted(**found) if reversed_order else Inconclusive(**found)


@dual_constant.boundary("λ → 0 is Kantorovich's problem: potentials with v ≤ 0 come within λ of the transport cost")
def cold_limit(setting: Setting) -> Outcome:
    """OT ≤ dual at Kantorovich's potentials (E e^{v/λ} ≤ 1) ≤ entropic value ≤ OT + λ KL(π₀‖P_Y ⊗ P_Ŷ)."""
    with precision(BITS):
        return all_hold(cold_parts(setting))


def cold_parts(setting: Setting) -> Iterator[Outcome]:
    problem = Transport(setting.rng(1))
    problem.loss = [[(x - y) ** 2 for y in problem.second] for x in problem.first]
    rows = [([int(k // SIDE == i) for k in range(SIDE**2)], problem.rows[i]) for i in range(SIDE)]
    columns = [([int(k % SIDE == j) for k in range(SIDE**2)], problem.columns[j]) for j in range(SIDE)]
    best = minimise([problem.loss[k // SIDE][k % SIDE] for k in range(SIDE**2)], [*rows, *columns])
    first, second = best.y[:SIDE], [-d for d in best.y[SIDE:]]
    coupling = [best.x[SIDE * i : SIDE * i + SIDE] for i in range(SIDE)]
    specs = dual_constant.specs
    for temperature in (Q(1), Q(1, 10), Q(1, 1000)):
        problem.temperature = temperature
        penalty = problem.penalty(specs["soft"], first, second)
        low = specs["dual"](*problem.means(first, second), penalty, temperature)
        high = problem.mean_loss(coupling) + temperature * problem.divergence(coupling)
        yield decide_at_most(best.value, low, temperature=temperature)
        yield decide_at_most(low, high, temperature=temperature)
        yield decide_at_most(high - low, temperature * (1 + problem.divergence(coupling)), temperature=temperature)
