"""Decisions by draws, and sample sizes by exact tails; `test_calibration.py` measures type I error and power."""

import numpy as np
import pytest
from scipy.stats import binom

from theory.outcome import Holds, Inconclusive, Refuted
from theory.sequential import (
    betting_log_wealth,
    decide_mean_at_most,
    decide_proportion,
    miss_probability,
    proportion_interval,
    sample_size,
)  # fmt: skip


def test_the_stake_is_predictable():
    rng = np.random.default_rng(0)
    draws = rng.random(50)
    changed = draws.copy()
    changed[30] = 1 - changed[30]
    assert np.array_equal(betting_log_wealth(draws, 0.4)[:30], betting_log_wealth(changed, 0.4)[:30])


def test_the_interval_covers_at_least_its_level_for_every_proportion():
    for p in (0.003, 0.1, 0.5, 0.77):
        counts = np.arange(61)
        covered = [low <= p <= high for low, high in (proportion_interval(k, 60, 0.05) for k in counts)]
        assert binom.pmf(counts, 60, p)[covered].sum() >= 0.95
    assert proportion_interval(0, 9, 0.05)[0] == 0
    assert proportion_interval(9, 9, 0.05)[1] == 1


def test_a_sample_size_misses_no_more_often_than_asked():
    n = sample_size(1 / 3, 0.2952, alpha=3e-8, beta=1e-6)
    assert 1.2e4 < n < 2e4  # the normal approximation says 1.6e4
    # The exact probability, counted over every outcome that a truth of 0.2952 can have.
    contained = [low <= 1 / 3 <= high for low, high in (proportion_interval(k, 300, 0.01) for k in range(301))]
    exact = binom.pmf(np.arange(301), 300, 0.2952)[contained].sum()
    assert miss_probability(1 / 3, 0.2952, 300, 0.01) == pytest.approx(exact, rel=1e-9)
    assert miss_probability(1 / 3, 0.2952, n, 3e-8) <= 1e-6
    # No larger than needed: the tail saws by a few per cent at most. The two proportions are not exchangeable.
    assert miss_probability(1 / 3, 0.2952, int(0.97 * n), 3e-8) > 1e-6
    lopsided = sample_size(0.5, 0.02, alpha=1e-4, beta=1e-2)
    assert miss_probability(0.5, 0.02, lopsided, 1e-4) <= 1e-2 < miss_probability(0.5, 0.02, lopsided - 3, 1e-4)


def test_equal_proportions_need_no_sample():
    with pytest.raises(ValueError, match="no sample tells them apart"):
        sample_size(0.5, 0.5, alpha=1e-3, beta=1e-3)


def test_a_proportion_holds_only_if_its_nearest_mutant_would_have_been_seen():
    assert type(decide_proportion(500, 1000, 0.5, alpha=0.01, distance=0.1)) is Holds
    assert type(decide_proportion(5, 10, 0.5, alpha=0.01, distance=0.1)) is Inconclusive
    assert type(decide_proportion(900, 1000, 0.5, alpha=0.01, distance=0.1)) is Refuted
    # What cannot happen does not, and the interval then ends at the probability itself.
    assert type(decide_proportion(0, 1000, 0.0, alpha=0.01, distance=0.1)) is Holds
    assert type(decide_proportion(1000, 1000, 1.0, alpha=0.01, distance=0.1)) is Holds


def test_decisions_on_draws():
    rng = np.random.default_rng(2)
    draws = (rng.random(20_000) < 0.3).astype(int)
    assert type(decide_mean_at_most(draws, 0.31, alpha=1e-6)) is Holds
    assert type(decide_mean_at_most(draws, 0.27, alpha=1e-6)) is Refuted


@pytest.mark.parametrize(
    "call",
    [
        lambda: betting_log_wealth([0.5, 1.5], 0.5),
        lambda: betting_log_wealth([0.5], 0.0),
        lambda: proportion_interval(3, 2, 0.1),
    ],
)
def test_bad_draws_are_refused(call):
    with pytest.raises(ValueError, match=r"must be|strictly between|successes"):
        call()
