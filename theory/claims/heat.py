"""Gaussian diffusion as an equation: the density spreads by +Δ, and −Δ runs it backwards."""

from collections.abc import Iterator
from math import comb, prod
from typing import Any

from flint import arb, fmpq_mpoly_ctx

from theory.certified import ball, decide_less, normal_pdf
from theory.claim import Certified, Exact, Holds, Outcome, Refuted, claim
from theory.exact import Q
from theory.setting import Setting
from theory.sources import BRUNA

DIFFUSION = BRUNA.slide("Diffusion and Non-equilibrium Thermodynamics")
RING = fmpq_mpoly_ctx.get(["x", "y", "t"], "lex")
X, Y, T = RING.gens()


def smoothed(degree: int, x: Any, variance: Any) -> Any:
    """E (x + √variance ε)ⁿ for ε ~ N(0, 1): Σ_k C(n, 2k) x^{n−2k} varianceᵏ (2k − 1)!!."""
    terms = [
        comb(degree, 2 * k) * prod(range(1, 2 * k, 2)) * x ** (degree - 2 * k) * variance**k
        for k in range(degree // 2 + 1)
    ]
    return sum(terms, 0 * x)


def polynomials(setting: Setting) -> Iterator[dict[tuple[int, int], Any]]:
    """Initial data Σ c xᵃyᵇ: single powers, then drawn sums."""
    yield from ({(a, b): Q(1)} for a, b in ((2, 0), (0, 2), (3, 1), (4, 4), (8, 0)))
    rng = setting.rng()
    for _ in range(setting.size(20, deep=200)):
        powers = rng.integers(0, 7, size=(5, 2))
        yield {(int(a), int(b)): Q(int(rng.integers(-9, 10)), int(rng.integers(1, 7))) for a, b in powers}


def spread_out(data: dict[tuple[int, int], Any], variance: Any) -> Any:
    """q₀ ∗ N(0, variance·I) in the plane, a polynomial of x, y and t."""
    parts = (c * smoothed(a, X, variance) * smoothed(b, Y, variance) for (a, b), c in data.items())
    return sum(parts, 0 * X)


def laplacian(u: Any) -> Any:
    return u.derivative("x").derivative("x") + u.derivative("y").derivative("y")


@claim(
    "heat-sign",
    says="Gaussian diffusion is ∂q/∂t = +Δq, whose solution from q₀ is q₀ ∗ N(0, 2tI)",
    statement=r"\partial_t q_t = +\Delta q_t \Leftrightarrow q_t = q_0 * \mathcal{N}(0, 2tI)",
    source=DIFFUSION,
    primary="Fourier 1822; Sohl-Dickstein et al. 2015",
    method=(Exact, Certified),
    verdict="FALSE",
    limits="Polynomial data, on which convolution is exact; the slide is right if its Δ is the positive Laplacian "
    "−Σ ∂²/∂xᵢ² of geometers.",
)
def heat_sign(setting, *, spread=lambda t: 2 * t, dynamics=lambda laplacian: laplacian):
    """q₀ ∗ N(0, spread(t)·I) as a polynomial in x, y, t: its ∂/∂t and its Laplacian are compared coefficient-wise."""
    count = 0
    for data in polynomials(setting):
        u = spread_out(data, spread(T))
        if u.subs({"t": 0}) != spread_out(data, 0 * T):
            return Refuted(data=data, reason="it does not start at q₀")
        residual = u.derivative("t") - dynamics(laplacian(u))
        if residual != 0:
            return Refuted(data=data, residual=str(residual))
        count += 1
    return Holds(initial_data=count)


heat_sign.printed(
    "𝓕 = −Δ",
    where=DIFFUSION,
    printed="∂q_t/∂t = 𝓕(q_t); for 𝓕 = −Δ we have Gaussian diffusion",
    correct="𝓕 = +Δ (up to a positive constant); −Δ is the backward heat equation, which is ill-posed",
    dynamics=lambda laplacian: -laplacian,
)
heat_sign.mutant("variance t after time t", spread=lambda t: t)
heat_sign.mutant("half the Laplacian", dynamics=lambda laplacian: laplacian / 2)


@heat_sign.counterexample("N(0, 1 + 2t) under −Δ: the residual at x = 0, t = 1 is −(2/3)/√(6π) = −0.15355…")
def residual_of_the_printed() -> Outcome:
    variance = ball(3)
    density = normal_pdf(0) / variance.sqrt()
    time_derivative, second_derivative = -density / variance, -density / variance
    residual = time_derivative - (-second_derivative)
    return Refuted(residual=residual) if residual < 0 else Holds(residual=residual)


@heat_sign.counterexample("under −Δ the wave cos ξx is multiplied by exp(ξ²t): no bound serves all ξ")
def multiplier() -> Outcome:
    t, bound = Q(1, 100), 10**6
    return decide_less(max((arb(xi * xi) * t).exp() for xi in (1, 10, 100)), bound, time=t)


@heat_sign.boundary("data that can be run backwards: for polynomials q₀ ∗ N(0, −2tI) does solve ∂q/∂t = −Δq")
def backwards(setting) -> Outcome:
    for data in polynomials(setting):
        u = spread_out(data, -2 * T)
        if u.derivative("t") != -laplacian(u):
            return Refuted(data=data)
    return Holds()
