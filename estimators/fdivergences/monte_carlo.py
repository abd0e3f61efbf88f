"""f-divergences between densities by drawing from both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import random_generator, whole_number
from estimators.densities import Density
from estimators.fdivergences.generators import Generator
from estimators.fdivergences.terms import from_logs
from estimators.intervals import normal_interval
from estimators.result import Estimate, NotConverged

#: Draws below which neither a standard error nor a tail's index means much.
FEWEST = 1000
#: Tail index from which on the terms have no variance, and the standard error says nothing.
_NO_VARIANCE = 0.5


def monte_carlo(P: Density, Q: Density, f: Generator, n_draws: int = 100_000, random_state: Any = 0) -> Estimate:
    """D_f(P,Q) = E_M[q f(p/q)/m], m = ½(p + q), over `n_draws` points, half of them from P and half from Q.

    The terms of bounded divergences lie in [0, 2(f(0) + f′(∞))]. The standard error is that of the two strata, the
    interval its normal one. It is ∞ where a draw shows that it is; a set too small to be hit is not seen. Raises
    ValueError for fewer than 1000 draws; NotConverged, with the partial Estimate, where the largest terms fall off so
    slowly (Hill's index of the largest √n at ½ or more) that they have no variance.
    """
    n_draws = whole_number(n_draws, "n_draws", FEWEST)
    rng = random_generator(random_state)
    strata = []
    for law in (P, Q):
        points = law.sample(n_draws // 2, rng)
        log_p, log_q = P.logpdf(points), Q.logpdf(points)
        log_m = np.logaddexp(log_p, log_q) - math.log(2)
        strata.append(from_logs(f, log_p - log_m, log_q - log_m)[0])
    terms = np.concatenate(strata)
    method = f"Monte Carlo, {len(terms)} draws"
    if not np.isfinite(terms).all():
        return Estimate(math.inf, method=method, unit=f.unit, detail="a draw of one law lies where the other is 0")
    value = math.fsum(terms) / len(terms)
    stderr = math.sqrt(sum(float(part.var(ddof=1)) / len(part) for part in strata) / 4)
    interval = normal_interval(value, stderr)
    # Every D_f is in [0, bound], whatever the draws say.
    clipped = (min(max(interval[0], 0.0), value), max(min(interval[1], f.bound), value))
    heavy = f.bound == math.inf and _tail_index(terms) >= _NO_VARIANCE
    estimate = Estimate(value, stderr, clipped, method, None, f.unit, converged=not heavy, error_over="draws")
    if heavy:
        raise NotConverged(
            f"{f.name}: the terms fall off too slowly to have a variance, so their mean is no estimate: "
            "take a bounded divergence such as jsd",
            estimate,
        )
    return estimate


def _tail_index(terms: NDArray[np.float64]) -> float:
    """Hill's estimate of the index ξ of P(T > t) ≈ t^(−1/ξ), from the largest √n terms; 0 if those are all equal."""
    top = np.sort(terms)[-(math.isqrt(len(terms)) + 1) :]
    return float(np.log(top[1:] / top[0]).mean()) if top[0] > 0 else 0.0
