"""Shards answer together as one index does, here and on workers that are killed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import check_estimator

from knn import BruteForce, KDTree, PrioritizedDCI, Sharded, shard_files, shards
from knn.base import METRICS
from knn.shard_ids import Numbering
from knn.shard_workers import _making
from knn.shards import Here
from tests import naive
from tests.knn.problems import clusters, problems


def same(found, other):
    for part, twin in zip(found, other, strict=True):
        np.testing.assert_array_equal(part, twin)


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


def test_an_id_that_is_not_there_is_named_and_then_none_is_removed():
    X, _ = clusters(30, 4, seed=5)
    index = Sharded(n_shards=3).fit(X).delete([4])
    for ids, place in (([2, 25, 4], 2), ([99], 0), ([7, -1], 1)):
        with pytest.raises(KeyError, match=rf"ids\[{place}\] = {ids[place]} is no point"):
            index.delete(ids)
    assert index.n_samples_fit_ == 29


def test_threads_files_and_pickles_change_no_bit(tmp_path):
    X, Q = clusters(600, 12, seed=6, queries=30)
    index = Sharded(PrioritizedDCI(n_neighbors=7, candidates=0.1, random_state=0), n_shards=4).fit(X)
    index.insert(X[:9] + 1)
    index.delete(np.arange(0, 300, 7))
    found = index.search(Q)
    threaded = clone(index).set_params(n_jobs=3).fit(X)
    threaded.insert(X[:9] + 1)
    threaded.delete(np.arange(0, 300, 7))
    same(found, threaded.search(Q))
    same(found, pickle.loads(pickle.dumps(index)).search(Q))
    index.save(tmp_path / "saved")
    index.save(tmp_path / "saved")
    loaded = Sharded.load(tmp_path / "saved")
    same(found, loaded.search(Q))
    assert loaded.insert(X[:2]).tolist() == [609, 610]
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]


@pytest.mark.parametrize("given", ["kd-tree", KDTree, KDTree(n_neighbors=2, random_state=3), KDTree(random_state=None)])
def test_a_loaded_index_has_the_arguments_that_it_was_made_with(given, tmp_path):
    Sharded(given, n_shards=40).fit(np.eye(3)).save(tmp_path / "saved")
    loaded = Sharded.load(tmp_path / "saved")
    assert loaded.n_shards == 40
    assert repr(loaded.index) == repr("kd-tree" if given is KDTree else given)
    assert clone(loaded).fit(np.eye(5))._alive.tolist() == [1] * 5


@pytest.mark.parametrize("harm", ["shard-1", "sharded.json", "absent", "swapped", "a bit"])
def test_a_damaged_folder_is_refused_by_name(harm, tmp_path):
    path = tmp_path / "saved"
    Sharded(n_shards=3).fit(clusters(31, 4, seed=7)[0]).save(path)
    if harm == "absent":
        (path / "shard-2").unlink()
    elif harm == "swapped":
        for old, new in (("shard-0", "x"), ("shard-1", "shard-0"), ("x", "shard-1")):
            (path / old).rename(path / new)
    elif harm == "a bit":
        content = bytearray((path / "sharded.json").read_bytes())
        content[content.index(b"alive") + 9] ^= 1  # one point more or less
        (path / "sharded.json").write_bytes(content)
    else:
        content = (path / harm).read_bytes()
        (path / harm).write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="saved is no whole sharded index"):
        Sharded.load(path)
    (tmp_path / "other").mkdir()
    with pytest.raises(FileExistsError, match="is not replaced"):
        Sharded(n_shards=2).fit(np.eye(3)).save(tmp_path / "other")


def test_a_save_that_fails_or_is_killed_between_its_renames_leaves_the_index_before(tmp_path, monkeypatch):
    path, Q = tmp_path / "saved", np.zeros((1, 3))
    first, second = Sharded().fit(np.eye(3)), Sharded().fit(np.eye(3) + 1)
    first.save(path)
    rename = Path.rename

    def failing(self, target):
        if self.name.endswith(".new"):
            raise OSError("no more")
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", failing)
        with pytest.raises(OSError, match="no more"):
            second.save(path)
    same(Sharded.load(path).search(Q, 2), first.search(Q, 2))
    assert [left.name for left in tmp_path.iterdir()] == ["saved"]
    path.rename(shard_files._before(path))  # as a kill leaves it
    same(Sharded.load(path).search(Q, 2), first.search(Q, 2))
    second.save(path)
    same(Sharded.load(path).search(Q, 2), second.search(Q, 2))
    assert [left.name for left in tmp_path.iterdir()] == ["saved"]


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
    with pytest.raises(ValueError, match="a run of"):
        Numbering.restored(3, numbering.state()[1:])


def test_numbers_are_copied_seldom_and_a_shard_that_goes_on_takes_no_run():
    numbering, tables = Numbering(2), []
    for place in range(3000):
        numbering.append(place // 3 % 2, 1)
        if not tables or tables[-1] is not numbering._table:
            tables.append(numbering._table)
    assert len(numbering.state()) == 1000
    assert len(tables) == 11  # 1, 2, 4, …, 1024


def out_of_memory(*_):
    raise MemoryError


def test_a_fit_that_fails_names_the_row_of_all_and_leaves_the_index_as_it_was(monkeypatch):
    X, bad = clusters(30, 4, seed=9)[0], clusters(40, 5, seed=9)[0]
    bad[23] = 0
    index = Sharded(BruteForce(metric="cosine"))
    with pytest.raises(ValueError, match=r"X\[23\] is zero"):
        index.fit(bad)
    with pytest.raises(NotFittedError):
        index.search(bad[:1])
    found = index.fit(X).search(X, 3)
    with pytest.raises(ValueError, match=r"X\[1\] is zero"):
        index.insert(bad[22:, :4])
    monkeypatch.setattr(shards, "fitted", out_of_memory)
    with pytest.raises(MemoryError):
        index.fit(bad[:23])
    assert (index.n_samples_fit_, index.n_features_in_) == (30, 4)
    same(index.search(X, 3), found)


@pytest.mark.parametrize("noted", [False, True])
def test_after_a_change_that_ends_midway_no_answer_is_of_half_of_it(noted, monkeypatch):
    X, Q = clusters(30, 4, seed=10, queries=3)
    monkeypatch.setattr("knn.shard_workers.OnWorkers", lambda _: Here(None))
    index = Sharded(n_shards=3, client=SimpleNamespace(nthreads=dict) if noted else None).fit(X)
    index.insert(X[:2] + 1)
    found, second = index.search(Q, 9), index._holder.held[1]

    def delete(shard, ids):
        if shard is second:
            raise MemoryError
        shard.delete(ids)

    with monkeypatch.context() as patched:
        patched.setattr(shards, "delete", delete)
        with pytest.raises(MemoryError):
            index.delete([3, 13, 23])
    if noted:  # built again from what was noted
        same(index.search(Q, 9), found)
        one = Sharded().fit(np.r_[X, X[:2] + 1]).delete([3, 13, 23])
        same(index.delete([3, 13, 23]).search(Q, 9), one.search(Q, 9))
        return
    for ask in (lambda: index.search(Q, 9), lambda: index.insert(X), lambda: index.delete([3])):
        with pytest.raises(RuntimeError, match="ended midway"):
            ask()
    assert index.fit(X).search(X[3:4], 1).indices.tolist() == [[3]]


def test_without_a_client_dask_is_not_imported():
    code = "import sys, numpy as np; from knn import Sharded; Sharded().fit(np.eye(3)).search(np.eye(3), 2); "
    code += "sys.exit('dask' in sys.modules or 'distributed' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_recipe_is_one_call_of_all_its_parts():
    X, Q = clusters(30, 4, seed=11, queries=3)
    recipe = [(shards.fitted, (BruteForce(), X)), (shards.insert, (X[:2] + 1,)), (shards.delete, (np.array([3, 31]),))]
    call = _making(0, recipe)
    one = BruteForce().fit(X)
    one.insert(X[:2] + 1)
    same(call.function(*call.arguments).search(Q, 9), one.delete([3, 31]).search(Q, 9))


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("distributed", reason="the cluster; [cluster] brings it")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "silence_logs": 50}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as connected:
        yield connected


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_on_workers_that_are_killed_the_answers_are_the_same(client, tmp_path):
    X, Q = clusters(4000, 40, seed=8, queries=20)
    template = PrioritizedDCI(candidates=0.1, random_state=0)
    here, there = Sharded(template, n_shards=3).fit(X), Sharded(template, n_shards=3, client=client).fit(X)
    same(here.search(Q), there.search(Q))

    def kill():
        nanny = next(nanny for nanny in client.cluster.workers.values() if nanny.pid is not None)
        os.kill(nanny.pid, signal.SIGKILL)

    steps = [
        lambda index: index.insert(X[:300] + 0.5),
        lambda index: index.delete(np.arange(0, 1500, 3)),
        lambda index: index.insert(X[:5]),
    ]
    for number, step in enumerate(steps):
        if number != 1:
            kill()
        first, second = step(here), step(there)
        if number != 1:
            np.testing.assert_array_equal(first, second)
        kill()
        same(here.search(Q), there.search(Q))
    same(here.search(None, 3), there.search(None, 3))
    there.save(tmp_path / "saved")
    same(here.search(Q), Sharded.load(tmp_path / "saved", client=client).search(Q))
    with pytest.raises(TypeError, match="use save and load"):
        pickle.dumps(there)
    assert clone(there).client is client
    owner = there._holder._owner
    assert any(owner in owners for owners in client.run(_owners).values())
    there.close()
    assert not any(owner in owners for owners in client.run(_owners).values())


def _owners():
    from knn.shard_workers import _held

    return {owner for owner, _ in _held}
