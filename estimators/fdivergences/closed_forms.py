"""f-divergences between densities that are known in closed form."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import solve_triangular

from estimators.composed import Product, PushForward
from estimators.densities import Density, Gaussian, Uniform
from estimators.fdivergences.generators import Generator
from estimators.result import Estimate


def closed_form(P: Density, Q: Density, f: Generator) -> Estimate | None:
    """D_f(P,Q) where a formula is known, else None.

    Gaussians: KL, reverse KL, χ², squared Hellinger. Uniform laws on boxes: every f. Products of blocks of equal sizes:
    KL and reverse KL add up, 1 + χ² and 1 − H² multiply. Images under one map object: the divergence before the map.
    The value is right to some 16·d·κ roundings, κ the condition number of the covariances, relatively to 1 + itself.
    """
    if isinstance(P, PushForward) and isinstance(Q, PushForward) and P.map is Q.map:
        return closed_form(P.law, Q.law, f)
    value: float | None = None
    if isinstance(P, Gaussian) and isinstance(Q, Gaussian):
        value = _gaussians(P, Q, f.name)
    elif isinstance(P, Uniform) and isinstance(Q, Uniform):
        value = _boxes(P, Q, f)
    elif isinstance(P, Product) and isinstance(Q, Product):
        value = _products(P, Q, f)
    if value is None:
        return None
    return Estimate(min(max(value, 0.0), f.bound), method="closed form", unit=f.unit, detail="no error but rounding")


def _gaussians(P: Gaussian, Q: Gaussian, name: str) -> float | None:
    if name == "reverse-kl":
        return _gaussians(Q, P, "kl")
    root_p, root_q = np.linalg.cholesky(P.cov), np.linalg.cholesky(Q.cov)
    shift = P.mean - Q.mean
    # s²: the variances of P in the coordinates where Q is N(0, I).
    _, s, right = np.linalg.svd(solve_triangular(root_q, root_p, lower=True).T)
    if name == "kl":
        # ½ Σ (s² − 1 − log s²) in a form that keeps its digits where s is near 1.
        excess = (s - 1) * (s + 1)
        away = solve_triangular(root_q, shift, lower=True)
        return float(0.5 * (np.sum(excess - np.log1p(excess)) + away @ away))
    away = right @ solve_triangular(root_q, shift, lower=True)
    if name == "chi-squared":
        # ∫ p²/q = Π (s √(2 − s²))⁻¹ exp(u²/(2 − s²)) along the axes of s², infinite unless every s² < 2.
        if (s * s >= 2).any():
            return math.inf
        squared = s * s
        log = float(np.sum(away**2 / (2 - squared) - 0.5 * np.log1p(-((squared - 1) ** 2))))
        if log > math.log(np.finfo(np.float64).max):
            raise OverflowError(f"chi-squared is about exp({log:.4g}), beyond float64: take kl, or compare nearer laws")
        return math.expm1(log)
    if name == "squared-hellinger":
        # 1 − Π √(2s/(1 + s²)) exp(−u²/(4(1 + s²))), ½(1 + s²) = s + ½(s − 1)².
        bent = 0.5 * (s - 1) ** 2 / s
        return -math.expm1(float(-0.5 * np.sum(np.log1p(bent)) - np.sum(away**2 / (4 * (1 + s * s)))))
    return None


def _boxes(P: Uniform, Q: Uniform, f: Generator) -> float:
    """Both laws are constant on the common box, so that three masses tell everything."""
    sides = np.minimum(P.high, Q.high) - np.maximum(P.low, Q.low)
    inside = (sides > 0).all()
    p = float(np.prod(sides / (P.high - P.low))) if inside else 0.0
    q = float(np.prod(sides / (Q.high - Q.low))) if inside else 0.0
    shared = float(f.terms(np.array([p]), np.array([q]))[0]) if inside else 0.0
    return shared + (f.slope * (1 - p) if p < 1 else 0.0) + (f.at_zero * (1 - q) if q < 1 else 0.0)


def _products(P: Product, Q: Product, f: Generator) -> float | None:
    sizes = [[factor.dimension for factor in law.factors] for law in (P, Q)]
    if f.name not in ("kl", "reverse-kl", "chi-squared", "squared-hellinger") or sizes[0] != sizes[1]:
        return None
    parts = [closed_form(p, q, f) for p, q in zip(P.factors, Q.factors, strict=True)]
    values = [part.value for part in parts if part is not None]
    if len(values) < len(parts):
        return None
    if f.name == "chi-squared":
        return math.inf if math.inf in values else math.expm1(math.fsum(map(math.log1p, values)))
    if f.name == "squared-hellinger":
        return 1.0 if 1.0 in values else -math.expm1(math.fsum(math.log1p(-value) for value in values))
    return math.fsum(values)
