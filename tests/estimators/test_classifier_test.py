"""The classifier test has its level exactly and power where laws differ."""

import itertools
import re

import numpy as np
import pytest
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from estimators import classifier_two_sample_test
from knn import DCI, LSH, KDTree

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 2)), RNG.normal(size=(50, 2))


def test_laws_apart_are_told_apart_and_equal_ones_not():
    apart, equal = classifier_two_sample_test(X, Y + 3), classifier_two_sample_test(X, Y)
    assert apart.value > 0.9
    assert apart.p_value < 1e-6
    assert equal.p_value > 0.01
    assert apart.interval[0] > 0.75
    assert classifier_two_sample_test(X, Y + 3, index=KDTree()) == apart


def test_the_nearest_majority_is_scikit_learns_where_the_number_of_neighbours_is_odd():
    x, y = RNG.normal(size=(50, 2)), RNG.normal(size=(48, 2)) + 0.5  # ⌊√(25 + 24)⌋ = 7
    found = classifier_two_sample_test(x, y)
    assert found.value == classifier_two_sample_test(x, y, classifier=KNeighborsClassifier(7)).value


def test_any_classifier_serves():
    assert classifier_two_sample_test(X, Y + 3, classifier=LogisticRegression()).p_value < 1e-6


def test_the_p_value_counts_the_orders_of_the_labels():
    """Against all ways to choose which held-out rows are of Q, for a classifier whose answers are fixed."""

    class Threshold(LogisticRegression):
        def fit(self, rows, labels):
            del rows, labels
            return self

        def predict(self, rows):
            return (rows[:, 0] > 0).astype(int)

    x, y = RNG.normal(size=(8, 1)), RNG.normal(size=(10, 1)) + 0.8
    found = classifier_two_sample_test(x, y, classifier=Threshold())
    from estimators.classifier_test import _halves

    rng = np.random.default_rng(0)
    held_out = [_halves(part, rng)[1] for part in (x, y)]
    answers = np.concatenate(held_out)[:, 0] > 0

    def right(of_q):
        return sum(answers[i] == (i in of_q) for i in range(len(answers)))

    n, m = len(held_out[0]), len(answers)
    reached = right(range(n, m))
    counts = [right(set(chosen)) >= reached for chosen in itertools.combinations(range(m), m - n)]
    assert found.value == reached / m
    assert found.p_value == pytest.approx(np.mean(counts), rel=1e-12)


def test_the_level_is_exact():
    """p ≤ 0.1 at most in a tenth of 300 draws of one law, of unequal sizes, to a chance of 10⁻³."""
    rejected = 0
    for seed in range(300):
        draws = np.random.default_rng(seed).normal(size=(50, 2))
        rejected += classifier_two_sample_test(draws[:30], draws[30:], random_state=seed).p_value <= 0.1
    assert rejected <= binom.ppf(0.999, 300, 0.1)


def test_an_approximate_search_is_told_and_one_that_failed_is_no_answer():
    rough = classifier_two_sample_test(X, Y + 3, index=DCI(n_simple=2, visits=0.5, random_state=0))
    assert re.search(r"not proved for \d+ of 55 rows, on which the level does not depend", rough.detail)
    assert "not proved" not in classifier_two_sample_test(X, Y).detail
    with pytest.raises(
        ValueError, match=r"index: LSH\(candidates=0.1, random_state=0\) found fewer than 7 neighbours of row"
    ):
        classifier_two_sample_test(X, Y, index=LSH(candidates=0.1, random_state=0))


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="Q has 3 rows"):
        classifier_two_sample_test(X, Y[:3])
