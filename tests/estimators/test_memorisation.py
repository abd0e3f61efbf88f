"""Copies are found, learning is not called copying, and the level is exact whatever the samples."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from estimators import data_copying, memorisation_test
from knn import LSH

RNG = np.random.default_rng(0)
TRAIN, TEST, FRESH = (RNG.normal(size=(200, 4)) for _ in range(3))
COPIES = TRAIN[:100] + 0.01 * RNG.normal(size=(100, 4))


def test_by_hand():
    """Of 0, 1 | 10, 11 the samples 0.2, 9 and 5.5 are nearest to 0, to 10, and to 1 and 10 alike."""
    found = memorisation_test([0.0, 1.0], [10.0, 11.0], [0.2, 9.0, 5.5], n_permutations=4999)
    assert found.value == pytest.approx((1 + 0 + 0.5) / 3, rel=1e-15)
    # Of the six ways to choose two rows, credits 1, ½, 1½, 0, those that hold 10 (three) or 0 and 1 have 1½ or more.
    chance = sum(sum(pair) >= 1.5 for pair in itertools.combinations([1, 0.5, 1.5, 0], 2)) / 6
    assert abs(found.p_value - chance) <= 5 * math.sqrt(chance * (1 - chance) / 4999)


def test_copies_are_found_and_fresh_rows_are_not():
    copied, learned = (memorisation_test(TRAIN, TEST, samples) for samples in (COPIES, FRESH))
    assert copied.value > 0.95
    assert copied.p_value == 1 / 1000
    assert learned.p_value > 0.01
    assert "0.5 ±" in learned.detail
    assert data_copying(TRAIN, TEST, COPIES).value < -8
    assert abs(data_copying(TRAIN, TEST, FRESH).value) < 3


def test_equal_rows_in_both_are_shared_out():
    rows = np.repeat(TRAIN[:20], 2, axis=0)
    found = memorisation_test(TRAIN[:20], TRAIN[:20], rows)
    assert found.value == 0.5
    assert found.p_value > 0.3


def test_a_sampler_of_one_point_is_no_evidence_where_a_binomial_test_would_have_it_every_time():
    found = [
        memorisation_test(*RNG.normal(size=(2, 15, 2)), np.zeros((50, 2)), n_permutations=199, random_state=seed)
        for seed in range(40)
    ]
    assert {e.value for e in found} == {0.0, 1.0}
    assert min(e.p_value for e in found) > 0.3


@pytest.mark.parametrize("sizes", [(15, 15), pytest.param((30, 10), marks=pytest.mark.deep)])
def test_the_level_is_exact(sizes):
    """p ≤ 0.1 at most in a tenth: of 200 draws 34 or more would have probability 0.001."""
    rejected = 0
    for seed in range(200):
        draws = np.random.default_rng(seed).normal(size=(sum(sizes) + 20, 2))
        train, test, samples = np.split(draws, np.cumsum(sizes))
        rejected += memorisation_test(train, test, samples, n_permutations=19).p_value <= 0.1
    assert rejected <= 33


def test_the_ranks_are_those_of_scipy():
    nearest = [np.sqrt(((part[:, None] - TRAIN) ** 2).sum(axis=2)).min(axis=1) for part in (COPIES, TEST)]
    found = data_copying(TRAIN, TEST, COPIES)
    p = mannwhitneyu(*nearest, alternative="less", method="asymptotic", use_continuity=False).pvalue
    assert found.p_value == pytest.approx(p, rel=1e-9)
    assert found.stderr == 1.0


def test_cells_are_weighed_by_their_test_rows_and_see_a_copy_in_one_of_them():
    left, right = TRAIN[:100] - 20, TRAIN[100:] + 20
    train, test = np.concatenate([left, right]), np.concatenate([TEST[:60] - 20, TEST[60:] + 20])
    samples = np.concatenate([left[:50] + 1e-3, FRESH[:150] + 20])
    found = data_copying(train, test, samples, n_cells=2)
    apart = [
        data_copying(*parts).value
        for parts in ((left, TEST[:60] - 20, left[:50] + 1e-3), (right, TEST[60:] + 20, FRESH[:150] + 20))
    ]
    assert found.value == pytest.approx(0.3 * apart[0] + 0.7 * apart[1], rel=1e-12)
    assert found.stderr == pytest.approx(math.hypot(0.3, 0.7), rel=1e-12)
    assert "2 of 2 cells" in found.detail
    assert "1 of 2 cells" in data_copying(train, test, samples, n_cells=2, least_share=0.5).detail
    assert data_copying(np.zeros((5, 1)), np.ones((4, 1)), np.ones((3, 1))).value == 0


def test_an_approximate_search_is_told():
    assert "not proved" in memorisation_test(TRAIN, TEST, COPIES, index=LSH(n_tables=1, random_state=0)).detail


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="n_permutations is 5"):
        memorisation_test(TRAIN, TEST, COPIES, n_permutations=5)
    with pytest.raises(ValueError, match="train has 4 coordinates a point and test has 3"):
        memorisation_test(TRAIN, TEST[:, :3], COPIES)
    with pytest.raises(ValueError, match="samples has 2 coordinates"):
        data_copying(TRAIN, TEST, COPIES[:, :2])
    with pytest.raises(ValueError, match="n_cells is 0"):
        data_copying(TRAIN, TEST, COPIES, n_cells=0)
    with pytest.raises(ValueError, match="none of 1 cells"):
        data_copying(TRAIN, TEST, COPIES, least_share=2.0)
