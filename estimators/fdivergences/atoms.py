"""f-divergences by name: on atoms exact up to rounding; between densities as `fdivergences.densities` says."""

from __future__ import annotations

import math
from dataclasses import replace
from numbers import Integral
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


def f_divergence(
    P: Any,
    Q: Any,
    generator: str | Generator,
    *,
    method: str = "auto",
    tolerance: float | None = None,
    bits: int | None = None,
    n_draws: int | None = None,
    random_state: Any = 0,
) -> Estimate:
    """D_f(P,Q) = Σ_{q>0} q f(p/q) + f′(∞)·P(q = 0), over the union of the atoms, or ∫ instead of Σ for densities.

    `generator` is a registered name (`estimators.fdivergences.generators`) or a Generator. Both laws are `Empirical`,
    or both densities; only these have a choice of `method`, and each method its own numbers:

    "closed form"   between known laws, exact up to rounding; none.
    "quadrature"    d ≤ 2: `tolerance`, the relative error aimed at, by default 1e-10 on the line and 1e-8 in the plane
                    (1e-4 for total variation there); the interval is the rule's own estimate of its error.
    "enclosure"     d = 1: `bits` ≥ 53 of the balls, by default 64; proved, with a certificate.
    "monte carlo"   `n_draws` ≥ 1000, by default 100 000, half from each law, by `random_state`; a standard error.
    "auto"          the first of closed form, quadrature and Monte Carlo that there is, which takes what it takes.

    The value is ∞ where the divergence is ∞.
    Raises TypeError for bare arrays and for a number that the method does not take, ValueError for measures on
    different spaces, OverflowError where a finite divergence exceeds float64, NotConverged where an integral did not.
    Source: Csiszár 1967; Liese & Vajda 2006, eq. 1.
    """
    return _between(P, Q, generator, method, tolerance, bits, n_draws, random_state)


def _between(
    P: Any,
    Q: Any,
    generator: str | Generator,
    method: str,
    tolerance: float | None,
    bits: int | None,
    n_draws: int | None,
    random_state: Any,
) -> Estimate:
    f = generators[generator] if isinstance(generator, str) else generator
    numbers = {"tolerance": tolerance, "bits": bits, "n_draws": n_draws}
    options: dict[str, Any] = {name: given for name, given in numbers.items() if given is not None}
    seeded = isinstance(random_state, Integral) and not isinstance(random_state, bool)
    if not (seeded and random_state == 0):  # the default, of which no method complains
        options["random_state"] = random_state
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
def kl(
    P: Any,
    Q: Any,
    *,
    base: float = math.e,
    method: str = "auto",
    tolerance: float | None = None,
    bits: int | None = None,
    n_draws: int | None = None,
    random_state: Any = 0,
) -> Estimate:
    """Kullback-Leibler divergence KL(P‖Q) = Σ p log(p/q), ∞ unless every atom of P is one of Q.

    In nats, or bits for base=2. Raises as `f_divergence`.
    Between densities `method` and its numbers as in `f_divergence`: "quadrature" takes `tolerance`, "enclosure" `bits`,
    "monte carlo" `n_draws` and `random_state`; "auto" and "closed form" those of what they come to.
    Source: Kullback & Leibler 1951.
    """
    return _in_base(_between(P, Q, "kl", method, tolerance, bits, n_draws, random_state), base)


@divergence("reverse-kl", takes="measures", finite=False, data_processing=True, densities="any")
def reverse_kl(
    P: Any,
    Q: Any,
    *,
    base: float = math.e,
    method: str = "auto",
    tolerance: float | None = None,
    bits: int | None = None,
    n_draws: int | None = None,
    random_state: Any = 0,
) -> Estimate:
    """KL(Q‖P) = Σ q log(q/p), ∞ unless every atom of Q is one of P; units and errors as `kl`.

    Between densities `method` and its numbers as in `f_divergence`: "quadrature" takes `tolerance`, "enclosure" `bits`,
    "monte carlo" `n_draws` and `random_state`; "auto" and "closed form" those of what they come to.
    Source: Kullback & Leibler 1951, with the laws exchanged.
    """
    return _in_base(_between(P, Q, "reverse-kl", method, tolerance, bits, n_draws, random_state), base)


@divergence("jsd", takes="measures", symmetric=True, metric_power=0.5, data_processing=True, densities="any")
def jsd(
    P: Any,
    Q: Any,
    *,
    base: float = math.e,
    normalisation: str = "mean",
    method: str = "auto",
    tolerance: float | None = None,
    bits: int | None = None,
    n_draws: int | None = None,
    random_state: Any = 0,
) -> Estimate:
    """Jensen-Shannon divergence ½KL(P‖M) + ½KL(Q‖M) with M = ½(P + Q), in [0, log 2].

    `normalisation="sum"` is KL(P‖M) + KL(Q‖M), in [0, log 4], as in the f-GAN of Nowozin et al. 2016.
    In nats, or bits for base=2. Its square root is a metric. Raises as `f_divergence`.
    Between densities `method` and its numbers as in `f_divergence`: "quadrature" takes `tolerance`, "enclosure" `bits`,
    "monte carlo" `n_draws` and `random_state`; "auto" and "closed form" those of what they come to.
    Source: Lin 1991.
    """
    names = {"mean": "jsd", "sum": "jsd-sum"}
    if normalisation not in names:
        raise ValueError(f"normalisation is {normalisation!r}: pass 'mean' (at most log 2) or 'sum' (at most log 4)")
    return _in_base(_between(P, Q, names[normalisation], method, tolerance, bits, n_draws, random_state), base)


@divergence(
    "total-variation", takes="measures", symmetric=True, metric_power=1.0, data_processing=True, densities="any"
)
def total_variation(
    P: Any,
    Q: Any,
    *,
    method: str = "auto",
    tolerance: float | None = None,
    bits: int | None = None,
    n_draws: int | None = None,
    random_state: Any = 0,
) -> Estimate:
    """Total variation ½ Σ |p − q| = sup_A |P(A) − Q(A)|, in [0, 1]; raises as `f_divergence`.

    Between densities `method` and its numbers as in `f_divergence`: "quadrature" takes `tolerance`, "enclosure" `bits`,
    "monte carlo" `n_draws` and `random_state`; "auto" and "closed form" those of what they come to.
    Source: Liese & Vajda 2006.
    """
    return _between(P, Q, "total-variation", method, tolerance, bits, n_draws, random_state)


@divergence("chi-squared", takes="measures", finite=False, data_processing=True, densities="any")
def chi_squared(
    P: Any,
    Q: Any,
    *,
    method: str = "auto",
    tolerance: float | None = None,
    bits: int | None = None,
    n_draws: int | None = None,
    random_state: Any = 0,
) -> Estimate:
    """Pearson's χ²(P‖Q) = Σ (p−q)²/q, ∞ unless every atom of P is one of Q; raises as `f_divergence`.

    Between densities `method` and its numbers as in `f_divergence`: "quadrature" takes `tolerance`, "enclosure" `bits`,
    "monte carlo" `n_draws` and `random_state`; "auto" and "closed form" those of what they come to.
    Source: Liese & Vajda 2006.
    """
    return _between(P, Q, "chi-squared", method, tolerance, bits, n_draws, random_state)


@divergence("hellinger", takes="measures", symmetric=True, metric_power=1.0, data_processing=True, densities="any")
def hellinger(
    P: Any,
    Q: Any,
    *,
    squared: bool = False,
    method: str = "auto",
    tolerance: float | None = None,
    bits: int | None = None,
    n_draws: int | None = None,
    random_state: Any = 0,
) -> Estimate:
    """Hellinger distance √(½ Σ (√p − √q)²), in [0, 1]; `squared=True` is the f-divergence under the root.

    Raises as `f_divergence`.
    Between densities `method` and its numbers as in `f_divergence`: "quadrature" takes `tolerance`, "enclosure" `bits`,
    "monte carlo" `n_draws` and `random_state`; "auto" and "closed form" those of what they come to.
    Source: Le Cam 1986.
    """
    square = _between(P, Q, "squared-hellinger", method, tolerance, bits, n_draws, random_state)
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
