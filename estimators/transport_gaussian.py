"""The Wasserstein distance of two Gaussians, in closed form."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from estimators.densities import Gaussian
from estimators.result import Certificate, Estimate

UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2

Array = NDArray[np.floating]


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
    shift, gap = math.hypot(*(P.mean - Q.mean)), math.hypot(*(first - second @ (left @ right)).ravel())
    value, (low, high) = math.hypot(shift, gap), _bures_bounds(gap, first, second)
    relative = (P.dimension + 8) * UNIT_ROUNDOFF  # of the differences, their squares, their sum and the root
    bounds = Certificate("rounding", math.hypot(shift, low) * (1 - relative), math.hypot(shift, high) * (1 + relative))
    return Estimate(value, None, None, "Bures closed form", bounds, "length", "between the laws given")


def root_error(root: Array) -> float:
    """A bound on ‖Σ^½ − (L Lᵀ)^½‖, Frobenius, for the computed Cholesky factor L = `root` (d, d) of Σ.

    L Lᵀ = Σ + E, ‖E‖ ≤ (d+1)u‖L‖² (Higham 2002, theorem 10.3). X = Σ^½ − (L Lᵀ)^½ solves Σ^½X + X(L Lᵀ)^½ = −E, so that
    ‖X‖ ≤ ‖E‖/σ_min(L), a relative error of u cond(L); and ‖X‖² ≤ ‖E‖₁ ≤ √d ‖E‖ whatever the condition (Powers &
    Størmer 1970, lemma 4.1).
    """
    moved = 2 * (len(root) + 1) * UNIT_ROUNDOFF * float(np.linalg.norm(root)) ** 2
    free = math.sqrt(math.sqrt(len(root)) * moved)
    least = _least_singular(root)
    return min(free, moved / least) if least > 0 else free


def _bures_bounds(gap: float, first: Array, second: Array) -> tuple[float, float]:
    """What the Bures distance of two covariances may be, given ‖L₁ − L₂U‖ as computed of their computed roots.

    It is a metric and at most ‖Σ^½ − Σ'^½‖, so that each root moves it by `root_error` at most. Of the roots as they
    are, it is f(V) = min ‖L₁ − L₂V‖. The U computed is, up to η, the polar factor U' of M + δM,
    M = L₂ᵀL₁, ‖δM‖ ≤ η‖L₁‖‖L₂‖, so that f(U') is `gap` up to η(‖L₁‖ + ‖L₂‖). U' is best for M + δM, and f² varies as
    −2⟨·, M⟩: hence f(U')² − f(V)² ≤ 2‖U' − V‖‖δM‖, where ‖U' − V‖ ≤ 2√d, and ≤ 2‖δM‖/σ_min(M) (Li 1995, theorem 1).
    """
    d, sizes = len(first), [float(np.linalg.norm(root)) for root in (first, second)]
    each = product_error(d)
    moved, spread = each * sizes[0] * sizes[1], 2 * math.sqrt(d)
    least = _least_singular(first) * _least_singular(second)
    turned = min(spread, 2 * moved / least) if least > 0 else spread
    reach, factored = each * sum(sizes), root_error(first) + root_error(second)
    nearest = max(gap - reach, 0.0)
    low = math.sqrt(max(nearest**2 - 2 * turned * moved, 0.0))
    return max(low - factored, 0.0), gap + reach + factored


def product_error(d: int) -> float:
    """Roundings of a product of (d, d) matrices, d² entries of d terms each, of an SVD, and of a few such in turn."""
    return 4 * d * (d + 4) * UNIT_ROUNDOFF


def _least_singular(root: Array) -> float:
    """A lower bound on the least singular value: those computed are off by some d roundings of the largest."""
    values = np.linalg.svd(root, compute_uv=False)
    return float(values[-1]) - product_error(len(root)) * float(values[0])
