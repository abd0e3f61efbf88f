"""Shards answer together as one index does."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import check_estimator

from knn import BruteForce, KDTree, PrioritizedDCI, Sharded, indexes
from knn.metrics import METRICS
from knn.shard_ids import Numbering
from tests import naive
from tests.knn.problems import clusters, problems, same


@settings(max_examples=40)
@given(problem=problems(), n_shards=st.integers(1, 6), width=st.sampled_from((np.float32, np.float64)))
def test_shards_give_the_definition_ties_included(problem, n_shards, width):
    X, Q, k = problem[0].astype(width), problem[1].astype(width), problem[2]
    distances, indices = naive.neighbours(X, Q, k)
    found = Sharded("brute-force", n_shards=n_shards).fit(X).search(Q, k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    assert found.certified.all()
    assert (found.evaluations == len(X)).all()


def test_an_index_by_name_keeps_the_seed_that_is_its_default(monkeypatch):
    @dataclass(kw_only=True, eq=False, repr=False)
    class Seeded(PrioritizedDCI):
        random_state: int | None = 0

    monkeypatch.setitem(indexes._members, "seeded", Seeded)
    X, Q = clusters(300, 6, seed=0, queries=5)
    by_name, again, given = (Sharded(index, n_shards=2).fit(X) for index in ("seeded", "seeded", Seeded()))
    for other in (again, given):
        same(by_name.search(Q, 3), other.search(Q, 3))


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("kind", [BruteForce, KDTree, PrioritizedDCI])
def test_exact_answers_are_one_indexs_in_every_metric_after_every_change(kind, metric):
    X, Q = clusters(300, 8, seed=1, queries=12)
    X[100:120] = X[:20]  # ties across shards
    one = kind(metric=metric, random_state=0).fit(X)
    many = Sharded(kind(metric=metric, random_state=0), n_shards=3).fit(X)
    rng = np.random.default_rng(2)
    for _ in range(3):
        for index in (one, many):
            found, own = index.search(Q, 9, exact=True), index.search(None, 4, exact=True)
            if index is one:
                expected = found, own
        same(found[:2], expected[0][:2])
        same(own[:2], expected[1][:2])
        assert found.certified.all()
        new = np.concatenate([X[:3], rng.normal(size=(20, 8))])
        np.testing.assert_array_equal(one.insert(new), many.insert(new))
        ids = rng.permutation(own_ids(one))[:60]
        one.delete(ids)
        many.delete(ids)
        assert one.n_samples_fit_ == many.n_samples_fit_
    if not kind.exhaustive:
        same(one.kneighbors_graph(Q, 3).toarray(), many.kneighbors_graph(Q, 3).toarray())
        same(one.kneighbors_graph(None, 3).toarray(), many.kneighbors_graph(None, 3).toarray())


def own_ids(index):
    return index._points.ids[index._points.alive]


def test_costs_are_added_and_an_answer_is_proved_where_all_are():
    X, Q = clusters(900, 40, seed=3, queries=60)
    many = Sharded(PrioritizedDCI(candidates=0.05, random_state=0), n_shards=3).fit(X)
    parts = [index.search(Q, 5) for index in many._holder.held.values()]
    found = many.search(Q, 5)
    np.testing.assert_array_equal(found.evaluations, sum(part.evaluations for part in parts))
    np.testing.assert_array_equal(found.certified, np.all([part.certified for part in parts], axis=0))
    _, indices = naive.neighbours(X, Q, 5)
    np.testing.assert_array_equal(found.indices[found.certified], indices[found.certified])


def test_a_shard_may_lose_all_its_points_and_take_others():
    X, Q = clusters(30, 4, seed=4, queries=3)
    index = Sharded(KDTree(), n_shards=3).fit(X)
    index.delete(np.arange(10, 20))
    left = np.r_[0:10, 20:30]
    same(index.search(Q, 20)[:2], naive.neighbours(X[left], Q, 20, ids=left)[::-1])
    with pytest.raises(ValueError, match="20 points to choose from"):
        index.search(Q, 21)
    np.testing.assert_array_equal(index.insert(X[12:14]), [30, 31])
    assert index._alive.tolist() == [10, 2, 10]
    assert index.search(X[12:13], 1).indices.tolist() == [[30]]


def test_a_shard_without_places_refuses_and_the_index_goes_on(monkeypatch):
    monkeypatch.setattr(BruteForce, "most_points", 5)
    X, Q = clusters(10, 3, seed=1, queries=4)
    many = Sharded("brute-force", n_shards=2).fit(X)
    with pytest.raises(ValueError, match=r"X has 1 rows, 5 places are taken.*more shards"):
        many.insert(Q[:1])
    np.testing.assert_array_equal(many.search(Q, 3).indices, naive.neighbours(X, Q, 3)[1])


def test_a_copy_changes_apart():
    X, Q = clusters(30, 4, seed=5, queries=3)
    index = Sharded(n_shards=3).fit(X[:20])
    twin = copy.copy(index)
    twin.insert(X[20:])
    twin.delete([0, 1])
    assert (index.n_samples_fit_, twin.n_samples_fit_) == (20, 28)
    np.testing.assert_array_equal(index.search(Q, 3).indices, naive.neighbours(X[:20], Q, 3)[1])


def test_an_index_without_points_says_so():
    many = Sharded(n_shards=2).fit(np.eye(4)).delete([0, 1, 2, 3])
    with pytest.raises(ValueError, match=r"the index is empty, .*: insert points"):
        many.search(np.eye(4), 1)


def test_an_id_that_is_not_there_is_named_and_then_none_is_removed():
    X, _ = clusters(30, 4, seed=5)
    index = Sharded(n_shards=3).fit(X).delete([4])
    for ids, place in (([2, 25, 4], 2), ([99], 0), ([7, -1], 1)):
        with pytest.raises(KeyError, match=rf"ids\[{place}\] = {ids[place]} is no point"):
            index.delete(ids)
    assert index.n_samples_fit_ == 29


def test_a_radius_is_refused_with_the_remedy():
    index = Sharded(n_shards=2).fit(np.eye(4))
    for name in ("radius_neighbors", "radius_neighbors_graph"):
        with pytest.raises(AttributeError, match=f"^Sharded has no {name}: shards are asked .*use KDTree"):
            getattr(index, name)


def test_a_generator_seeds_the_shards_anew_at_each_fit():
    X, _ = clusters(40, 6, seed=0, queries=1)
    one, other = (Sharded(PrioritizedDCI(random_state=np.random.default_rng(3))) for _ in range(2))
    seeds = [[seed_of(index.fit(X)) for index in (one, other)] for _ in range(2)]
    assert [len(set(pair)) for pair in seeds] == [1, 1]
    assert seeds[0] != seeds[1]


def seed_of(index):
    return index._holder.held[0].random_state


def test_scikit_learns_own_checks():
    results = check_estimator(Sharded(), on_skip=None, on_fail=None)
    assert not {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert sum(result["status"] == "passed" for result in results) > 30


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_shards": 0}, ValueError, "n_shards=0"),
        ({"n_shards": 2.5}, TypeError, "n_shards must be a whole number"),
        ({"n_jobs": 0}, ValueError, "n_jobs=0"),
        ({"client": "tcp://host:8786"}, TypeError, r"client is str: give a distributed\.Client"),
        ({"index": "no-such"}, KeyError, "unknown index 'no-such'"),
        ({"index": BruteForce(metric="taxi")}, ValueError, "metric='taxi'"),
    ],
)
def test_bad_arguments_name_themselves(options, error, message):
    with pytest.raises(error, match=message):
        Sharded(**options).fit(np.eye(3))


def test_numbers_are_runs_and_go_both_ways():
    numbering = Numbering(3)
    given = {shard: [] for shard in range(3)}
    for shard, length in ((0, 5), (1, 4), (2, 3), (1, 2), (0, 1), (1, 5), (1, 2)):
        given[shard] += numbering.append(shard, length).tolist()
    for shard, ids in given.items():
        local = np.arange(len(ids))
        np.testing.assert_array_equal(numbering.global_of(shard, local), ids)
        shards, back = numbering.local_of(np.array(ids))
        assert (shards == shard).all()
        np.testing.assert_array_equal(back, local)
    np.testing.assert_array_equal(numbering.local_of(np.array([-1, 22, 21]))[0], [-1, -1, 1])
    assert Numbering.restored(3, numbering.state()).state() == numbering.state()
    with pytest.raises(ValueError, match="runs: one of 4 points at 5 in shard 1"):
        Numbering.restored(3, numbering.state()[1:])


def test_numbers_are_copied_seldom_and_a_shard_that_goes_on_takes_no_run():
    numbering, tables = Numbering(2), []
    for place in range(3000):
        numbering.append(place // 3 % 2, 1)
        if not tables or tables[-1] is not numbering._table:
            tables.append(numbering._table)
    assert len(numbering.state()) == 1000
    assert len(tables) == 11  # 1, 2, 4, …, 1024
