"""Permutation tests: their level is exact, their power is there, their statistics are what they say."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from estimators import energy_distance, holm, mmd, two_sample_test
from estimators.two_sample import rejections

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(25, 2)), RNG.normal(size=(20, 2)) + 0.4


@pytest.mark.parametrize("ties", ["conservative", "randomised"])
def test_the_level_is_exact(ties):
    """400 tests of equal laws reject as often as Bin(400, 0.05) does, but for one failure in 10⁶."""
    rng = np.random.default_rng(1)
    results = [
        two_sample_test(
            rng.normal(size=(8, 1)), rng.normal(size=(7, 1)), permutations=19, ties=ties, random_state=seed
        ).rejected
        for seed in range(400)
    ]
    low, high = binom.ppf(5e-7, 400, 0.05), binom.isf(5e-7, 400, 0.05)
    assert low <= sum(results) <= high


def test_ties_are_larger_or_in_random_order():
    """On one atom all statistics are equal: p is 1 by the rule, and uniform on the 20 ranks by lot."""
    same = np.zeros((5, 1))
    assert two_sample_test(same, same, permutations=19).p_value == 1.0
    drawn = [
        two_sample_test(same, same, permutations=19, ties="randomised", random_state=seed).p_value
        for seed in range(200)
    ]
    low, high = binom.ppf(5e-7, 200, 0.25), binom.isf(5e-7, 200, 0.25)
    assert low <= sum(p <= 0.25 for p in drawn) <= high


def test_the_statistics_are_the_divergences():
    assert two_sample_test(X, Y).value == pytest.approx(energy_distance(X, Y, squared=True).value, rel=1e-12)
    found = two_sample_test(X, Y, "mmd", bandwidth=1.5)
    assert found.value == pytest.approx(mmd(X, Y, bandwidth=1.5, squared=True).value, rel=1e-11)
    assert "1.5" in found.detail


def test_a_pass_over_all_relabellings_is_the_function_called_on_each():
    fast = two_sample_test(X, Y, permutations=99)
    slow = two_sample_test(X, Y, lambda a, b: energy_distance(a, b, squared=True).value, permutations=99)
    assert fast.p_value == slow.p_value


@pytest.mark.parametrize("statistic", ["energy", "mmd", "classifier", lambda a, b: abs(a.mean() - b.mean())])
def test_different_laws_are_told_apart_and_the_same_seed_gives_the_same(statistic):
    rng = np.random.default_rng(2)
    A, B = rng.normal(size=(80, 2)), rng.normal(size=(70, 2)) + 1.2
    found = two_sample_test(A, B, statistic, permutations=199)
    assert found.p_value == 1 / 200
    assert found.status == "rejected"
    assert found.interval[0] == 0.0
    assert found == two_sample_test(A, B, statistic, permutations=199)
    assert "rejected at 0.05" in str(found)


def test_a_p_value_near_the_level_is_undecided():
    test = two_sample_test(X, Y, lambda a, _: float(a[0, 0]), permutations=19, level=0.4)
    low, high = test.interval
    assert ("undecided" in test.status) == (low <= 0.4 <= high)


def test_holm_is_holm():
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert not rejections([two_sample_test(X, X, permutations=19)] * 3).any()
    with pytest.raises(ValueError, match=r"row 1 is 2\.0"):
        holm([0.5, 2.0])


@pytest.mark.parametrize("statistic", ["energy", "mmd", "classifier"])
def test_coordinates_whose_squares_leave_float64_are_refused_with_the_remedy(statistic):
    for scale, told in ((1e200, "^X: row .* is too large .*: rescale X and Y"), (1e-200, "too small .*: rescale both")):
        with pytest.raises(ValueError, match=told):
            two_sample_test(scale * X, scale * Y, statistic, permutations=19)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"statistic": "ks"}, "statistic is 'ks'"),
        ({"permutations": 18}, "pass 19 or more"),
        ({"level": 0.0}, "level is 0"),
        ({"ties": "lucky"}, "ties is"),
        ({"bandwidth": 1.0}, "with statistic='mmd' alone"),
        ({"statistic": lambda *_: math.nan}, "not finite"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        two_sample_test(X, Y, **options)
    with pytest.raises(ValueError, match="Y has 1 rows"):
        two_sample_test(X, Y[:1])
