"""f-divergences by name: on atoms exact up to rounding; between densities as `fdivergences.densities` says."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from estimators.comparison import divergence
from estimators.fdivergences.densities import between_densities, is_density
from estimators.fdivergences.generators import Generator, generators
from estimators.measures import Empirical, common_support
from estimators.result import Certificate, Estimate

#: Relative error of the sum: 16 units roundoff a term (terms.py), 1 for fsum's single rounding, and as
#: many again for what a third party's generator without a safe term may lose away from t = 1.
_ROUNDING = 32 * np.finfo(np.float64).eps / 2


def f_divergence(P: Any, Q: Any, generator: str | Generator, *, method: str = "auto", **options: Any) -> Estimate:
    """D_f(P,Q) = Σ_{q>0} q f(p/q) + f′(∞)·P(q = 0), over the union of the atoms, or ∫ instead of Σ for densities.

    Both are `Empirical`, or both densities, for which `method` "auto", "closed form", "quadrature", "enclosure" or
    "monte carlo" and its options are those of `estimators.fdivergences.densities.between_densities`. `generator` is a
    registered name (`estimators.fdivergences.generators`) or a Generator. The value is ∞ where the divergence is ∞.
    Raises TypeError for bare arrays, ValueError for measures on different spaces, OverflowError where a finite
    divergence exceeds float64, NotConverged where an integral did not. Source: Csiszár 1967; Liese & Vajda 2006, eq. 1.
    """
    f = generators[generator] if isinstance(generator, str) else generator
    laws = [is_density(given) and not isinstance(given, Empirical) for given in (P, Q)]
    if laws[0] != laws[1]:
        law, other = ("P", "Q") if laws[0] else ("Q", "P")
        raise TypeError(
            f"{other} is {type(Q if laws[0] else P).__name__} where {law} is a density: pass a density as {other}, or "
            f"samples of both, {law}.sample(n), to kl_knn or jsd_knn"
        )
    if all(laws):
        return between_densities(P, Q, f, method, **options)
    if method != "auto" or options:
        told = ", ".join([f"method={method!r}", *options])
        raise TypeError(f"{told}: between atoms there is one way, which is exact; these are for densities")
    atoms, p, q = common_support(_measure(P, "P", f.name), _measure(Q, "Q", f.name))
    shared = (p > 0) & (q > 0)
    terms = f.terms(p[shared], q[shared])
    if not np.isfinite(terms).all():
        row = int(np.flatnonzero(shared)[np.argmin(np.isfinite(terms))])
        raise OverflowError(f"{f.name} at atom {atoms[row]} (masses {p[row]:.3g}, {q[row]:.3g}) exceeds float64")
    only_p, only_q = math.fsum(p[q == 0]), math.fsum(q[p == 0])
    recession = f.slope * only_p if only_p else 0.0
    vacant = f.at_zero * only_q if only_q else 0.0
    # The masses sum to 1 only up to rounding, which must not carry a bounded divergence over its bound.
    value = min(math.fsum([*terms, recession, vacant]), f.bound)
    # The bound, such as log 2, is itself rounded: the float above it is the one that encloses.
    highest = math.nextafter(f.bound, math.inf)
    bounds = Certificate("rounding", value * (1 - _ROUNDING), min(value * (1 + _ROUNDING), highest))
    return Estimate(value, method="sum over atoms", certificate=bounds, unit=f.unit)


@divergence("kl", takes="measures", finite=False, data_processing=True, densities="any")
def kl(P: Any, Q: Any, *, base: float = math.e, **options: Any) -> Estimate:
    """Kullback-Leibler divergence KL(P‖Q) = Σ p log(p/q), ∞ unless every atom of P is one of Q.

    In nats, or bits for base=2. Raises as `f_divergence`. Source: Kullback & Leibler 1951.
    """
    return _in_base(f_divergence(P, Q, "kl", **options), base)


@divergence("reverse-kl", takes="measures", finite=False, data_processing=True, densities="any")
def reverse_kl(P: Any, Q: Any, *, base: float = math.e, **options: Any) -> Estimate:
    """KL(Q‖P) = Σ q log(q/p), ∞ unless every atom of Q is one of P; units and errors as `kl`.

    Source: Kullback & Leibler 1951, with the laws exchanged.
    """
    return _in_base(f_divergence(P, Q, "reverse-kl", **options), base)


@divergence("jsd", takes="measures", symmetric=True, metric_power=0.5, data_processing=True, densities="any")
def jsd(P: Any, Q: Any, *, base: float = math.e, normalisation: str = "mean", **options: Any) -> Estimate:
    """Jensen-Shannon divergence ½KL(P‖M) + ½KL(Q‖M) with M = ½(P + Q), in [0, log 2].

    `normalisation="sum"` is KL(P‖M) + KL(Q‖M), in [0, log 4], as in the f-GAN of Nowozin et al. 2016.
    In nats, or bits for base=2. Its square root is a metric. Raises as `f_divergence`. Source: Lin 1991.
    """
    names = {"mean": "jsd", "sum": "jsd-sum"}
    if normalisation not in names:
        raise ValueError(f"normalisation is {normalisation!r}: pass 'mean' (at most log 2) or 'sum' (at most log 4)")
    return _in_base(f_divergence(P, Q, names[normalisation], **options), base)


@divergence(
    "total-variation", takes="measures", symmetric=True, metric_power=1.0, data_processing=True, densities="any"
)
def total_variation(P: Any, Q: Any, **options: Any) -> Estimate:
    """Total variation ½ Σ |p − q| = sup_A |P(A) − Q(A)|, in [0, 1]; raises as `f_divergence`.

    Source: Liese & Vajda 2006.
    """
    return f_divergence(P, Q, "total-variation", **options)


@divergence("chi-squared", takes="measures", finite=False, data_processing=True, densities="any")
def chi_squared(P: Any, Q: Any, **options: Any) -> Estimate:
    """Pearson's χ²(P‖Q) = Σ (p−q)²/q, ∞ unless every atom of P is one of Q; raises as `f_divergence`.

    Source: Liese & Vajda 2006.
    """
    return f_divergence(P, Q, "chi-squared", **options)


@divergence("hellinger", takes="measures", symmetric=True, metric_power=1.0, data_processing=True, densities="any")
def hellinger(P: Any, Q: Any, *, squared: bool = False, **options: Any) -> Estimate:
    """Hellinger distance √(½ Σ (√p − √q)²), in [0, 1]; `squared=True` is the f-divergence under the root.

    Raises as `f_divergence`. Source: Le Cam 1986.
    """
    square = f_divergence(P, Q, "squared-hellinger", **options)
    if squared:
        return square
    bounds, root = square.certificate, math.sqrt(square.value)
    if bounds is not None and bounds.kind == "rounding":
        # The root halves the relative error and adds a rounding of its own, which the full error covers.
        reach = root * _ROUNDING
        bounds = Certificate(bounds.kind, root - reach, min(root + reach, 1.0))
    elif bounds is not None:
        ends = (math.nextafter(math.sqrt(bounds.lower), 0.0), math.nextafter(math.sqrt(bounds.upper), 2.0))
        bounds = Certificate(bounds.kind, *ends)
    interval = None if square.interval is None else (math.sqrt(square.interval[0]), math.sqrt(square.interval[1]))
    # The delta method, which means nothing within two standard errors of 0.
    stderr = square.stderr
    if stderr is not None:
        stderr = stderr / (2 * root) if square.value > 2 * stderr else None
    return replace(square, value=root, stderr=stderr, interval=interval, certificate=bounds)


def _measure(given: Any, name: str, divergence_name: str) -> Empirical:
    if isinstance(given, Empirical):
        return given
    raise TypeError(
        f"{name} is {type(given).__name__}, and {divergence_name} compares two measures or two densities: pass "
        "Empirical(X) for the empirical measure itself, whose atoms two continuous samples never share, or take "
        "kl_knn(X, Y) or jsd_knn(X, Y) for the laws behind samples"
    )


def _in_base(estimate: Estimate, base: float) -> Estimate:
    if base == math.e:
        return estimate
    if not (0 < base < math.inf and base != 1):
        raise ValueError(f"base is {base}: pass a positive number other than 1 (e for nats, 2 for bits)")
    unit = "bits" if base == 2 else f"log-{base:g} units"
    scale = 1 / math.log(base)
    bounds, interval, stderr = estimate.certificate, estimate.interval, estimate.stderr
    if bounds is not None:
        lower, upper = bounds.lower * scale, bounds.upper * scale
        if bounds.kind != "rounding":  # whose stated error already covers a change of base
            lower, upper = lower - 2 * abs(lower) * _ROUNDING, upper + 2 * abs(upper) * _ROUNDING
        bounds = Certificate(bounds.kind, *sorted((lower, upper)))
    if interval is not None:
        interval = (interval[0] * scale, interval[1] * scale)
    if stderr is not None:
        stderr = stderr * abs(scale)
    return replace(
        estimate, value=estimate.value * scale, certificate=bounds, interval=interval, stderr=stderr, unit=unit
    )
