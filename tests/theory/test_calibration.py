"""Measured type I error and power of the three tests of `theory.sequential`, at levels where both can be seen.

Each measured count of rejections must lie in the acceptance region of its exact probability, where that can be
computed (from the binomial law, by dynamic programming, by enumeration, or from Kolmogorov's exact law), else on the
right side of its bound. A region is left by chance with probability at most FALSE_ALARM.
"""

from itertools import product

import numpy as np
import pytest
from scipy.stats import beta, binom, kstwo

from theory.sequential import (
    betting_log_wealth,
    dkw_radius,
    miss_probability,
    proportion_interval,
    refuted_at,
)  # fmt: skip

LEVEL = 0.05
FALSE_ALARM = 1e-6
repeated = pytest.mark.parametrize("runs", [300, pytest.param(5000, marks=pytest.mark.deep)])


def agrees(count, runs, probability):
    """Whether `count` of `runs` lies in the two-sided acceptance region of the probability."""
    return binom.ppf(FALSE_ALARM / 2, runs, probability) <= count <= binom.isf(FALSE_ALARM / 2, runs, probability)


def at_most(count, runs, probability):
    return count <= binom.isf(FALSE_ALARM, runs, probability)


def at_least(count, runs, probability):
    return count >= binom.ppf(FALSE_ALARM, runs, probability)


def crossings(log_e_of, draw, runs, seed):
    rng = np.random.default_rng(seed)
    return sum(refuted_at(log_e_of(draw(rng)), LEVEL) is not None for _ in range(runs))


def betting_crosses(bound, truth, n):
    """P(the wealth against E X ≤ bound reaches 1/LEVEL within n draws of Bernoulli(truth)): over all 2ⁿ sequences."""
    total = 0.0
    for draws in product((0, 1), repeat=n):
        if refuted_at(betting_log_wealth(draws, bound), LEVEL) is not None:
            total += truth ** sum(draws) * (1 - truth) ** (n - sum(draws))
    return total


@repeated
@pytest.mark.parametrize(("truth", "low", "high"), [(0.3, 0.002, LEVEL), (0.85, 0.8, 1)])
def test_the_betting_bound_rejects_as_often_as_all_sequences_say(truth, low, high, runs):
    exact = betting_crosses(0.3, truth, 12)
    assert low < exact <= high
    count = crossings(lambda x: betting_log_wealth(x, 0.3), lambda rng: rng.random(12) < truth, runs, 12)
    assert agrees(count, runs, exact)


@repeated
def test_the_betting_bound_on_means_that_are_no_proportions(runs):
    # Beta(2, 5) has mean 2/7: the null's edge, its inside, and means beyond by 0.036.
    count = {
        bound: crossings(lambda x, b=bound: betting_log_wealth(x, b), lambda rng: rng.beta(2, 5, 1000), runs, 13)
        for bound in (2 / 7, 0.35, 0.25)
    }
    assert at_most(count[2 / 7], runs, LEVEL)
    assert at_most(count[0.35], runs, LEVEL)
    # Mean log-growth of the best stake at 0.25 is ½ · 0.036²/(0.0255 + 0.036²) = 0.024 a draw, 24 of log 20 = 3 needed.
    assert at_least(count[0.25], runs, 0.95)


@repeated
@pytest.mark.parametrize(("truth", "low", "high"), [(1 / 3, 0.03, LEVEL), (0.44, 0.8, 1)])
def test_the_binomial_interval_misses_as_often_as_the_exact_tail_says(truth, low, high, runs):
    n = 200
    exact = 1 - miss_probability(1 / 3, truth, n, LEVEL)
    assert low < exact <= high
    excluded = np.array([not a <= 1 / 3 <= b for a, b in (proportion_interval(k, n, LEVEL) for k in range(n + 1))])
    draws = np.random.default_rng(14).random((runs, n)) < truth
    assert agrees(excluded[draws.sum(axis=1)].sum(), runs, exact)


def farthest(draws, cdf):
    """sup |Fₙ − F| of each row."""
    levels, n = cdf(np.sort(draws, axis=1)), draws.shape[1]
    steps = np.arange(1, n + 1) / n
    return np.maximum(np.abs(levels - steps), np.abs(levels - steps + 1 / n)).max(axis=1)


@repeated
def test_the_band_misses_as_often_as_kolmogorovs_law_says(runs):
    n = 100
    radius, exact = dkw_radius(n, LEVEL), kstwo.sf(dkw_radius(n, LEVEL), n)
    assert 0.03 < exact <= LEVEL
    rng = np.random.default_rng(15)
    assert agrees((farthest(rng.random((runs, n)), lambda x: x) > radius).sum(), runs, exact)
    # Another law is missed with at most 2 exp(−2n(δ − ε)²), δ the distance of the two: the band around it must reach.
    other = beta(2, 1)
    distance = 0.25  # x − x² at ½
    power = 1 - 2 * np.exp(-2 * n * (distance - radius) ** 2)
    assert power > 0.7
    rejected = (farthest(other.rvs((runs, n), random_state=rng), lambda x: x) > radius).sum()
    assert at_least(rejected, runs, power)
