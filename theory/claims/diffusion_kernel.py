"""The step of a diffusion model: the law that it leaves alone, how fast it gets there, and many steps at once."""

from collections.abc import Iterator
from math import factorial, prod
from typing import Any

from flint import fmpq_poly

from theory.claim import Exact, Holds, Outcome, Refuted, claim
from theory.claims.gaussian_maps import root
from theory.claims.heat import DIFFUSION, smoothed
from theory.exact import Q
from theory.setting import Setting

X = fmpq_poly([0, 1])
DEGREES = range(1, 9)


def rates(setting: Setting) -> Iterator[Any]:
    """β in (0, 1] for which √(1 − β) is rational."""
    yield from (Q(1), Q(3, 4), Q(5, 9), Q(9, 25))
    rng = setting.rng()
    for _ in range(setting.size(20, deep=200)):
        q = int(rng.integers(2, 40))
        yield 1 - Q(int(rng.integers(1, q)), q) ** 2


def hermite(n: int) -> Any:
    """Heₙ: Heₙ₊₁ = x Heₙ − n Heₙ₋₁; orthogonal under N(0, 1), E Heₙ² = n!."""
    before, here = fmpq_poly([0]), fmpq_poly([1])
    for k in range(n):
        before, here = here, X * here - k * before
    return here


def after_one_step(polynomial: Any, scale: Any, noise: Any) -> Any:
    """x ↦ E f(scale·x + √noise ε) of a polynomial f."""
    terms = (c * smoothed(n, scale * X, noise) for n, c in enumerate(polynomial.coeffs()))
    return sum(terms, fmpq_poly([0]))


@claim(
    "diffusion-stationary-kernel",
    says="x′ = √(1−β) x + √β ε leaves N(0, I) invariant, for 0 < β ≤ 1 no other law, and brings χ² down by 1 − β; "
    "after T steps from x₀ the mean is ∏√(1−β_t) x₀ and the variance 1 − ∏(1−β_t)",
    statement=r"x' = \sqrt{1-\beta}\,x + \sqrt{\beta}\,\varepsilon: \quad x_T \mid x_0 \sim "
    r"\mathcal{N}\left(\prod_t \sqrt{1-\beta_t}\,x_0,\ 1 - \prod_t (1-\beta_t)\right)",
    source=DIFFUSION,
    primary="Sohl-Dickstein et al. 2015",
    method=Exact,
    priority="P2",
    limits="Uniqueness is shown on the first eight moments; for all laws, the characteristic function ψ of an "
    "invariant one obeys ψ(ξ) = ψ(cᵗξ) exp(−(1 − c²ᵗ)ξ²/2) for all t, whose limit is that of N(0, 1).",
    resolution_of="contraction",
)
def diffusion_stationary_kernel(
    setting,
    *,
    scale=lambda beta: root(1 - beta),
    noise=lambda beta: beta,
    contraction=lambda beta: 1 - beta,
    mean=lambda betas: prod(root(1 - beta) for beta in betas),
    variance=lambda betas: 1 - prod(1 - beta for beta in betas),
):
    """Heₙ is an eigenfunction with eigenvalue √(1−β)ⁿ, as polynomials; means and variances are carried step by step."""
    betas = list(rates(setting))
    for beta in betas:
        a, v = scale(beta), noise(beta)
        # E Heₙ(X) = aⁿ E Heₙ(X) under an invariant law: 0 as under N(0, 1) if aⁿ ≠ 1.
        for n in DEGREES:
            moved = after_one_step(hermite(n), a, v)
            if moved != a**n * hermite(n) or a**n == 1:
                return Refuted(beta=beta, degree=n, moved=str(moved))
        # χ² of the density 1 + Σ cₙ Heₙ is Σ cₙ² n!; a step takes cₙ to aⁿ cₙ.
        worst = max(a ** (2 * n) * factorial(n) / factorial(n) for n in DEGREES)
        if contraction(beta) != worst:
            return Refuted(beta=beta, contraction=worst, stated=contraction(beta))
    m, s = Q(1), Q(0)
    for t, beta in enumerate(betas[1:], start=1):
        m, s = scale(beta) * m, scale(beta) ** 2 * s + noise(beta)
        if (mean(betas[1 : t + 1]), variance(betas[1 : t + 1])) != (m, s):
            return Refuted(betas=betas[1 : t + 1], mean=m, variance=s)
    return Holds(rates=len(betas))


diffusion_stationary_kernel.mutant("x′ = (1−β) x + √β ε", scale=lambda beta: 1 - beta)
diffusion_stationary_kernel.mutant("x′ = x + √β ε", scale=lambda beta: Q(1))
diffusion_stationary_kernel.mutant("noise of standard deviation β", noise=lambda beta: beta**2)
diffusion_stationary_kernel.mutant("the variance is the sum of the rates", variance=lambda betas: sum(betas, Q(0)))
diffusion_stationary_kernel.mutant("χ² falls by √(1−β)", contraction=lambda beta: root(1 - beta))


@diffusion_stationary_kernel.boundary(
    "x′ = (1−β) x + √β ε has the invariant variance 1/(2 − β), which is 1 at β = 1 only"
)
def without_the_root() -> Outcome:
    for beta in (Q(1, 10), Q(1, 2), Q(1)):
        s = 1 / (2 - beta)
        if (1 - beta) ** 2 * s + beta != s or (s == 1) != (beta == 1):
            return Refuted(beta=beta, variance=s)
    return Holds()


@diffusion_stationary_kernel.boundary("β = 0 leaves every law alone")
def no_noise() -> Outcome:
    unmoved = all(after_one_step(hermite(n), Q(1), Q(0)) == hermite(n) for n in DEGREES)
    return Holds() if unmoved else Refuted()
