"""Copies are found, learning is not called copying, and the level is exact whatever the samples."""

import itertools
import math
import re
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu, norm

from estimators import data_copying, memorisation_test
from knn import DCI, LSH, BruteForce, KDTree

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
    for test in (memorisation_test, data_copying):
        assert "not proved" not in test(TRAIN, TEST, COPIES, index=KDTree()).detail
        rough = test(TRAIN, TEST, COPIES, index=DCI(n_simple=2, visits=0.5, random_state=0)).detail
        assert re.search(r"not proved for \d+ of \d+ (samples|distances), on which the level does not depend", rough)


def test_a_search_that_failed_is_no_test():
    """All distances ∞ are all ties, and gave C_T = 0, p = ½ for copies."""
    for test in (memorisation_test, data_copying):
        with pytest.raises(ValueError, match=r"index: LSH\(.*found fewer than 1 neighbours of row 0 of samples"):
            test(TRAIN, TEST, COPIES + 1000, index=LSH(candidates=0.1, random_state=0))


class FirstRows(BruteForce):
    """An index that knows the first half of its rows alone: as unfair to an order as can be."""

    def search(self, Q, k=None, **options):
        if not hasattr(self, "half"):
            self.half = BruteForce().fit(np.asarray(self.rows)[: len(self.rows) // 2])
        found = self.half.search(Q, k, **options)
        return found._replace(certified=np.zeros(len(Q), dtype=bool))

    def fit(self, X, y=None):
        self.rows = X
        return super().fit(X, y)


def test_the_level_stands_with_an_index_that_favours_the_rows_it_got_first():
    """Such a one put every sample to train where train came first: p ≤ 0.1 each time, of at most 33 in 200 allowed."""
    rejected = 0
    for seed in range(200):
        train, test, samples = np.split(np.random.default_rng(seed).normal(size=(50, 2)), [15, 30])
        found = memorisation_test(train, test, samples, n_permutations=19, index=FirstRows(), random_state=seed)
        rejected += found.p_value <= 0.1
    assert rejected <= 33


@pytest.fixture
def few_exchanges(monkeypatch):
    """199 in place of 1999, of which the level is as exact: p ≤ 0.005 and p ≤ 0.1 are 1 and 20 of 200."""
    monkeypatch.setattr("estimators.memorisation._EXCHANGES", 199)


@pytest.mark.usefixtures("few_exchanges")
@pytest.mark.parametrize(("m", "n"), [(2, 2), (3, 5), (15, 4)])
def test_few_rows_have_an_exact_level_too(m, n):
    """P(p ≤ 0.1) ≤ 0.1 over 400 draws of one law, to a chance of 10⁻³; the normal law gives 0.169 at 2 and 2."""
    rejected = 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        train, test, samples = rng.normal(size=(10, 2)), rng.normal(size=(n, 2)), rng.normal(size=(m, 2))
        rejected += data_copying(train, test, samples, random_state=seed).p_value <= 0.1
    assert rejected <= binom.ppf(0.999, 400, 0.1)


def test_the_p_value_of_few_rows_counts_the_exchanges_of_labels():
    """Within five deviations of 1999 draws: SciPy's exact test without ties, with them all 35 exchanges."""
    samples, test = np.array([0.1, 0.2, 2.0]), np.array([0.3, 1.0, 3.0, 4.0])
    exact = mannwhitneyu(samples, test, alternative="less", method="exact").pvalue
    found = data_copying([0.0], test, samples)
    assert abs(found.p_value - exact) <= 5 * math.sqrt(exact * (1 - exact) / 1999)
    assert "exchanges of labels" in found.detail
    tied = np.array([1.0, 1, 2, 1, 2, 2, 3])
    below = [tied[list(chosen)].sum() for chosen in itertools.combinations(range(7), 3)]
    exact = np.mean(np.array(below) <= tied[:3].sum())  # ranks are a monotone map of so few values, and 1, 2, 3 even so
    found = data_copying([0.0], tied[3:], tied[:3])
    assert abs(found.p_value - exact) <= 5 * math.sqrt(exact * (1 - exact) / 1999)
    assert data_copying(np.zeros((5, 1)), np.ones((4, 1)), np.ones((3, 1))).p_value == 1


@pytest.mark.parametrize(("m", "n"), [(20, 20), (20, 200), (200, 20)])
def test_many_rows_have_the_level_of_the_normal_law_as_told(m, n):
    """P(p ≤ α) ≤ 1.04 α without ties, α from 0.001, by counting the ways to every U."""
    ways = [1] + [0] * (m * n)  # of Gauss's binomial coefficient, Π (1 − q^(m+i))/(1 − q^i)
    for i in range(1, n + 1):
        for u in range(m * n, m + i - 1, -1):
            ways[u] -= ways[u - m - i]
        for u in range(i, m * n + 1):
            ways[u] += ways[u - i]
    reached = np.array([float(Fraction(count, math.comb(m + n, n))) for count in itertools.accumulate(ways)])
    nominal = norm.cdf((np.arange(m * n + 1) - m * n / 2) / math.sqrt(m * n * (m + n + 1) / 12))
    told = (nominal >= 0.001) & (nominal <= 0.5)
    assert (reached[told] <= 1.04 * nominal[told]).all()


@pytest.mark.usefixtures("few_exchanges")
def test_ties_have_an_exact_level_too():
    """Rare outliers among equal rows: P(p ≤ 0.005) ≤ 0.005, where the normal law, corrected for ties, has 0.065."""
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        test, samples = (rng.random((size, 1)) < 0.004 for size in (20, 1000))
        found = data_copying(np.zeros((5, 1)), test * 1.0, samples * 1.0, random_state=seed)
        rejected += found.p_value <= 0.005
    assert rejected <= binom.ppf(0.999, 200, 0.005)


def test_exchanges_are_as_many_as_asked_for_and_agree_with_the_normal_law():
    normal, counted = data_copying(TRAIN, TEST, FRESH), data_copying(TRAIN, TEST, FRESH, n_permutations=999)
    assert "normal" in normal.detail
    assert "by 999 exchanges of labels" in counted.detail
    assert counted.value == normal.value
    p = normal.p_value
    assert abs(counted.p_value - p) <= 0.04 * p + 5 * math.sqrt(p * (1 - p) / 999)
    assert data_copying(TRAIN, TEST, COPIES, n_permutations=999).p_value == 1 / 1000


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="n_permutations is 5: pass a whole number 19 or more"):
        memorisation_test(TRAIN, TEST, COPIES, n_permutations=5)
    with pytest.raises(ValueError, match="train has 4 coordinates a point and test has 3"):
        memorisation_test(TRAIN, TEST[:, :3], COPIES)
    with pytest.raises(ValueError, match="samples has 2 coordinates"):
        data_copying(TRAIN, TEST, COPIES[:, :2])
    with pytest.raises(ValueError, match="n_cells is 0"):
        data_copying(TRAIN, TEST, COPIES, n_cells=0)
    with pytest.raises(ValueError, match="none of 1 cells"):
        data_copying(TRAIN, TEST, COPIES, least_share=2.0)
