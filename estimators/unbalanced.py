"""Transport that may leave mass behind at a price."""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import kl_div

from estimators.measures import equal_measures, weighted_pair
from estimators.result import Certificate, Estimate, NotConverged
from estimators.transport import rounded_outward, scaled, unit_span
from estimators.transport_solvers import refuse_too_large

Array = NDArray[np.float64]

_UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2
#: Steps of POT's solver between two looks at the gap.
_STEPS = 200


def unbalanced_transport(
    P: Any, Q: Any, *, marginal: float, p: float = 1.0, tolerance: float = 1e-3, max_iter: int = 20_000
) -> Estimate:
    """UOT_ρ(P,Q) = min over measures π ≥ 0 of ∫‖x−y‖ᵖ dπ + ρ·KL(π₁|P) + ρ·KL(π₂|Q), in units of lengthᵖ.

    π₁ and π₂ are the marginals of π, KL(α|β) = Σ α log(α/β) − α + β, and ρ = `marginal`, in units of
    lengthᵖ, is what mass costs that is left behind: an outlier adds at most 2ρ times its share, and as
    ρ → ∞ the value rises to W_pᵖ. 0 only if P = Q. It needs a ρ, and so is none of the registered divergences.

    By POT's majorisation and minimisation (`ot.unbalanced.mm_unbalanced`), which raises nothing: the certificate has
    the cost of the plan that it returned, which is above the minimum as every plan's is, and the dual
    ρ Σ a(1 − e^{−f/ρ}) + ρ Σ b(1 − e^{−g/ρ}) at potentials made feasible, f ⊕ g ≤ c. Raises NotConverged, with the
    partial Estimate, when `max_iter` steps leave more than `tolerance` of the value between them. Source:
    Chapel et al. 2021 (the solver); Chizat et al. 2018, theorem 3.2 (the dual).
    """
    for name, given in (("marginal", marginal), ("tolerance", tolerance)):
        if not (isinstance(given, Real) and 0 < given < math.inf):
            raise ValueError(f"{name} is {given!r}: pass a positive number")
    if not (isinstance(p, Real) and 1 <= p <= 2):
        raise ValueError(f"p is {p!r}: pass a number from 1 to 2")
    if not (isinstance(max_iter, Integral) and max_iter >= 1):
        raise ValueError(f"max_iter is {max_iter!r}: pass a whole number of steps ≥ 1")
    import ot

    unit = "length" if p == 1 else f"length^{p:g}"
    first, second, exponent = unit_span(*weighted_pair(P, Q))
    refuse_too_large(len(first.points), len(second.points))
    if equal_measures(first, second):
        return Estimate(0.0, None, None, "identity", Certificate("equal measures", 0.0, 0.0), unit)
    cost, a, b = cdist(first.points, second.points) ** p, first.weights, second.weights
    # ρ and the costs are divided by the power that was taken out of the coordinates.
    factor = 2.0 ** (-p * exponent) if abs(exponent) < 500 else 0.0
    price = float(marginal) * factor
    if not 1e-12 <= price <= 1e12:
        raise ValueError(
            f"marginal is {marginal!r}, beyond 10^±12 of the costs: pass one near them, or use wasserstein"
        )
    plan, done, lower, upper = None, 0, 0.0, 2 * price  # leaving everything behind costs ρ a side
    while upper - lower > tolerance * upper and done < max_iter:
        steps = min(_STEPS, int(max_iter) - done)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = ot.unbalanced.mm_unbalanced(a, b, cost, price, G0=plan, numItermax=steps, stopThr=0.0)
        done += steps
        lower, upper = _bounds(cost, a, b, np.asarray(plan), price)
    bounds = rounded_outward("duality gap", lower / factor, upper / factor, 0)
    told = scaled(upper / factor, 0)
    detail = "between the measures given; no standard error of sampling"
    method = f"unbalanced transport, ρ = {float(marginal):.4g}"
    if upper - lower > tolerance * upper:
        partial = Estimate(told, None, None, method, bounds, unit, detail, converged=False)
        gap = (upper - lower) / upper
        raise NotConverged(
            f"the duality gap is {gap:.3g} of the value after {done} steps: raise max_iter or tolerance", partial
        )
    return Estimate(told, None, None, method, bounds, unit, detail)


def _bounds(cost: Array, a: Array, b: Array, plan: Array, price: float) -> tuple[float, float]:
    """The dual at feasible potentials over the plan's marginals, and the plan's own cost."""
    if not (np.isfinite(plan).all() and (plan >= 0).all()):
        return 0.0, price * 2.0  # leaving everything behind costs ρ a side: a bound that no solver is needed for
    rows, columns = plan.sum(axis=1), plan.sum(axis=0)
    primal = float((plan * cost).sum() + price * (kl_div(rows, a).sum() + kl_div(columns, b).sum()))
    f = -price * np.log(np.maximum(rows, 1e-300) / a)
    g = (cost - f[:, None]).min(axis=0)
    f = (cost - g).min(axis=1)
    dual = -price * float((a * np.expm1(-f / price)).sum() + (b * np.expm1(-g / price)).sum())
    # Sums of n + m terms about as large as the costs and the price.
    slack = (sum(cost.shape) + 20) * _UNIT_ROUNDOFF * (float(cost.max()) + 2 * price)
    return max(dual - slack, 0.0), primal + slack
