"""Confidence intervals of shares and of means."""

from __future__ import annotations

from scipy.stats import beta, norm

from estimators.arguments import real_number

#: Confidence of every interval unless told otherwise.
LEVEL = 0.95


def clopper_pearson(successes: int, trials: int, confidence_level: float = LEVEL) -> tuple[float, float]:
    """The exact interval for a binomial share p: P(p within) ≥ `confidence_level` = 1 − α, whatever p is.

    Ends are the shares under which so many successes, or so few, have probability α/2; at 0 and at all successes it is
    still an interval, where the Wald standard error √(p̂(1−p̂)/n) is 0 and says nothing.
    Raises ValueError unless 0 ≤ successes ≤ trials and trials ≥ 1. Source: Clopper & Pearson 1934.
    """
    checked_confidence(confidence_level)
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f"successes is {successes} of trials {trials}: pass whole numbers 0 ≤ successes ≤ trials ≥ 1")
    tail = (1 - confidence_level) / 2
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = 1.0 if successes == trials else float(beta.isf(tail, successes + 1, trials - successes))
    return low, high


def normal_interval(value: float, stderr: float, confidence_level: float = LEVEL) -> tuple[float, float]:
    """value ± z·stderr, with z the normal quantile: right as far as the central limit theorem is."""
    reach = float(norm.isf((1 - checked_confidence(confidence_level)) / 2)) * stderr
    return value - reach, value + reach


def checked_confidence(confidence_level: float) -> float:
    """`confidence_level` itself; raises ValueError unless it lies strictly between 0 and 1."""
    return real_number(confidence_level, "confidence_level", above=0, below=1, why=", such as 0.95")
