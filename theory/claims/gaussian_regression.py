"""Squared error and the normal likelihood: what the square leaves out, and what its minimiser is."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from flint import arb, fmpq_mat, fmpq_poly

from theory.certified import ball, decide_equal, normal_pdf, precision
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, all_hold, claim
from theory.claims.gaussian_maps import cholesky, times, transposed
from theory.exact import Q, total
from theory.instances import pmf, points
from theory.setting import Setting
from theory.sources import BRUNA, TALK

MIXTURES = BRUNA.slide("Limitations of Mixture Models")
PIXELS = BRUNA.slide("Pixel Recurrent Networks")
Law = list[tuple[Any, Any]]


def expansions(setting: Setting) -> Iterator[tuple[list[Any], list[list[Any]]]]:
    """x − Φ and Σ = L Lᵀ in one, two and three dimensions, with x = Φ among them."""
    rng = setting.rng()
    yield [Q(0)], [[Q(1)]]
    yield [Q(0)], [[Q(4)]]
    for index in range(setting.size(20, deep=200)):
        d = 1 + index % 3
        L = [[Q(int(rng.integers(-4, 5)), 3) if j < i else Q(int(rng.integers(1, 7)), 3) if i == j else Q(0)
              for j in range(d)] for i in range(d)]  # fmt: skip
        yield points(rng, d, spread=2), times(L, transposed(L))


def laws(setting: Setting) -> Iterator[Law]:
    """Laws of y given x: P(0) = ⅔, P(3) = ⅓, then drawn ones with ties."""
    yield [(Q(0), Q(2, 3)), (Q(3), Q(1, 3))]
    rng = setting.rng(1)
    for _ in range(setting.size(40, deep=400)):
        k = int(rng.integers(1, 6))
        yield list(zip(points(rng, k), pmf(rng, k, zeros=0.2), strict=True))


def minus_log_density(difference: list[Any], S: list[list[Any]]) -> tuple[Any, Any, Any]:
    """−log N(x; Φ, Σ) as the density of Φ + TZ at x, T = chol Σ; with ‖Σ^{−1/2}(x − Φ)‖² and det Σ, both rational."""
    T = fmpq_mat(cholesky(S))
    z = T.solve(fmpq_mat([[value] for value in difference]))
    density = 1 / ball(T.det())
    for value in z.entries():
        density *= normal_pdf(value)
    column = fmpq_mat([[value] for value in difference])
    square = (column.transpose() * fmpq_mat(S).inv() * column)[0, 0]
    return -density.log(), square, fmpq_mat(S).det()


def median(law: Law) -> Any:
    """The least y with P(Y ≤ y) ≥ ½."""
    return next(y for y, _ in sorted(law) if total(w for v, w in law if v <= y) >= Q(1, 2))


@claim(
    "gaussian-l2-regression",
    says="−log N(x; Φ, Σ) = ½‖Σ^{−1/2}(x − Φ)‖² + ½ log det Σ + (d/2) log 2π, so for Σ that depends on z the square "
    "alone is not the likelihood; E(y − F(x))² is least at F(x) = E[y|x]",
    statement=r"-\log p(x|z) = \frac{1}{2}\|\Sigma(z)^{-1/2}(x - \Phi(z))\|^2 + \frac{1}{2}\log\det\Sigma(z) "
    r"+ \frac{d}{2}\log 2\pi",
    source=(MIXTURES, PIXELS, TALK.slide("Ill-Posed Problems")),
    primary="Gauss 1809",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=("Σ does not depend on z; or else ½ log det Σ(z) belongs to the loss",),
    priority="P2",
)
def gaussian_l2_regression(
    setting,
    *,
    loss=lambda square, volume, d: square / 2 + volume.log() / 2 + d * (2 * arb.pi()).log() / 2,
    minimiser=lambda law: total(y * weight for y, weight in law),
):
    """The normal density as that of Φ + TZ, in up to three dimensions; E(y − F)² as a polynomial of F."""
    with precision(128):
        parts: list[Outcome] = []
        for difference, S in expansions(setting):
            value, square, determinant = minus_log_density(difference, S)
            stated = loss(ball(square), ball(determinant), len(S))
            parts.append(decide_equal(stated, value, distance=1e-15, square=square, determinant=determinant))
        for law in laws(setting):
            risk = sum((weight * fmpq_poly([-y, 1]) ** 2 for y, weight in law), fmpq_poly([0]))
            best = minimiser(law)
            if risk.derivative()(best) != 0 or any(risk(y) < risk(best) for y, _ in law):
                return Refuted(law=law, stated=best, risk=risk(best))
        return all_hold(parts)


gaussian_l2_regression.mutant("the square alone, as if proportional", loss=lambda square, volume, d: square)
gaussian_l2_regression.mutant(
    "without log det Σ(z)", loss=lambda square, volume, d: square / 2 + d * (2 * arb.pi()).log() / 2
)
gaussian_l2_regression.mutant(
    "log det Σ without the half",
    loss=lambda square, volume, d: square / 2 + volume.log() + d * (2 * arb.pi()).log() / 2,
)
gaussian_l2_regression.mutant("the median minimises the square", minimiser=median)
gaussian_l2_regression.mutant(
    "the mode minimises the square", minimiser=lambda law: max(law, key=lambda pair: float(pair[1]))[0]
)


@gaussian_l2_regression.counterexample("x = Φ with Σ = 1 and Σ = 4: both squares are 0, and −log p = 0.9189…, 1.6120…")
def at_the_mean() -> Outcome:
    (narrow, first, _), (wide, second, _) = (minus_log_density([Q(0)], [[Q(s)]]) for s in (1, 4))
    told = {"squares": (first, second), "narrow": narrow, "wide": wide}
    return Refuted(**told) if first == second == 0 and narrow < wide else Holds(**told)


@gaussian_l2_regression.boundary("y = ±1 with probability ½ each: the minimiser is 0, which never occurs")
def regression_to_the_mean() -> Outcome:
    law = [(Q(1), Q(1, 2)), (Q(-1), Q(1, 2))]
    best = gaussian_l2_regression.specs["minimiser"](law)
    return Holds(minimiser=best) if best == 0 and all(y != best for y, _ in law) else Refuted(minimiser=best)


@gaussian_l2_regression.boundary("for one fixed Σ the likelihood and the square prefer the same Φ")
def fixed_covariance() -> Outcome:
    S = [[Q(1), Q(2)], [Q(2), Q(5)]]
    candidates = [[Q(a), Q(b)] for a, b in ((0, 1), (1, 0), (2, 1), (1, 1), (-1, 3))]
    found = [minus_log_density(difference, S)[:2] for difference in candidates]
    by_square = sorted(range(len(found)), key=lambda i: found[i][1])
    rising = all(found[a][0] < found[b][0] for a, b in pairwise(by_square))
    return Holds(squares=[square for _, square in found]) if rising else Refuted(order=by_square)
