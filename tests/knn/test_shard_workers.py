"""Shards whose changes end midway, or whose workers are killed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from knn import BruteForce, PrioritizedDCI, Sharded, shards
from knn.shard_workers import _making
from knn.shards import Here
from tests.knn.problems import clusters, same


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
        for nanny in client.cluster.workers.values():
            with suppress(ProcessLookupError):  # one that was killed before, and is being started again
                if nanny.pid is not None:
                    return os.kill(nanny.pid, signal.SIGKILL)
        pytest.fail("no worker runs")

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
