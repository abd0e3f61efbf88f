"""The law of G(Z): masses by preimages, integrals by composition, and when it has a density."""

from collections.abc import Iterator
from itertools import combinations, pairwise, product
from typing import Any

from flint import arb, fmpq_mat

from theory.claim import Certified, Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q, total
from theory.instances import pmf, points
from theory.setting import Setting
from theory.sources import BRUNA, TALK, YU

IMPLICIT = BRUNA.slide("Generative Models of Complex Data")
LATENT, SPACE = 5, 4


def pushed(mu: list[Any], G: tuple[int, ...]) -> list[Any]:
    """The law of G(z), mass by mass, as it is carried: on as many points as the latent space has."""
    law = [Q(0)] * len(mu)
    for z, weight in enumerate(mu):
        law[G[z]] += weight
    return law


def linear_maps(setting: Setting) -> Iterator[list[list[Any]]]:
    """d × k matrices: full rank, dependent rows or columns, zero, for k below, at and above d."""
    yield from ([[Q(0)]], [[Q(0), Q(0), Q(0)], [Q(1), Q(0), Q(0)]], [[Q(1), Q(2)], [Q(2), Q(4)]])
    rng = setting.rng(1)
    for index in range(setting.size(60, deep=600)):
        d, k = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        rows = [[Q(int(v)) for v in row] for row in rng.integers(-3, 4, size=(d, k))]
        if index % 3 == 0 and d > 1:
            rows[-1] = [a + b for a, b in zip(rows[0], rows[-2], strict=True)]
        yield rows


def decide_density(rows: list[list[Any]], said: bool) -> bool:
    """Whether `said` is right that x = Gz, z ~ N(0, I), has a density.

    Proved by a right inverse R or by a normal n of the range. With GR = I the map is onto, and the law
    has the density of N(0, G Gᵀ); with n ≠ 0 and nᵀG = 0 it lives in {n·x = 0}, which has no volume.
    """
    G = fmpq_mat(rows)
    gram = G * G.transpose()
    if gram.det() != 0:
        composed = G * (G.transpose() * gram.inv())
        return said and composed.tolist() == [[Q(int(i == j)) for j in range(len(rows))] for i in range(len(rows))]
    reduced, rank = G.transpose().rref()
    free = next(j for j in range(len(rows)) if all(_lead(reduced, i) != j for i in range(rank)))
    normal = [Q(0)] * len(rows)
    normal[free] = Q(1)
    for i in range(rank):
        normal[_lead(reduced, i)] = -reduced[i, free]
    in_a_hyperplane = all(value == 0 for value in (G.transpose() * fmpq_mat([[n] for n in normal])).entries())
    return not said and in_a_hyperplane


def _lead(reduced: Any, i: int) -> int:
    return next(j for j in range(reduced.ncols()) if reduced[i, j] != 0)


@claim(
    "pushforward-identity",
    says="P_θ(A) = μ(G⁻¹A), and ∫ f dP_θ = ∫ f∘G dμ for f ≥ 0 or f∘G integrable; a linear G of rank below dim x "
    "gives a law without a Lebesgue density",
    statement=r"P_\theta(A) = \mu(G^{-1}A), \quad \int f\,dP_\theta = \int f \circ G\,d\mu",
    source=(
        IMPLICIT,
        BRUNA.slide("Limitations of Likelihood-Based Learning"),
        YU.slide("Push-forward"),
        TALK.slide("Probabilistic Models"),
    ),
    primary="any text on measures; Billingsley 1995, change of variable (recalled)",
    method=(Exact, Certified),
    verdict="CONDITIONAL",
    hypotheses=(
        "f ≥ 0, or f∘G is μ-integrable: for every measurable f, as printed, both sides may be undefined",
        "“p(x)” means a measure: if dim z < dim x and G is locally Lipschitz there is no density",
    ),
    limits="Finite spaces for the identity, linear maps for the density.",
)
def pushforward_identity(
    setting,
    *,
    integral=lambda f, G, mu: total(f[G[z]] * mu[z] for z in range(len(mu))),
    mass=lambda mu, G, A: total(mu[z] for z in range(len(mu)) if G[z] in A),
    has_density=lambda rank, latent, space: rank >= space,
):
    """All 1024 maps of five points to four with drawn laws and functions, every subset; and linear maps by rank."""
    rng = setting.rng()
    subsets = [A for size in range(SPACE + 1) for A in combinations(range(SPACE), size)]
    for G in product(range(SPACE), repeat=LATENT):
        mu, f = pmf(rng, LATENT, zeros=0.3), points(rng, LATENT)
        law = pushed(mu, G)
        if integral(f, G, mu) != total(value * weight for value, weight in zip(f, law, strict=True)):
            return Refuted(G=G, mu=mu, f=f, integral=integral(f, G, mu), P=law)
        for A in subsets:
            if mass(mu, G, A) != total(law[x] for x in A):
                return Refuted(G=G, mu=mu, A=A, stated=mass(mu, G, A), P=law)
    for rows in linear_maps(setting):
        said = has_density(fmpq_mat(rows).rank(), len(rows[0]), len(rows))
        if not decide_density(rows, said):
            return Refuted(G=rows, said_to_have_a_density=said)
    return Holds(maps=SPACE**LATENT, subsets=len(subsets))


pushforward_identity.mutant("P(A) = μ(G(A))", mass=lambda mu, G, A: total(mu[z] for z in {G[a] for a in A}))
pushforward_identity.mutant(
    "∫ f dP = ∫ f∘G⁻¹ dμ",
    integral=lambda f, G, mu: total(f[G.index(x)] * mu[x] for x in range(len(mu)) if x in G),
)
pushforward_identity.mutant("a density whatever the rank", has_density=lambda rank, latent, space: True)
pushforward_identity.mutant("a density if dim z ≥ dim x", has_density=lambda rank, latent, space: latent >= space)


@pushforward_identity.counterexample("f(x) = x, μ = Cauchy, G = id: the positive and the negative part both diverge")
def cauchy_mean() -> Outcome:
    # ∫₀ᴿ x/(π(1 + x²)) dx = log(1 + R²)/(2π), and the same on the other side.
    parts = [(1 + arb(10) ** (2 * k)).log() / (2 * arb.pi()) for k in (10, 100, 1000)]
    return Refuted(each_side_up_to_R=parts) if all(b > 2 * a for a, b in pairwise(parts)) else Holds()


@pushforward_identity.counterexample("z ↦ (z, z) of a normal z: the diagonal has mass 1 and no area")
def diagonal() -> Outcome:
    return Holds() if decide_density([[Q(1)], [Q(1)]], True) else Refuted(mass=1, area=0)


@pushforward_identity.boundary("a square matrix of full rank gives a density, a wide one too")
def onto() -> Outcome:
    maps = ([[Q(1), Q(2)], [Q(0), Q(1)]], [[Q(1), Q(2), Q(3)], [Q(0), Q(1), Q(1)]])
    return Holds() if all(decide_density(rows, True) for rows in maps) else Refuted()
