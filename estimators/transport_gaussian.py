"""The Wasserstein distance of two Gaussians, in closed form."""

from __future__ import annotations

import math

import numpy as np

from estimators.densities import Gaussian
from estimators.result import Certificate, Estimate

_UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2


def gaussian_wasserstein(P: Gaussian, Q: Gaussian) -> Estimate:
    """W₂ between Gaussians: √(‖m₁−m₂‖² + min over orthogonal U of ‖L₁ − L₂U‖²), where Lᵢ Lᵢᵀ = Σᵢ, in units of length.

    The minimum is the Bures distance, whose square is tr(Σ₁ + Σ₂ − 2(Σ₁^½ Σ₂ Σ₁^½)^½); written as a difference
    it keeps its digits where Σ₁ is near Σ₂, and U is the polar factor of L₂ᵀL₁. Raises TypeError unless both are
    `Gaussian`, ValueError unless their dimensions agree. Source: Dowson & Landau 1982; Bhatia, Jain & Lim 2019.
    """
    for name, law in (("P", P), ("Q", Q)):
        if not isinstance(law, Gaussian):
            raise TypeError(f"{name} is {type(law).__name__}: pass a Gaussian, or samples to wasserstein(X, Y, p=2)")
    if P.dimension != Q.dimension:
        raise ValueError(f"P has dimension {P.dimension} and Q has {Q.dimension}: they must agree")
    first, second = np.linalg.cholesky(P.cov), np.linalg.cholesky(Q.cov)
    left, _, right = np.linalg.svd(second.T @ first)
    gap = first - second @ (left @ right)
    value = math.hypot(float(np.linalg.norm(P.mean - Q.mean)), float(np.linalg.norm(gap)))
    # Cholesky, the products and the SVD are backward stable: some d roundings of the roots' size each. What that
    # moves a root by grows with its condition, √ of the covariance's.
    size = sum(float(np.linalg.norm(root)) * math.sqrt(np.linalg.cond(root)) for root in (first, second))
    size += float(np.linalg.norm(P.mean) + np.linalg.norm(Q.mean))
    slack = 16 * P.dimension * _UNIT_ROUNDOFF * size
    bounds = Certificate("rounding", max(value - slack, 0.0), value + slack)
    return Estimate(value, None, None, "Bures closed form", bounds, "length", "between the laws given")
