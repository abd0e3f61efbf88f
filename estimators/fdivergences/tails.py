"""Bounds, in balls, of what f-divergences on the line have beyond |x| = R, x measured from a common origin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from flint import acb, arb

from estimators.densities import Density, Gaussian, Uniform
from estimators.student import StudentT

#: A Gaussian has less than 10⁻³⁴⁰ of its mass beyond this many standard deviations.
_DEVIATIONS = 40.0
#: Bits that a power tail must have lost at R.
_BITS = 80


@dataclass(frozen=True)
class Component:
    """w times a Gaussian, Uniform or StudentT on the line: its log density in balls and the size of its tails.

    Tails are those of the law moved by −`origin`, which changes no divergence: near the laws they begin early.
    """

    weight: float
    law: Density
    origin: float = 0.0

    @property
    def support(self) -> tuple[float, float]:
        if isinstance(self.law, Uniform):
            return float(self.law.low[0]), float(self.law.high[0])
        return -math.inf, math.inf

    @property
    def centre(self) -> float:
        return self.law.loc if isinstance(self.law, StudentT) else float(self.law.mean[0])

    @property
    def offset(self) -> arb:
        """The centre, from the origin."""
        return arb(self.centre) - arb(self.origin)

    @property
    def width(self) -> float:
        if isinstance(self.law, StudentT):
            return self.law.scale
        if isinstance(self.law, Uniform):
            return float(self.law.high[0] - self.law.low[0])
        return math.sqrt(float(self.law.cov[0, 0]))

    def covers(self, left: float, right: float) -> bool:
        return self.support[0] <= left and right <= self.support[1]

    def log_density(self, z: Any, analytic: bool) -> Any:
        """log w p(z), NaN where `analytic` and it is not."""
        law = self.law
        if isinstance(law, Uniform):
            return acb(self.top)
        centred = z - self.centre
        if isinstance(law, Gaussian):
            return -centred * centred / (2 * arb(float(law.cov[0, 0]))) + self.top
        assert isinstance(law, StudentT)
        inside = 1 + centred * centred / (arb(law.scale) ** 2 * law.df)
        return self.top - (arb(law.df) + 1) / 2 * (inside.log(analytic) if analytic else inside.log())

    @property
    def top(self) -> arb:
        """sup log w p."""
        law = self.law
        log_weight = arb(self.weight).log()
        if isinstance(law, Uniform):
            return log_weight - (arb(float(law.high[0])) - arb(float(law.low[0]))).log()
        if isinstance(law, Gaussian):
            return log_weight - (2 * arb.pi() * float(law.cov[0, 0])).log() / 2
        assert isinstance(law, StudentT)
        df = arb(law.df)
        constant = ((df + 1) / 2).lgamma() - (df / 2).lgamma() - (df * arb.pi()).log() / 2
        return log_weight + constant - arb(law.scale).log()

    def far(self, power: float) -> float:
        """An R ≥ 2|offset| beyond which ∫|x|^power w p is below 2⁻⁸⁰ of its scale."""
        if isinstance(self.law, StudentT):
            reach = self.law.scale * 2.0 ** min(_BITS / (self.law.df - power), 900.0)
        else:
            reach = _DEVIATIONS * self.width
        # Four roundings, of the offset, its conversion, the sum and this product.
        return 2 * (abs(float(self.offset)) + reach) * (1 + 2.0**-50)

    def moment_beyond(self, power: Any, radius: float) -> arb:
        """A bound of ∫ |x|^power w p over |x| > R, 0 ≤ power ≤ 2, for R as `far` gives or larger.

        There |x| ≤ 2t with t = |x − offset| ≥ R/2. Gaussian: ∫_ρ^∞ y²φ ≤ (ρ + 1/ρ)φ(ρ).
        Student: (1 + y²/ν)^−a ≤ (y²/ν)^−a.
        """
        law = self.law
        if isinstance(law, Uniform):
            return arb(0)
        power, start = arb(power), arb(radius) / 2
        if isinstance(law, Gaussian):
            sigma = arb(float(law.cov[0, 0])).sqrt()
            rho = start / sigma
            density = (-rho * rho / 2).exp() / (2 * arb.pi()).sqrt()
            return arb(self.weight) * 2 * (2 * sigma) ** power * (rho + 1 / rho) * density
        assert isinstance(law, StudentT)
        df, unit = arb(law.df), arb(law.scale) * arb(law.df).sqrt()
        return self.top.exp() * 2 * 2**power * unit ** (df + 1) * start ** (power - df) / (df - power)


def mass_beyond(parts: list[Component], power: Any, radius: float) -> arb:
    """A bound of ∫ |x|^power p over |x| > R."""
    return sum((part.moment_beyond(power, radius) for part in parts), arb(0))


def kl_beyond(p_parts: list[Component], q_parts: list[Component]) -> tuple[float, arb]:
    """R, and a bound of ∫ p log(p/q) − p + q over |x| > R, since log p ≤ sup and −log q ≤ A + B(2|x|)^h there.

    −log q is at most that of any one component: of the one that falls off most slowly. Student's log(1+u) ≤ u^δ/δ.
    """
    unbounded = [part for part in q_parts if not isinstance(part.law, Uniform)]
    if not unbounded:  # then P has no mass out there, or KL is infinite
        radius = max(part.far(0.0) for part in p_parts + q_parts)
        return radius, arb(0)
    dfs = [part.law.df for part in p_parts if isinstance(part.law, StudentT)]
    slowest = max(unbounded, key=lambda part: (isinstance(part.law, StudentT), part.width))
    if isinstance(slowest.law, StudentT):
        delta = min([1.0, *(df / 4 for df in dfs)])
        df = arb(slowest.law.df)
        power, slope = 2 * delta, (df + 1) / (2 * arb(delta) * (df * arb(slowest.law.scale) ** 2) ** arb(delta))
    else:
        power, slope = 2.0, 1 / (2 * arb(float(slowest.law.cov[0, 0])))
    radius = max([part.far(power) for part in p_parts] + [part.far(0.0) for part in q_parts])
    top = sum((part.top.exp() for part in p_parts), arb(0)).log() - slowest.top
    level = top.max(arb(0))
    growth = slope * arb(2) ** power
    inside = level * mass_beyond(p_parts, 0, radius) + growth * mass_beyond(p_parts, power, radius)
    return radius, inside + mass_beyond(q_parts, 0, radius)


def chi_squared_beyond(p_parts: list[Component], q_parts: list[Component]) -> tuple[float, arb]:
    """R, and a bound of ∫ (p − q)²/q over |x| > R, for Gaussians and uniform laws.

    (Σ wᵢpᵢ)² ≤ k Σ (wᵢpᵢ)² of k components, and q is at least its widest one: each quotient is exp(c + bx − ax²),
    which is at most exp(c − ax²/2) for |x| ≥ 2|b|/a.
    """
    if any(isinstance(part.law, StudentT) for part in p_parts + q_parts):
        raise ValueError("chi-squared with StudentT has no bound of its tail here: pass method='quadrature'")
    gaussians = [part for part in p_parts if isinstance(part.law, Gaussian)]
    radius = max(part.far(0.0) for part in p_parts + q_parts)
    below = [part for part in q_parts if isinstance(part.law, Gaussian)]
    if not gaussians or not below:
        return radius, mass_beyond(q_parts, 0, radius)
    widest = max(below, key=lambda part: part.width)
    v, n = arb(float(widest.law.cov[0, 0])), widest.offset
    bounds = []
    for part in gaussians:
        u, m = arb(float(part.law.cov[0, 0])), part.offset
        a, b = 1 / u - 1 / (2 * v), 2 * m / u - n / v
        c = 2 * part.top - widest.top - m * m / u + n * n / (2 * v)
        if not a > 0:
            raise ValueError("chi-squared is at the edge of being infinite: pass method='quadrature'")
        radius = max(radius, 2 * float((2 * abs(b) / a).upper()), 2 * float((160 * arb(2).log() / a).sqrt().upper()))
        bounds.append((a, c))
    R = arb(radius)
    terms = ((c - a * R * R / 2).exp() * 2 / (a * R) for a, c in bounds)
    return radius, len(p_parts) * sum(terms, arb(0)) + mass_beyond(q_parts, 0, radius)
