"""Tuning: what it promises is measured on queries that chose nothing, and what falls short is never returned."""

import numpy as np
import pandas as pd
import pytest

from knn import BruteForce, PrioritizedDCI, RandomHierarchy, RecallNotReached, tuned
from knn.tuning import wilson
from tests.knn.problems import clusters

X, FRESH = clusters(600, 16, seed=0, queries=200)


def recall_of(index, k):
    truth = BruteForce().fit(X).search(FRESH, k).distances[:, -1:]
    return float((index.search(FRESH, k).distances <= truth).mean())


def test_every_index_is_tuned(kind):
    found = tuned(kind, X, recall=0.9, k=5, random_state=0, by="evaluations")
    assert type(found.index) is kind
    assert found.index.n_samples_fit_ == len(X)
    assert found.index.n_neighbors == 5
    assert found.chosen.recall >= 0.9
    cheaper = [t for t in found.tried if t.recall >= 0.9 and t.evaluations < found.chosen.evaluations]
    assert not cheaper
    # Fresh queries: the interval is for 60 held out, to which five standard errors of 200 more are added.
    assert recall_of(found.index, 5) >= found.interval[0] - 5 * 0.2 / np.sqrt(200)
    assert type(found.index).__name__ in repr(found)
    assert {"parameters", "recall", "seconds", "evaluations", "frontier"} <= set(pd.DataFrame(found.tried))


def test_the_same_seed_makes_the_same_choice():
    one, other = (tuned("random-hierarchy", X, k=5, by="evaluations", random_state=3) for _ in range(2))
    assert one.parameters == other.parameters
    assert one.interval == other.interval
    np.testing.assert_array_equal(one.index.search(FRESH, 5).indices, other.index.search(FRESH, 5).indices)


def test_an_instance_keeps_what_is_not_tuned_and_queries_may_be_given():
    steps = []
    index = RandomHierarchy(metric="cosine", n_jobs=2, random_state=7)
    found = tuned(index, X, k=3, queries=FRESH, progress=lambda done, of: steps.append((done, of)))
    assert found.index.metric == "cosine"
    assert found.index.random_state == 7
    assert index.n_neighbors == 5  # the one given is left alone
    assert not hasattr(index, "_points")
    assert found.n_queries == len(FRESH) // 2
    assert steps[-1][0] == steps[-1][1] == len(steps)


def test_what_falls_short_is_raised_with_all_that_was_tried():
    class Poor(PrioritizedDCI):
        def tuning_grid(self, n, d):  # noqa: ARG002
            return [{}], [{"candidates": 0.01}]

    with pytest.raises(RecallNotReached, match=r"Poor reached recall 0\.\d+ of the 1 wanted.*candidates") as raised:
        tuned(Poor, X, recall=1.0, k=20)
    assert len(raised.value.tried) == 1


def test_a_choice_that_others_refute_is_raised():
    """The chooser's half are points of the base, whose neighbour is themselves; the other half lie elsewhere."""

    class Fooled(PrioritizedDCI):
        calls = 0

        def tuning_grid(self, n, d):  # noqa: ARG002
            return [{}], [{"candidates": 1.0}]

        def search(self, Q=None, k=None, *, exact=False):
            found = super().search(Q, k, exact=exact)
            if len(Q) > 1:
                type(self).calls += 1
            return found._replace(distances=found.distances + (1.0 if Fooled.calls > 2 else 0.0))

    with pytest.raises(RecallNotReached, match="on the queries that chose it"):
        tuned(Fooled, X, recall=0.95, k=5)


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"recall": 0.0}, ValueError, r"recall=0\.0 must be in"),
        ({"k": 0}, ValueError, "k=0 must be at least 1"),
        ({"k": 10_000}, ValueError, r"k=10000 is more than the 480 rows"),
        ({"by": "luck"}, ValueError, r"by='luck' is not known"),
        ({"queries": FRESH[:5]}, ValueError, "queries has 5 rows"),
        ({"queries": FRESH[:, :3]}, ValueError, "queries"),
    ],
)
def test_bad_arguments_are_named(arguments, error, match):
    with pytest.raises(error, match=match):
        tuned("random-hierarchy", X, **arguments)


def test_bad_indexes_and_data_are_named():
    with pytest.raises(ValueError, match=r"^unknown index 'nearest'"):
        tuned("nearest", X)
    with pytest.raises(TypeError, match="must be a name among"):
        tuned(3, X)
    with pytest.raises(ValueError, match="too few to hold 20 out"):
        tuned("lsh", X[:50])


def test_wilsons_interval_is_the_textbooks():
    """81 of 263, which Newcombe (1998, table I) gives as 0.2553 to 0.3662; and it never shrinks to a point."""
    np.testing.assert_allclose(wilson(81 / 263, 263), (0.2553, 0.3662), atol=5e-5)  # to the digits printed
    assert wilson(1.0, 100)[0] < 1.0 == wilson(1.0, 100)[1]
    assert wilson(0.0, 100)[0] == 0.0


@pytest.mark.parametrize("n", range(1, 201))
def test_an_interval_of_ones_holds_one_and_of_zeros_zero(n):
    assert wilson(1.0, n)[1] == 1.0
    assert wilson(0.0, n)[0] == 0.0
    assert 0 < wilson(1.0, n)[0] < 1


def test_an_exact_index_reaches_a_recall_of_one():
    X = np.random.default_rng(0).normal(size=(100, 3))
    assert tuned("brute-force", X, recall=1.0, k=5, by="evaluations", random_state=0).recall == 1.0
