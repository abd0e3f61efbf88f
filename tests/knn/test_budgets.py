"""Budgets that an index chooses for itself find what a newcomer expects, or say that they cannot."""

import re
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_digits

from knn import DCI, BruteForce, PrincipalDCI, PrioritizedDCI, RandomHierarchy
from knn.budgets import ASKED, FOUND, LEAST, STEP, WANTED
from tests.knn.problems import clusters

DIGITS = np.ascontiguousarray(load_digits().data.astype(np.float32))
ORDER = np.random.default_rng(0).permutation(len(DIGITS))
X, Q = DIGITS[ORDER[:1600]], DIGITS[ORDER[1600:]]


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
def test_every_index_finds_nine_tenths_on_digits_at_its_defaults(kind, metric):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that much of so few points is measured is not the matter here
        index = kind(metric=metric, random_state=0).fit(X)
    kth = BruteForce(metric=metric).fit(X).search(Q, 10).distances[:, -1:]
    recall = (index.search(Q, 10).distances <= kth).mean()
    # 0.95 of 32 points' neighbours were found when budgets were chosen: 0.9 is four standard errors, 0.012, below.
    assert recall >= 0.9
    assert set(index.budgets_) == set(index.usual)


def test_a_choice_is_kept_in_files_and_is_not_made_for_budgets_that_are_given(tmp_path):
    chosen = DCI(random_state=0).fit(clusters(LEAST, 30, seed=0)[0])
    assert chosen.budgets_["visits"] != DCI.usual["visits"]
    chosen.save(tmp_path / "index")
    assert DCI.load(tmp_path / "index").budgets_ == chosen.budgets_
    assert DCI(visits=0.07, random_state=0).fit(X).budgets_ == {"visits": 0.07}
    assert chosen.set_params(visits=9).budgets_ == {"visits": 9}


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
@pytest.mark.parametrize("n", [1, 30, LEAST - 1])
def test_of_few_points_all_are_measured(kind, metric, n):
    rows = np.random.default_rng(n).normal(size=(n, 5))
    index = kind(metric=metric, random_state=0).fit(rows)
    k = min(n, 5)
    found, truth = (one.search(Q[:, :5] / 8 - 1, k) for one in (index, BruteForce(metric=metric).fit(rows)))
    np.testing.assert_array_equal(found.indices, truth.indices)
    np.testing.assert_array_equal(found.distances, truth.distances)


def test_few_points_are_those_that_are_there_when_it_is_searched():
    rows = clusters(LEAST + 200, 30, seed=0)[0]
    index = DCI(random_state=0).fit(rows)
    chosen = index.budgets_
    index.delete(np.arange(LEAST + 100))
    assert index.budgets_ == {"visits": 1.0}
    index.insert(rows[:LEAST])
    assert index.budgets_ == chosen
    few = DCI(random_state=0).fit(rows[:10])
    few.insert(rows[10:])
    assert few.budgets_ == DCI.usual


def test_usual_budgets_are_kept_where_they_do():
    assert PrincipalDCI(random_state=0).fit(X).budgets_ == PrincipalDCI.usual
    noise = np.random.default_rng(4).standard_normal((LEAST, 100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        assert RandomHierarchy(metric="inner_product", random_state=0).fit(noise).budgets_ != RandomHierarchy.usual


def test_what_is_chosen_does_for_the_points_that_were_asked():
    """And the step before does not: budgets are raised only as long as they must be."""
    rows = clusters(3000, 40, seed=1)[0] + np.random.default_rng(2).standard_normal((3000, 40))
    index = DCI(random_state=0).fit(rows)
    asked, own, kth, k = index._questions(index._engine)
    assert len(asked) == ASKED

    def share(visits):
        distances, slots, _, _ = index.set_params(visits=visits)._ranked(asked, k + 1, False)
        return (np.where(slots == own[:, None], np.inf, distances) <= kth[:, None]).sum() / (k * ASKED)

    visits = index.budgets_["visits"]
    assert share(visits) >= WANTED
    assert visits == DCI.usual["visits"] or share(visits / STEP) < WANTED


def test_a_choice_that_measures_most_points_is_told_with_the_remedy():
    noise = np.random.default_rng(3).standard_normal((LEAST, 200))
    with pytest.warns(UserWarning, match=r"BruteForce is quicker, and knn\.tuned"):
        DCI(random_state=0).fit(noise)
    with pytest.raises(ValueError, match="visits='all'"):
        DCI(visits="all").fit(noise)


@pytest.mark.parametrize("kind", [PrincipalDCI, RandomHierarchy, PrioritizedDCI])
def test_usual_budgets_that_find_little_say_so_with_the_remedy(kind):
    """On flat data, where no direction holds more than another; what is told is what a search then finds."""
    rows = np.random.default_rng(5).standard_normal((3200, 64)).astype(np.float32)
    with pytest.warns(UserWarning, match=r"finds \d+% of the 10 nearest.*knn\.tuned.*exact=True.*BruteForce") as told:
        index = kind(random_state=0).fit(rows[:3000])
    (warning,) = told
    kth = BruteForce().fit(rows[:3000]).search(rows[3000:], 10).distances[:, -1:]
    recall = (index.search(rows[3000:], 10).distances <= kth).mean()
    share = int(re.search(r"finds (\d+)%", str(warning.message))[1]) / 100
    # Four standard errors of 32 shares in [0, 1] whose standard deviation is some 0.2.
    assert abs(share - recall) < 4 * 0.2 / ASKED**0.5
    assert recall < FOUND
    assert warning.filename == __file__
    assert index.budgets_ == kind.usual


def test_nothing_is_said_where_usual_budgets_do_or_all_are_given_or_points_are_few():
    noise = np.random.default_rng(6).standard_normal((LEAST, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        PrincipalDCI(random_state=0).fit(X)
        PrincipalDCI(probes=1, candidates=1, random_state=0).fit(noise)
        PrincipalDCI(random_state=0).fit(noise[1:])
    with pytest.warns(UserWarning, match="PrincipalDCI with"):
        PrincipalDCI(candidates=1, random_state=0).fit(noise)
