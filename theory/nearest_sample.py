"""The distance from a point x to samples of N(0, I_d), in balls: its law, and the mean of the least of m squared ones.

‖X − x‖² is noncentral χ² with d degrees of freedom: with a = ‖x‖, N ~ Poisson(a²/2) and y = r²/2,

    P(‖X − x‖ > r) = E Q(d/2 + N, y),   Q = 1 − P the regularised upper incomplete gamma function.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flint import acb, arb, ctx, fmpq

from theory.certified import Ball, ball, integrate, total

#: P(N ≥ 80) < 1e-60 for a²/2 ≤ 4, and Σ_{j ≥ 80} |y|^j/j! < 1e-60 for |y| ≤ 4: what the two series leave out.
TERMS = 80
REST = "1e-60"
LARGEST_OFFSET_SQUARED = 8
#: The integral is cut where what is left is below this share of (d + a²) m^{−2/d}.
LEFT = fmpq(1, 10**20)


def unit_ball_volume(d: int) -> Ball:
    """V_d = π^{d/2}/Γ(d/2 + 1)."""
    return arb.pi() ** fmpq(d, 2) / ball(fmpq(d + 2, 2)).gamma()


def normal_density(a_squared: Any, d: int) -> Ball:
    """The density of N(0, I_d) at ‖x‖² = a_squared."""
    return (2 * arb.pi()) ** fmpq(-d, 2) * (-ball(a_squared) / 2).exp()


def miss(a_squared: Any, r: Any, d: int) -> Any:
    """P(‖X − x‖ > r) for ‖x‖² = a_squared and a complex ball r in the right half-plane.

    Small y: 1 − e^{−y} Σ_k P(N ≤ k) y^{d/2+k}/Γ(d/2 + k + 1), which keeps its digits near 1. Else by
    Q(s + 1, y) = Q(s, y) + yˢ e^{−y}/Γ(s + 1). Raises ValueError for a_squared outside [0, 8], for
    which the rests of the series were not bounded.
    """
    if not 0 <= a_squared <= LARGEST_OFFSET_SQUARED:
        raise ValueError(f"a_squared={a_squared} must be an exact number in [0, {LARGEST_OFFSET_SQUARED}]")
    y = acb(r) * acb(r) / 2
    whole, odd = divmod(d, 2)
    root = acb(r) / acb(2).sqrt() if odd else acb(1)
    within = y.abs_upper() <= 4
    series = acb(0)
    for coefficient in reversed(_coefficients(fmpq(a_squared), d, within, ctx.prec)):
        series = series * y + coefficient
    tail = root * (-y).exp() * series
    if within:
        return 1 - tail * y**whole + arb(0, arb(REST))
    return (root.erfc() if odd else 0) + tail + arb(0, arb(REST))


@cache
def _coefficients(a_squared: Any, d: int, within: bool, _precision: int) -> tuple[Ball, ...]:
    """Of y^k, after y^{d/2} or (for odd d) y^{1/2}: P(N ≤ k)/Γ(d/2 + k + 1), or P(d/2 + N > s)/Γ(s + 1), s ≡ d/2."""
    half = ball(a_squared / 2)
    chances = [(-half).exp()]
    for k in range(1, TERMS):
        chances.append(chances[-1] * half / k)
    first = d // 2
    if within:
        return tuple(total(chances[: k + 1]) / ball(fmpq(d + 2 * k + 2, 2)).gamma() for k in range(TERMS))
    found = []
    for k in range(first + (TERMS if a_squared else 0)):
        above = arb(1) if k < first else 1 - total(chances[: k - first + 1])
        found.append(above / ball(fmpq(2 * k + d % 2 + 2, 2)).gamma())
    return tuple(found)


def nearest_squared(a_squared: Any, m: int, d: int) -> Ball:
    """E min_{j ≤ m} ‖X_j − x‖² = ∫₀^∞ 2 r S(r)^m dr at ‖x‖² = a_squared, S(r) = P(‖X − x‖ > r), for m ≥ 2.

    What lies beyond r = e is at most S(e)^{m−1} ∫ 2 r S dr = S(e)^{m−1} (d + a²). For m = 1 it is d + a².
    """
    return _nearest_squared(fmpq(a_squared), m, d, ctx.prec)


@cache
def _nearest_squared(a_squared: Any, m: int, d: int, _precision: int) -> Ball:
    mean = d + ball(a_squared)
    if m == 1:
        return mean

    def beyond(end: Any) -> Ball:
        return miss(a_squared, end, d).real ** (m - 1)

    goal = ball(LEFT) * ball(m) ** fmpq(-2, d)
    end = fmpq(1)
    while not beyond(end) < goal:
        end *= fmpq(3, 2)
    while beyond(end * fmpq(2, 3)) < goal:
        end *= fmpq(2, 3)
    near = integrate(lambda r, _: 2 * r * miss(a_squared, r, d) ** m, 0, end / 4, end / 2, end, tolerance=float(goal))
    return near + mean * beyond(end) * arb("0.5 +/- 0.5")
