"""The spread that plain IMLE gives N(0, s² I_d) when the data are N(0, I_d), as floats: for pictures, not verdicts.

With g(a) = E min_{j ≤ m} ‖X_j − x‖² for X_j ~ N(0, I_d) and ‖x‖ = a, as in `theory.nearest_sample`, samples s X_j lose

    L(s) = E s² g(‖x‖/s) = s² ∫₀^∞ g(a) s χ_d(s a) da,   g(a) = ∫₀^∞ 2 r S(a, r)^m dr,

χ_d the density of ‖x‖ and S(a, r) = P(‖X − x‖ > r). Tests hold g to the certified enclosures.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import chndtr
from scipy.stats import chi

#: The scales that are searched: the best is least for m = 2 in four dimensions, 0.28.
SCALES = (0.25, 2.5)
#: Beyond ‖x‖ = 9 lies less than 1e-14 of N(0, I_d), d ≤ 4, so a = ‖x‖/s need not exceed 9 over the least scale.
REACH = 9 / SCALES[0]
#: Nodes over a by Gauss–Legendre, over t = log r by trapezoids: S bends within 1/a of r = a, in four steps of t.
OFFSETS, RADII = 300, 3000
#: Below r = 1e-8 the integral loses r², far less than the least g for m ≤ 10⁵; beyond a + 10, S < 1e-20.
LEAST = 1e-8


@cache
def _grids(d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Offsets a with their weights, radii r, log S(a, r), and the step of log r."""
    nodes, weights = np.polynomial.legendre.leggauss(OFFSETS)
    a = (nodes + 1) * REACH / 2
    t, step = np.linspace(np.log(LEAST), np.log(REACH + 10), RADII, retstep=True)
    r = np.exp(t)
    with np.errstate(divide="ignore"):
        log_miss = np.log1p(-np.minimum(chndtr(r[None] ** 2, d, a[:, None] ** 2), 1.0))
    return a, weights * REACH / 2, r, log_miss, float(step)


def nearest_on_grid(m: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """The offsets a of the grid and g(a) at them, for m samples in d dimensions."""
    a, _, r, log_miss, step = _grids(d)
    return a, np.exp(m * log_miss) @ (2 * r * r) * step


def best_variance(m: int, d: int) -> float:
    """argmin over s² of E min_{j ≤ m} ‖s X_j − x‖², x and X_j ~ N(0, I_d), to five digits; 0 for m = 1.

    Raises ValueError for m < 1, for d outside 1..4, and where the least loss lies at an end of `SCALES`.
    """
    if m < 1:
        raise ValueError(f"m={m} samples; need at least 1")
    if not 1 <= d <= 4:
        raise ValueError(f"d={d} must be from 1 to 4, for which the grid was chosen")
    if m == 1:
        return 0.0  # E ‖s X − x‖² = (s² + 1) d
    a, g = nearest_on_grid(m, d)
    weights = _grids(d)[1]

    def loss(s: float) -> float:
        return float(s**3 * np.sum(weights * g * chi.pdf(s * a, d)))

    found = float(minimize_scalar(loss, bounds=SCALES, method="bounded", options={"xatol": 1e-7}).x)
    # A minimum this close to an end is the end's, not the function's.
    if min(found - SCALES[0], SCALES[1] - found) < 1e-3:
        raise ValueError(f"the best scale for m={m}, d={d} lies outside {SCALES}")
    return found**2
