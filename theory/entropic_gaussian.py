"""The scalar Gaussian case of the entropic GAN's likelihood model, in closed form and in balls.

Y ~ N(0, s), X ~ N(0, 1), Ŷ = gX and f(y|x) = e^{−(y − gx)²/λ}/√(πλ), so f_Y = N(0, v) with v = g² + λ/2;
the coupling of Y and X is Gaussian with correlation ρ.
"""

from __future__ import annotations

from typing import Any

from flint import arb

from theory.certified import Ball, ball


def log_likelihood(g: Any, s: Any, temperature: Any) -> Ball:
    """E log f_Y(Y) = −½ log(2πv) − s/(2v)."""
    v = ball(g) ** 2 + ball(temperature) / 2
    return -(2 * arb.pi() * v).log() / 2 - ball(s) / (2 * v)


def mean_loss(g: Any, s: Any, rho: Any) -> Ball:
    """E (Y − gX)² = s + g² − 2 g ρ √s."""
    return ball(s) + ball(g) ** 2 - 2 * ball(g) * ball(rho) * ball(s).sqrt()


def divergence_from_product(rho: Any) -> Ball:
    """KL(π‖P_Y ⊗ P_X) = −½ log(1 − ρ²)."""
    return -(1 - ball(rho) ** 2).log() / 2


def log_constant(temperature: Any) -> Ball:
    """log C = −½ log(πλ)."""
    return -(arb.pi() * ball(temperature)).log() / 2


def surrogate(g: Any, s: Any, temperature: Any, rho: Any) -> Ball:
    """The lower bound log C − E ℓ/λ − KL(π‖P_Y ⊗ P_X)."""
    return log_constant(temperature) - mean_loss(g, s, rho) / ball(temperature) - divergence_from_product(rho)


def mean_gap(g: Any, s: Any, temperature: Any, rho: Any) -> Ball:
    """E KL(π(x|y)‖f(x|y)) with π(x|y) = N(ρy/√s, 1 − ρ²) and f(x|y) = N(gy/v, λ/(2v))."""
    g, s, rho = ball(g), ball(s), ball(rho)
    v = g**2 + ball(temperature) / 2
    posterior = ball(temperature) / (2 * v)
    spread = 1 - rho**2
    shift = s * (rho / s.sqrt() - g / v) ** 2
    return (posterior / spread).log() / 2 + (spread + shift) / (2 * posterior) - arb(1) / 2


def best_correlation(g: Any, s: Any, temperature: Any) -> Ball:
    """The ρ at which the surrogate is largest: κ(1 − ρ²) = ρ for κ = 2g√s/λ, so ρ = 2κ/(1 + √(1 + 4κ²))."""
    kappa = 2 * ball(g) * ball(s).sqrt() / ball(temperature)
    return 2 * kappa / (1 + (1 + 4 * kappa**2).sqrt())
