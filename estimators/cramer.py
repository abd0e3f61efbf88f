"""The Cramér distance: what lies between distribution functions, squared."""

from __future__ import annotations

import math
from typing import Any

from estimators.comparison import divergence
from estimators.kernel_distances import energy_distance
from estimators.measures import weighted_pair
from estimators.result import Certificate, Estimate

_UNIT_ROUNDOFF = 2.0**-53


@divergence("cramer", takes="samples", symmetric=True, metric_power=1.0, degree=0.5)
def cramer_distance(P: Any, Q: Any, *, statistic: str = "v", squared: bool = False) -> Estimate:
    """√(E_θ ∫ (F_θ − G_θ)² dt), F_θ and G_θ the distribution functions of θ·X and θ·Y, θ uniform on the sphere of R^d.

    On the line, where it is √∫(F − G)² dt, O(n log n); in units of length^½, or of length if `squared`. No
    direction is drawn: ∫(F_θ − G_θ)² dt = ½ℰ²(θ·P, θ·Q), and E|θ·x| = c‖x‖ with c = Γ(d/2)/(√π Γ((d+1)/2)), so that
    it is √(c/2) times the energy distance, whose statistics, errors and certificate it has. c = 1 on the line and
    about √(2/πd) in many dimensions. Source: Baringhaus & Franz 2004; Székely & Rizzo 2013.
    """
    p, _ = weighted_pair(P, Q)
    d = p.points.shape[1]
    share = 1.0 if d == 1 else math.exp(math.lgamma(d / 2) - math.lgamma((d + 1) / 2)) / math.sqrt(math.pi)
    factor = share / 2 if squared else math.sqrt(share / 2)
    energy = energy_distance(P, Q, statistic=statistic, squared=squared)
    # log Γ is right to a few ulps of itself, which exp makes relative; the rest is four roundings.
    hair = _UNIT_ROUNDOFF * (8 * abs(math.lgamma((d + 1) / 2)) + 16)
    assert energy.certificate is not None
    low, high = (end * factor for end in (energy.certificate.lower, energy.certificate.upper))
    bounds = Certificate("rounding", low - hair * abs(low), high + hair * abs(high))
    stderr = None if energy.stderr is None else energy.stderr * factor
    return Estimate(energy.value * factor, stderr, None, energy.method, bounds, energy.unit, energy.detail)
