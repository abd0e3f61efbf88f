"""The nearest of m samples of N(θ, 1) to a datum, in balls: E min_j (X_j − x)² and its derivatives in the offset.

With a = |x − θ| and S(a, r) = P(|X − x| > r) = Φ(a − r) + Φ(−a − r),

    g(a) = E R = ∫₀^∞ 2 r S(a, r)^m dr.

Because log p_θ(x) = −a²/2 + const, g is the Ψ of the IMLE theorem along this family, Ψ(φ(a)) = g(a),
and its slope in u = log p is dΨ/du = Ψ′(p) p = −g′(a)/a.
"""

from __future__ import annotations

from typing import Any

from flint import acb, arb

from theory.certified import Ball, ball, integrate, normal_cdf, normal_pdf

#: Beyond this distance from a the integrals are enclosed by their tail bound, for offsets up to `LARGEST_OFFSET`.
REACH = 20
LARGEST_OFFSET = 16
#: For s = r − a ≥ 20 every factor of the integrands is at most ((r + a)² + 1) e^{−s²/2}, there are m of them in at most
#: 5 terms with coefficients ≤ m³, and 10 m³ r ((r + a)² + 1)³ e^{−m s²/4} < 1; so the tail is below ∫ e^{−m s²/4} ds.
TAIL = "1e-43"


def nearest(a: Any, m: int, *, derivative: int = 0) -> Ball:
    """g, g′, g″ or g‴ at the offset a, for m samples: an enclosure over the whole ball a. g is even in a.

    Raises ValueError unless |a| ≤ 16 with a radius of at most 1, for which the tail's bound was derived.
    """
    a = ball(a)
    if not (abs(a) <= LARGEST_OFFSET and a.rad() <= 1):
        raise ValueError(
            f"the offset a={a} must lie in [−{LARGEST_OFFSET}, {LARGEST_OFFSET}] with a radius of at most 1"
        )
    integrand = (_value, _slope, _curvature, _third)[derivative]
    middle = abs(a.mid())
    near = integrate(lambda r, _: integrand(acb(a), r, m), 0, 1, middle + 3, middle + 1 + REACH)
    return near + arb(0, arb(TAIL))


def weight_slope(a: Any, m: int) -> Ball:
    """−dΨ/du = −Ψ′(p) p = g′(a)/a, for a > 0."""
    return nearest(a, m, derivative=1) / ball(a)


def _tail(a: Any, r: Any) -> Any:
    return normal_cdf(a - r) + normal_cdf(-a - r)


def _value(a: Any, r: Any, m: int) -> Any:
    return 2 * r * _tail(a, r) ** m


def _slope(a: Any, r: Any, m: int) -> Any:
    return 2 * r * m * _power(a, r, m - 1) * _first(a, r)


def _curvature(a: Any, r: Any, m: int) -> Any:
    bent = m * _power(a, r, m - 1) * _second(a, r)
    return 2 * r * (bent + m * (m - 1) * _power(a, r, m - 2) * _first(a, r) ** 2)


def _third(a: Any, r: Any, m: int) -> Any:
    s1, s2 = _first(a, r), _second(a, r)
    s3 = ((a - r) ** 2 - 1) * normal_pdf(a - r) - ((a + r) ** 2 - 1) * normal_pdf(a + r)
    cubic = m * (m - 1) * (m - 2) * _power(a, r, m - 3) * s1**3
    return 2 * r * (cubic + 3 * m * (m - 1) * _power(a, r, m - 2) * s1 * s2 + m * _power(a, r, m - 1) * s3)


def _power(a: Any, r: Any, exponent: int) -> Any:
    # A negative exponent comes only with the coefficient 0.
    return _tail(a, r) ** exponent if exponent > 0 else acb(1)


def _first(a: Any, r: Any) -> Any:
    return normal_pdf(a - r) - normal_pdf(a + r)


def _second(a: Any, r: Any) -> Any:
    return (r - a) * normal_pdf(a - r) + (r + a) * normal_pdf(a + r)
