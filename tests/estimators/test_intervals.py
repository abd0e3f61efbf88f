"""Exact intervals for shares hold what they say, by summing binomial probabilities."""

import math

import pytest
from scipy.stats import binom

from estimators.intervals import clopper_pearson, normal_interval


@pytest.mark.parametrize("share", [0.0, 0.003, 0.1, 0.5, 0.77, 0.999, 1.0])
@pytest.mark.parametrize("level", [0.5, 0.95])
def test_a_share_is_held_with_at_least_the_stated_probability(share, level):
    for n in (1, 7, 40):
        held = sum(
            binom.pmf(s, n, share) for s in range(n + 1) for low, high in [clopper_pearson(s, n, level)]
            if low <= share <= high
        )  # fmt: skip
        assert held >= level - 1e-12  # the rounding of a sum of 41 probabilities


def test_its_ends_are_where_the_tails_are_a_fortieth():
    low, high = clopper_pearson(3, 20)
    assert binom.sf(2, 20, low) == pytest.approx(0.025, rel=1e-9)
    assert binom.cdf(3, 20, high) == pytest.approx(0.025, rel=1e-9)
    assert clopper_pearson(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1, rel=1e-12))
    assert clopper_pearson(10, 10) == (pytest.approx(0.025**0.1, rel=1e-12), 1.0)


def test_the_normal_interval():
    assert normal_interval(1.0, 2.0) == pytest.approx((1 - 2 * 1.959963984540054, 1 + 2 * 1.959963984540054), rel=1e-14)


@pytest.mark.parametrize(("successes", "trials", "level"), [(-1, 3, 0.9), (4, 3, 0.9), (0, 0, 0.9)])
def test_impossible_counts_are_refused(successes, trials, level):
    with pytest.raises(ValueError, match="successes is"):
        clopper_pearson(successes, trials, level)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, math.nan])
def test_impossible_levels_are_refused(level):
    with pytest.raises(ValueError, match="confidence_level is"):
        clopper_pearson(1, 3, level)
