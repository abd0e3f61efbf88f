"""Tests whose error level holds exactly: betting e-processes, binomial intervals, DKW bands, sample sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import beta as beta_law
from scipy.stats import binom

from theory.outcome import Holds, Inconclusive, Outcome, Refuted


def betting_log_wealth(draws: np.ndarray, bound: float) -> np.ndarray:
    """log of the wealth ∏ (1 + λₜ (Xₜ − b)) after each draw, an e-process for H₀: E X ≤ b, X in [0, 1], 0 < b < 1.

    The stake λₜ is predictable: the gain-maximising (mean − b)/(variance + (mean − b)²) of the draws
    before t, cut to [0, 1/(2b)], so that no draw can bankrupt it (Waudby-Smith & Ramdas 2024).
    """
    draws = np.asarray(draws, dtype=np.float64)
    if draws.ndim != 1 or not ((draws >= 0) & (draws <= 1)).all():
        raise ValueError("draws must be a vector in [0, 1]")
    _require_probability(bound, "bound")
    # One draw at ½ and a variance of ¼ stand in before there are draws, so λ₁ is no draw's own.
    before = np.arange(1, len(draws) + 1)
    means = (0.5 + np.concatenate([[0], np.cumsum(draws)[:-1]])) / before
    squares = (0.25 + np.concatenate([[0], np.cumsum((draws - means) ** 2)[:-1]])) / before
    excess = means - bound
    stakes = np.clip(excess / (squares + excess**2), 0, 0.5 / bound)
    return np.cumsum(np.log1p(stakes * (draws - bound)))


def refuted_at(log_e: np.ndarray, alpha: float) -> int | None:
    """The number of draws after which the e-process first reaches 1/α, or None."""
    crossed = np.flatnonzero(log_e >= -np.log(alpha))
    return int(crossed[0]) + 1 if len(crossed) else None


def proportion_interval(successes: int, n: int, alpha: float) -> tuple[float, float]:
    """The Clopper–Pearson interval for a proportion: coverage ≥ 1 − α for every p and n."""
    if not 0 <= successes <= n or n < 1:
        raise ValueError(f"successes={successes} of n={n}; need 0 ≤ successes ≤ n and n ≥ 1")
    low = beta_law.ppf(alpha / 2, successes, n - successes + 1) if successes else 0.0
    high = beta_law.isf(alpha / 2, successes + 1, n - successes) if successes < n else 1.0
    return float(low), float(high)


def dkw_radius(n: int, alpha: float) -> float:
    """ε with P(sup |Fₙ − F| > ε) ≤ 2 exp(−2 n ε²) = α (Dvoretzky–Kiefer–Wolfowitz, Massart's constant)."""
    return float(np.sqrt(np.log(2 / alpha) / (2 * n)))


def sample_size(p: float, other: float, *, alpha: float, beta: float) -> int:
    """The least n of a doubling search at which Clopper–Pearson at level α excludes `p`, except with probability ≤ β.

    The truth is `other`. Computed from the exact binomial tail, not from a normal approximation; the
    tail saws with n, and the returned n is itself verified.
    """
    _require_probability(p, "p")
    _require_probability(other, "other")
    if p == other:
        raise ValueError("p and other are equal; no sample tells them apart")
    high = 8
    while miss_probability(p, other, high, alpha) > beta:
        high *= 2
    low = high // 2
    while high - low > max(1, high // 1000):
        middle = (low + high) // 2
        low, high = (middle, high) if miss_probability(p, other, middle, alpha) > beta else (low, middle)
    return high


def miss_probability(p: float, other: float, n: int, alpha: float) -> float:
    """P(Clopper–Pearson at level α still contains `p`), when n draws have the probability `other`: exact."""
    # The interval contains p exactly while neither tail of Bin(n, p) at k falls below α/2.
    lowest, highest = binom.ppf(alpha / 2, n, p), binom.isf(alpha / 2, n, p)
    return float(binom.cdf(highest, n, other) - binom.cdf(lowest - 1, n, other))


def decide_proportion(successes: int, n: int, p: float, *, alpha: float, distance: float, **evidence: Any) -> Outcome:
    """Whether the probability of success is p, at level α, when the nearest mutant's differs by `distance`.

    Refuted if Clopper–Pearson at level α excludes p. Holds if it contains p and is narrower than
    `distance`: its half-width is below distance/2, so the nearest mutant would have been excluded.
    Else Inconclusive. "Not refuted" alone would say nothing.
    """
    low, high = proportion_interval(int(successes), int(n), alpha)
    found = {"n": int(n), "successes": int(successes), "interval": (low, high), "stated": float(p), "alpha": alpha}
    if not low <= p <= high:
        return Refuted(**found, **evidence)
    return (Holds if high - low < distance else Inconclusive)(**found, **evidence)


def decide_mean_at_most(draws: np.ndarray, bound: float, *, alpha: float, **evidence: Any) -> Outcome:
    """Whether E X ≤ b for X in [0, 1]: Refuted once the betting wealth reaches 1/α, else Holds.

    For a one-sided claim: the mutant's bound is refuted by the same draws, which is what gives "Holds" its meaning.
    """
    log_wealth = betting_log_wealth(draws, bound)
    found = {"n": len(draws), "mean": float(np.mean(draws)), "bound": float(bound), "alpha": alpha}
    steps = refuted_at(log_wealth, alpha)
    if steps is not None:
        return Refuted(**found, draws_needed=steps, log_e=float(log_wealth.max()), **evidence)
    return Holds(**found, log_e=float(log_wealth.max()), **evidence)


def _require_probability(p: float, name: str) -> None:
    if not 0 < p < 1:
        raise ValueError(f"{name}={p!r}; a probability strictly between 0 and 1 is needed")
