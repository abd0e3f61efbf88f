"""Rounding-safe terms q·f(p/q) of the named f-divergences, for positive masses p and q.

Each is written so that no two nearly equal numbers are subtracted: where p is close to q the term
is of order (p−q)², and the textbook form p log(p/q) − p + q would lose all of its digits. The
relative error of a term is at most 16 units roundoff (tests/estimators/test_atoms.py, against mpmath).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from estimators.fdivergences.generators import Generator

Array = NDArray[np.float64]

#: (1/9)^k / (2k+3) is below a unit roundoff from k = 16 on, and r² ≤ 1/9 where the series is used.
_SERIES = 17


def kl(p: Array, q: Array) -> Array:
    """p log(p/q) − p + q = q·((1+x) log(1+x) − x) with x = (p−q)/q."""
    difference = p - q
    with np.errstate(over="ignore"):  # q may be so small that p/q is no float64; log p − log q is
        ratio = p / q
        x = difference / q
    near = np.abs(x) <= 0.5
    log_ratio = np.where(np.isfinite(ratio), np.log(ratio), np.log(p) - np.log(q))
    terms = p * log_ratio - difference
    x = x[near]
    terms[near] = q[near] * (x * np.log1p(x) + _log1p_minus_x(x))
    return terms


def reverse_kl(p: Array, q: Array) -> Array:
    """q log(q/p) − q + p."""
    return kl(q, p)


def jsd(p: Array, q: Array) -> Array:
    """½(p log(2p/(p+q)) + q log(2q/(p+q))) = ¼(p+q)·(2y artanh y + log(1−y²)) with y = (p−q)/(p+q)."""
    total = p + q
    y = (p - q) / total
    near = np.abs(y) <= 0.5
    terms = 0.5 * (p * np.log(2 * p / total) + q * np.log(2 * q / total))
    y = y[near]
    terms[near] = 0.25 * total[near] * (2 * y * np.arctanh(y) + np.log1p(-y * y))
    return terms


def jsd_sum(p: Array, q: Array) -> Array:
    """p log(2p/(p+q)) + q log(2q/(p+q))."""
    return 2 * jsd(p, q)


def total_variation(p: Array, q: Array) -> Array:
    """½|p − q|."""
    return 0.5 * np.abs(p - q)


def chi_squared(p: Array, q: Array) -> Array:
    """(p−q)²/q."""
    difference = p - q
    with np.errstate(over="ignore"):  # the caller refuses an overflow
        return difference * (difference / q)


def squared_hellinger(p: Array, q: Array) -> Array:
    """½(√p − √q)² = ½((p−q)/(√p + √q))²."""
    return 0.5 * ((p - q) / (np.sqrt(p) + np.sqrt(q))) ** 2


#: |log p − log q| up to which p/q is a float64 with room for its square.
_RATIO = 300.0


def from_logs(f: Generator, log_p: Array, log_q: Array) -> Array:
    """q f(p/q) from the logs of p and q, either of which may be −∞, and √(term·(p+q)): (2, n).

    The second is what a relative error of p or q moves the term by, up to a factor: q f(p/q) ≈ ½f″(1)(p−q)²/q near
    p = q. Terms beyond float64 are ∞. Where p/q has no float64, `f.far` serves, or f(0) and f′(∞) where finite.
    """
    scale = np.maximum(log_p, log_q)
    scale = np.where(scale == -np.inf, 0.0, scale)
    with np.errstate(over="ignore", invalid="ignore"):
        p, q, gap = np.exp(log_p - scale), np.exp(log_q - scale), log_p - log_q
        found = np.zeros(len(p))
        near = np.abs(gap) <= _RATIO
        found[near] = f.terms(p[near], q[near]) * np.exp(scale[near])
        for far, limit in ((gap > _RATIO, f.slope), (gap < -_RATIO, f.at_zero)):
            if limit < np.inf or f.far is None:
                found[far] = limit * np.exp(scale[far])
            else:
                found[far] = np.exp(f.far(gap[far]) + scale[far])
        noise = np.sqrt(found) * np.sqrt((p + q) * np.exp(scale))
    return np.stack([found, np.where(np.isfinite(noise), noise, 0.0)])


def far_kl(gap: Array) -> Array:
    """log(f(t)/t) of f(t) = t log t − t + 1 at t = e^gap, gap ≫ 0."""
    return np.log(gap - 1)


def far_reverse_kl(gap: Array) -> Array:
    """log f(t) of f(t) = −log t + t − 1 at t = e^gap, gap ≪ 0."""
    return np.log(-gap - 1)


def far_chi_squared(gap: Array) -> Array:
    """log(f(t)/t) of f(t) = (t − 1)² at t = e^gap, gap ≫ 0."""
    return gap


def _log1p_minus_x(x: Array) -> Array:
    """log(1+x) − x for |x| ≤ ½, through log(1+x) = 2 artanh r with r = x/(2+x), so that 2r − x = −r·x."""
    r = x / (2 + x)
    square = r * r
    tail = np.zeros_like(x)
    for k in range(_SERIES - 1, -1, -1):
        tail = tail * square + 1 / (2 * k + 3)
    return r * (2 * square * tail - x)
