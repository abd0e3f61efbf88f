"""Prioritized DCI: the papers' queue and the scan are one algorithm, and its order and stopping rule are as claimed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knn import PrioritizedDCI
from knn.kernels import cpu
from tests.knn.problems import clusters, problems

BUDGETS = st.one_of(st.integers(1, 60), st.floats(0.01, 1.0))


@given(problem=problems(), visits=BUDGETS, candidates=BUDGETS, m=st.integers(1, 6), composites=st.integers(1, 3))
def test_queue_and_scan_give_one_answer(dtype, problem, visits, candidates, m, composites):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    parameters = {"n_simple": m, "n_composite": composites, "visits": visits, "candidates": candidates}
    answers = []
    for traversal in ("scan", "queue"):
        index = PrioritizedDCI(traversal=traversal, random_state=0, **parameters).fit(X)
        index.insert(Q)
        index.delete(np.arange(0, len(X), 5))
        answers.append(index.search(Q, min(k, index.n_samples_fit_)))
    for part, twin in zip(*answers, strict=True):
        np.testing.assert_array_equal(part, twin)


def test_a_budget_counts_points_and_entries_of_one_composite_index(dtype):
    X, Q = (part.astype(dtype) for part in clusters(500, 12, seed=0, queries=20))
    for candidates in (7, 50, 0.1):
        index = PrioritizedDCI(n_simple=4, n_composite=1, candidates=candidates, random_state=0).fit(X)
        found = index.search(Q, 3)
        assert (found.evaluations <= (50 if candidates == 0.1 else candidates)).all()
        assert (found.indices >= 0).all()
    short = PrioritizedDCI(n_simple=4, n_composite=1, visits=3, random_state=0).fit(X).search(Q, 3)
    assert (short.indices == -1).all()  # no point completes four lists in three visits
    assert np.isinf(short.distances).all()
    assert not short.certified.any()


def test_more_directions_prove_more_with_fewer_distances():
    """On six intrinsic dimensions the bound comes near the distance, and the proof long before all are measured."""
    X, Q = clusters(2000, 30, seed=1, queries=20)
    counts = [
        PrioritizedDCI(n_simple=m, n_composite=1, random_state=0).fit(X).search(Q, 5, exact=True).evaluations.mean()
        for m in (5, 25, 125)
    ]
    assert counts[0] > counts[1] > counts[2]
    assert counts[2] < 1000


def test_stopping_is_exact_in_integers():
    """Integer coordinates and directions: no rounding, so the order and the rule of the papers hold as they stand."""
    rng = np.random.default_rng(2)
    X, q = rng.integers(-50, 51, (300, 6)).astype(float), rng.integers(-50, 51, 6).astype(float)
    directions = np.eye(6)[:, :4]
    keys, near = np.empty((4, 300)), np.empty((4, 1))
    cpu.project(X, directions, keys)
    cpu.project(q[None], directions, near)
    order = np.argsort(keys, axis=1, kind="stable").astype(np.int32)
    out = np.empty(300, np.int64)
    count, _ = cpu.pop_complete(
        keys, order, np.array([0, 300]), np.ones(300, bool), near[:, 0], np.array([1200, 300]), out
    )
    assert count == 300
    bound = np.abs((X - q) @ directions).max(axis=1)
    assert (np.diff(bound[out]) >= 0).all()
    exact = np.argsort(np.linalg.norm(X - q, axis=1), kind="stable")[:5]
    best = cpu.empty_heaps(1, 5)
    done = cpu.bounded(X, out, bound[out], q, np.zeros(2), best[0][0], best[1][0])
    cpu.ascending(*best)
    assert done < 300
    np.testing.assert_array_equal(best[0][0], np.linalg.norm(X - q, axis=1)[exact])


def test_an_unknown_traversal_is_refused():
    with pytest.raises(ValueError, match=r"traversal='stack'.*use one of"):
        PrioritizedDCI(traversal="stack").fit(np.eye(3))
