"""Energy distance and maximum mean discrepancy, between measures or from samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.bandwidth import median_distance
from estimators.comparison import divergence
from estimators.kernel_arguments import checked_samples, checked_statistic, in_units, positive_bandwidth
from estimators.kernels.profiles import DISTANCE, GAUSSIAN, IMQ, LAPLACE
from estimators.line import sorted_cdf
from estimators.measures import Weighted, equal_measures, weighted_pair
from estimators.pairwise import PairSums, Profile, Tick, cross_sums, self_sums
from estimators.range import in_range
from estimators.result import Certificate, Estimate
from estimators.squared_jackknife import no_error, squared_jackknife
from knn.threads import checked_jobs

Array = NDArray[np.float64]

_KINDS = {"gaussian": GAUSSIAN, "laplace": LAPLACE, "imq": IMQ}
#: Widths of the multi-scale kernel, in bandwidths.
SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
#: The kernel whose MMD² is ½ℰ², under both of its names.
_DISTANCE_KERNELS = ("energy", "triangular-gap")
#: What others return, as multiples of ℰ²; SciPy's is the root.
_CONVENTIONS = {"scipy": 1.0, "dcor": 1.0, "geomloss": 0.5}
_UNIT_ROUNDOFF = float(np.finfo(np.float64).eps) / 2


@divergence("energy-distance", takes="samples", symmetric=True, metric_power=1.0, degree=0.5)
def energy_distance(
    P: Any,
    Q: Any,
    *,
    squared: bool = False,
    statistic: str = "v",
    convention: str | None = None,
    device: str = "cpu",
    n_jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Estimate:
    """ℰ(P,Q) = √(2E‖X−Y‖ − E‖X−X'‖ − E‖Y−Y'‖), for arrays (n, d), or (n,), or Empirical measures.

    `squared=True` gives ℰ², in units of length. `statistic="v"` is ℰ between the empirical measures
    themselves: never negative, a metric, and 0 only if they are equal; as an estimate of the laws behind
    samples its square is E‖X−X'‖/n + E‖Y−Y'‖/m too large. `statistic="u"` is free of that bias, may be
    negative, and so needs `squared=True`. `n_jobs` threads, None for 1, −1 for all; no bit depends on it.

    The standard error (samples only) is the jackknife's, and is divided by 2ℰ for the root; it is
    consistent for ℰ > 0, and too large, by √2, where the laws are equal. On the line O(n log n), through
    ℰ² = 2∫(F−G)²; else O(nm d) time and O(n + m) memory.

    ℰ² = 2·MMD² with the kernel "energy". `convention` gives what another library returns, under its name:
    "scipy" ℰ (`scipy.stats.energy_distance`, the line), "dcor" ℰ² (`dcor.energy_distance`), "geomloss" ½ℰ²
    (`SamplesLoss("energy")`). `progress` is called with the share of the pairs done, off the line, and may raise
    to stop. With device="cuda" the pairs are taken there, in the width of the data, and arrays in its memory as they
    are (estimators/device_pairs.py); the certificate tells what that rounds. Source: Székely & Rizzo 2013.
    """
    if convention is not None:
        if convention not in _CONVENTIONS or squared:
            raise ValueError(
                f"convention is {convention!r} with squared={squared}: pass one of {', '.join(_CONVENTIONS)}, "
                "which settles whether it is squared"
            )
        squared = convention != "scipy"
    factor = _CONVENTIONS[convention] if convention else 1.0
    checked_statistic(squared, statistic)
    checked_jobs(n_jobs)
    p, q, exponent = _checked_pair(P, Q, device)
    tick = _ticking(progress, p, q)
    square = _energy(p, q, statistic, Means(device, n_jobs, tick)).scaled(2.0**exponent * factor)
    note = f"as {convention} has it" if convention else ""
    return _estimate(square, squared, statistic, "length", note)


@divergence("mmd", takes="samples", symmetric=True)
def mmd(
    P: Any,
    Q: Any,
    *,
    kernel: str = "gaussian",
    bandwidth: str | float = "median",
    squared: bool = False,
    statistic: str = "v",
    device: str = "cpu",
    n_jobs: int | None = None,
    progress: Callable[[float], None] | None = None,
) -> Estimate:
    """MMD(P,Q) = √(E k(X,X') + E k(Y,Y') − 2E k(X,Y)), for arrays (n, d), or (n,), or Empirical measures.

    Kernels of r = ‖x−y‖: "gaussian" e^(−r²/2σ²), "laplace" e^(−r/σ), "imq" 1/√(1 + r²/σ²),
    "gaussians" the mean of five Gaussian ones of widths σ/4, σ/2, σ, 2σ, 4σ, and "energy", also called
    "triangular-gap", ½(‖x−x₀‖ + ‖y−x₀‖ − r), for which MMD² = ½ℰ² whatever x₀, and which has no bandwidth.
    `bandwidth` is σ, or "median" (`estimators.bandwidth.median_distance`); with the median, which depends on the pair,
    MMD obeys no triangle inequality. Else as `energy_distance`. Raises ValueError for bad samples, an unknown kernel, a
    bandwidth that is not positive, and no `squared` with statistic="u". Source: Gretton et al. 2012.
    """
    checked_statistic(squared, statistic)
    checked_jobs(n_jobs)
    p, q, exponent = _checked_pair(P, Q, device)
    means = Means(device, n_jobs, _ticking(progress, p, q, len(SCALES) if kernel == "gaussians" else 1))
    if kernel in _DISTANCE_KERNELS:
        if bandwidth != "median":
            raise ValueError(f"bandwidth is {bandwidth!r}, and the kernel {kernel!r} has none: leave it out")
        return _estimate(_energy(p, q, statistic, means).scaled(2.0 ** (exponent - 1)), squared, statistic, "length")
    if kernel not in (*_KINDS, "gaussians"):
        raise ValueError(f"kernel is {kernel!r}: pass one of {', '.join([*_KINDS, 'gaussians', *_DISTANCE_KERNELS])}")
    if bandwidth == "median":
        if not isinstance(p.points, np.ndarray):
            raise ValueError("bandwidth='median' is of arrays of the host: pass a number for arrays of a device")
        scale = median_distance(p.measure, q.measure)
        if scale * scale == 0.0:  # the coordinate that set the unit is so far out that all others coincide
            raise ValueError(
                "P or Q has a coordinate beside which the median distance vanishes: drop that point, or clip it"
            )
        told = scale * 2.0**exponent
    else:
        told = positive_bandwidth(bandwidth)
        scale = in_units(told, exponent, kernel)
    kind, widths = (GAUSSIAN, SCALES) if kernel == "gaussians" else (_KINDS[kernel], (1.0,))
    square = _over_pairs(p, q, [Profile(kind, scale * width) for width in widths], statistic, means)
    return _estimate(square, squared, statistic, "", f"kernel {kernel}, bandwidth {told:.6g}")


@dataclass(frozen=True)
class _Square:
    """A squared discrepancy, the bound on its rounding, its standard error or the reason that it has none."""

    value: float
    rounding: float
    stderr: float | None
    reason: str = ""

    def scaled(self, factor: float) -> _Square:
        stderr = None if self.stderr is None else self.stderr * factor
        return _Square(self.value * factor, self.rounding * factor, stderr, self.reason)


def _checked_pair(P: Any, Q: Any, device: str) -> tuple[Weighted, Weighted, int]:
    """Both as weighted points, scaled by 2⁻ᵉ where squares would leave float64, and e."""
    if device == "cuda":
        from estimators.device_pairs import device_pair

        return device_pair(P, Q)
    if device != "cpu":
        raise ValueError(f"device is {device!r}: pass 'cpu' or 'cuda'")
    p, q = weighted_pair(P, Q)
    x, y, exponent = in_range(p.points, q.points)
    return p._replace(points=x), q._replace(points=y), exponent


class Means(NamedTuple):
    """How sums over pairs are taken: where, on how many threads, and who is told of it."""

    device: str
    n_jobs: int | None
    tick: Tick | None

    def of(self, p: Weighted, w: Array, q: Weighted, v: Array, profiles: list[Profile]) -> tuple[list[PairSums], float]:
        """Sums of p with q, of p and of q with themselves, for the mean of the profiles, and what a value rounds by."""
        n_jobs, tick = self.n_jobs, self.tick
        if self.device == "cuda":
            from estimators.device_pairs import sums_on_device

            each, entry = sums_on_device(p, w, q, v, profiles, tick)
        else:
            each = [[cross_sums(p.points, w, q.points, v, profile, n_jobs, tick) for profile in profiles]]
            each += [
                [self_sums(points, weights, profile, n_jobs, tick) for profile in profiles]
                for points, weights in ((p.points, w), (q.points, v))
            ]
            # Of one distance: d + 1 roundings of its square, halved by the root; one of the root, two each of the
            # weights and of the sum of four rows. A kernel moves by at most half of what its distance does
            # relatively (x e^−x ≤ 1/e), and its own evaluation takes up to four more.
            entry = (p.points.shape[1] / 2 + 12) * _UNIT_ROUNDOFF
        return [_mean_of(sums) for sums in each], entry


def _energy(p: Weighted, q: Weighted, statistic: str, means: Means) -> _Square:
    if p.points.shape[1] == 1 and isinstance(p.points, np.ndarray):
        # Widened, since its sums and its bound are in float64: what goes to a device keeps its width.
        p, q = (part._replace(points=part.points.astype(np.float64, copy=False)) for part in (p, q))
        return _on_the_line(p, q, statistic)
    return _over_pairs(p, q, [Profile(DISTANCE, 1.0)], statistic, means)


def _over_pairs(p: Weighted, q: Weighted, profiles: list[Profile], statistic: str, means: Means) -> _Square:
    """±(2E k(X,Y) − E k(X,X') − E k(Y,Y')), + for the distance and − for a kernel, k the mean of the `profiles`."""
    checked_samples(p, q, statistic)
    if statistic == "v" and isinstance(p.points, np.ndarray) and equal_measures(p, q):
        return _Square(0.0, 0.0, *no_error(p, q, "the measures are equal"))
    (w, mass_p), (v, mass_q) = _counted(p), _counted(q)
    (cross, own_p, own_q), entry = means.of(p, w, q, v, profiles)
    at_zero, sign = (0, 1) if profiles[0].kind == DISTANCE else (1, -1)
    between = cross.total / (mass_p * mass_q)
    if statistic == "u":
        within = _unbiased(own_p.total, at_zero, mass_p) + _unbiased(own_q.total, at_zero, mass_q)
    else:
        within = own_p.total / mass_p**2 + own_q.total / mass_q**2
    value = float(sign * (2 * between - within))
    rounding = entry * (float(2 * between + abs(within)) if at_zero == 0 else 4.0)
    parts = (cross.rows, own_p.rows - at_zero), (cross.columns, own_q.rows - at_zero)
    return _Square(value, rounding, *squared_jackknife(p, q, parts, statistic))


def _mean_of(sums: list[PairSums]) -> PairSums:
    """The sums of the mean of several kernels."""
    if len(sums) == 1:
        return sums[0]
    totals, rows, columns = zip(*sums, strict=True)
    return PairSums(sum(totals, Fraction(0)) / len(sums), np.mean(rows, axis=0), np.mean(columns, axis=0))


def _ticking(progress: Callable[[float], None] | None, p: Weighted, q: Weighted, profiles: int = 1) -> Tick | None:
    """Counts the pairs done against all pairs, those of a measure with itself once, for each of the profiles."""
    if progress is None:
        return None
    n, m = len(p.points), len(q.points)
    total, done = profiles * (n * m + n * (n + 1) // 2 + m * (m + 1) // 2), [0]

    def tick(pairs: int) -> None:
        done[0] += pairs
        progress(min(done[0] / total, 1.0))

    return tick


def _unbiased(total: Fraction, at_zero: int, n: Fraction) -> Fraction:
    """The mean over pairs of different points, from the sum over all."""
    return (total - at_zero * n) / (n * (n - 1))


def _on_the_line(p: Weighted, q: Weighted, statistic: str) -> _Square:
    """ℰ² = 2∫(F−G)² over sorted points; the U-statistic takes E‖X−X'‖ = 2∫F(1−F) off."""
    from estimators.kernels.cpu_sorted import cdf_integrals, distance_sums

    checked_samples(p, q, statistic)
    (x, F), (y, G) = sorted_cdf(p), sorted_cdf(q)
    w1, cramer, spread_p, spread_q = cdf_integrals(x, F, y, G).tolist()
    value = 2 * cramer
    if statistic == "u":
        value -= 2 * spread_p / (len(x) - 1) + 2 * spread_q / (len(y) - 1)
    # F and G are off by u each, so that (F−G)² moves by 4u|F−G|; the products and the width add 4u relatively.
    rounding = 8 * _UNIT_ROUNDOFF * (w1 + cramer + (spread_p + spread_q if statistic == "u" else 0.0))
    if statistic == "v" and value == 0:
        return _Square(0.0, rounding, *no_error(p, q, "the measures are equal"))
    if not (p.sampled and q.sampled):
        return _Square(value, rounding, *no_error(p, q, ""))
    parts = (distance_sums(x, y), distance_sums(x, x)), (distance_sums(y, x), distance_sums(y, y))
    return _Square(value, rounding, *squared_jackknife(p, q, parts, statistic))


def _estimate(square: _Square, squared: bool, statistic: str, unit: str, note: str = "") -> Estimate:
    method = f"{statistic.upper()}-statistic"
    low, high = square.value - square.rounding, square.value + square.rounding
    value, stderr, reason = square.value, square.stderr, square.reason
    if statistic == "v":
        value, low = max(value, 0.0), max(low, 0.0)
    if not squared:
        # Within two standard errors of 0 the root is no longer near linear, and the delta method means nothing.
        if stderr is not None and value > 2 * stderr:
            stderr = stderr / (2 * math.sqrt(value))
        elif stderr is not None:
            stderr, reason = None, "no standard error of the root so near 0: pass squared=True, statistic='u'"
        value, low, high = math.sqrt(value), math.sqrt(low) * (1 - 1e-15), math.sqrt(high) * (1 + 1e-15)
        unit = f"{unit}^(1/2)" if unit else ""
    detail = "; ".join(part for part in (note, reason) if part)
    return Estimate(value, stderr, None, method, Certificate("rounding", low, high), unit, detail)


def _counted(part: Weighted) -> tuple[Array, Fraction]:
    """Weights as the sums take them, 1 each for a sample, and their exact total."""
    if part.sampled:
        return np.ones(len(part.points)), Fraction(len(part.points))
    return part.weights, sum(map(Fraction, part.weights.tolist()), Fraction(0))
