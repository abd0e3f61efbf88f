"""Precision, recall, density and coverage: hand-computed cases, slow twins, ties, approximate indexes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from estimators import Empirical, coverage, density, precision, recall
from estimators.balls import fitted, in_balls
from estimators.manifolds import expected_coverage
from knn import DCI, LSH, BruteForce, KDTree
from tests.estimators import naive_coverage as naive

SCORES = {"precision": precision, "recall": recall, "density": density, "coverage": coverage}
TWINS = {name: getattr(naive, name) for name in SCORES}


def jackknife(twin, X, Y, k):
    """√ of the sum over both samples of (n−1)/n Σ (θ₍ᵢ₎ − mean)², each row left out in turn."""
    parts = (
        [twin(np.delete(X, i, axis=0), Y, k) for i in range(len(X))],
        [twin(X, np.delete(Y, j, axis=0), k) for j in range(len(Y))],
    )
    return sum((len(part) - 1) * np.var(part) for part in parts) ** 0.5


@st.composite
def lattice_pair(draw):
    """Points of a small lattice, so that ties and repeated rows abound."""
    d = draw(st.sampled_from([1, 2]))
    rows = st.lists(st.tuples(*[st.integers(0, 5)] * d), min_size=6, max_size=14)
    return np.array(draw(rows), dtype=float), np.array(draw(rows), dtype=float)


@pytest.mark.parametrize("name", SCORES)
@given(pair=lattice_pair(), k=st.integers(1, 3))
def test_values_and_errors_are_those_of_the_twin_ties_and_all(name, pair, k):
    X, Y = pair
    found = SCORES[name](X, Y, k=k)
    assert found.value == pytest.approx(TWINS[name](X, Y, k), rel=1e-15)
    assert found.stderr == pytest.approx(jackknife(TWINS[name], X, Y, k), abs=1e-13)
    assert found.interval[0] <= found.value <= found.interval[1]


def test_by_hand():
    """Balls about 0, 1, 3 with k = 1 have radii 1, 1, 2: they hold [−1, 2] and [1, 5], ends included."""
    P = [0.0, 1.0, 3.0]
    assert precision(P, [-1.0, 5.0, 5.5, -1.5], k=1).value == 0.5
    # −1 is in one ball, 2 in two, 1 in three, 9 in none.
    assert density(P, [-1.0, 2.0, 1.0, 9.0], k=1).value == 6 / 4
    assert coverage(P, [-1.0, 9.0], k=1).value == 1 / 3
    assert coverage(P, [1.0, 9.0], k=1).value == 1.0
    # About −1 and 9 the balls have radius 10 and hold everything.
    assert recall(P, [-1.0, 9.0], k=1).value == 1.0


def test_equal_rows_make_balls_of_radius_0_that_hold_their_equals():
    P = [0.0] * 4 + [5.0] * 4
    assert precision(P, [0.0, 5.0, 1e-9], k=3).value == 2 / 3
    assert coverage(P, [0.0, 1e-9], k=3).value == 0.5
    assert density(P, [0.0], k=3).value == 4 / 3
    assert density(P, [-0.0], k=3).value == 4 / 3


def test_a_collapsed_and_a_far_sampler():
    rng = np.random.default_rng(0)
    P = rng.normal(size=(200, 2))
    collapsed, far = np.repeat(P[:1], 100, axis=0), P[:100] + 100
    assert precision(P, collapsed).value == 1
    assert recall(P, collapsed).value <= 0.01
    assert coverage(P, collapsed).value <= 0.1
    for score in SCORES.values():
        found = score(P, far)
        assert found.value == 0
        if score is not density:
            assert found.interval[1] > 0.01  # none of 100, or of 200, does not show that there is none


def test_one_law_scores_what_the_theory_says():
    """Means over 40 draws, within five standard errors of those 40 values."""
    rng = np.random.default_rng(1)
    draws = [(rng.normal(size=(60, 3)), rng.normal(size=(90, 3))) for _ in range(40)]
    for score, mean in ((coverage, expected_coverage(60, 90, 5)), (density, 1.0)):
        values = np.array([score(*pair).value for pair in draws])
        assert abs(values.mean() - mean) <= 5 * values.std() / np.sqrt(len(values))


def test_the_interval_errs_on_the_wide_side():
    """Over 100 draws the 95 % interval holds the mean 88 times or more: fewer has probability 0.0018 at 95 %.

    And its standard error is at most three times the spread: wide, as told, but no shield against everything.
    """
    rng = np.random.default_rng(2)
    found = [coverage(rng.normal(size=(60, 2)), rng.normal(size=(60, 2)), k=2) for _ in range(100)]
    truth = expected_coverage(60, 60, 2)
    assert sum(e.interval[0] <= truth <= e.interval[1] for e in found) >= 88
    spread = np.std([e.value for e in found])
    assert spread <= np.sqrt(np.mean([e.stderr**2 for e in found])) * 1.2 <= 3.6 * spread


def test_any_index_serves_and_an_approximate_one_is_told():
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(150, 3)), rng.normal(size=(150, 3)) * 1.5
    for score in SCORES.values():
        exact = score(X, Y, index=BruteForce())
        assert score(X, Y, index=KDTree()) == exact
        assert "not proved" not in exact.detail
        rough = score(X, Y, index=DCI(n_simple=2, visits=0.6, random_state=0))
        assert "not proved for " in rough.detail
        assert rough.interval is None


class NearSighted(BruteForce):
    """An index that finds nothing farther than 50, as one by hashing does not."""

    def search(self, Q, k=None, **options):
        found = super().search(Q, k, **options)
        lost = found.distances > 50
        return found._replace(
            indices=np.where(lost, -1, found.indices), distances=np.where(lost, np.inf, found.distances),
            certified=~lost.any(axis=1),
        )  # fmt: skip


def test_a_search_that_failed_is_no_score():
    """Not found is at no distance: as a radius of ∞ it gave far samples a precision of 1."""
    rng = np.random.default_rng(3)
    X, Y = rng.normal(size=(2, 150, 3))
    assert precision(X, Y + 100).value == density(X, Y + 100).value == 0
    for score in SCORES.values():
        with pytest.raises(
            ValueError, match=r"index: LSH\(candidates=0.1, random_state=0\) found fewer than \d neighbours of row"
        ):
            score(X, Y + 100, index=LSH(candidates=0.1, random_state=0))
        with pytest.raises(ValueError, match=r"budget.*or pass index=None"):
            score(X, Y, index=DCI(visits=5, random_state=0))
    # The radii are found here, and what the balls about far rows hold is not.
    with pytest.raises(ValueError, match="found fewer than 8 neighbours of row 0 of P, and of 150 of 150 rows"):
        precision(X, Y + 100, index=NearSighted())


def test_a_ball_is_filled_however_many_points_it_holds():
    points = np.linspace(-1, 1, 101)[:, None]
    found = in_balls(fitted(None, points), np.array([[0.0], [0.0], [50.0]]), np.array([1.0, 0.5, 3.0]))
    assert np.bincount(found.balls, minlength=3).tolist() == [101, 51, 0]
    assert found.certified.all()
    assert (found.distances <= 1).all()


@pytest.mark.parametrize("score", SCORES.values())
def test_bad_input_is_refused(score):
    X = np.arange(20.0).reshape(10, 2)
    with pytest.raises(ValueError, match=r"k is 10: pass a whole number from 1 to 9, the other rows of [PQ]"):
        score(X, X, k=10)
    with pytest.raises(ValueError, match="k is 0"):
        score(X, X, k=0)
    with pytest.raises(ValueError, match="P has 2 coordinates a point and Q has 1"):
        score(X, X[:, :1])
    with pytest.raises(ValueError, match="Q: row 0 is not finite"):
        score(X, np.full((9, 2), np.inf))
    with pytest.raises(TypeError, match="Empirical"):
        score(Empirical(X), X)
    with pytest.raises(ValueError, match=r"[PQ] has one row, .*: pass k \+ 1 rows or more"):
        score(X[:1], X[:1])
    assert score(X, X, k=9).stderr is None  # no row can be left out where all others are the neighbours


def test_an_index_may_be_named_and_a_wrong_one_is_refused_by_name():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(2, 60, 3))
    assert float(precision(X, Y, index="kd-tree")) == float(precision(X, Y))
    with pytest.raises(TypeError, match="index is int: it must be a name among"):
        precision(X, Y, index=3)
    with pytest.raises(KeyError, match="no-such-index"):
        precision(X, Y, index="no-such-index")
