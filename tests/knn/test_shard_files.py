"""Shards in a folder: what was saved is loaded, and what was harmed is refused."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import clone

from knn import KDTree, PrioritizedDCI, Sharded, shard_files, shards
from knn.shards import AGAIN, Here, ShardsLost
from tests.knn.problems import clusters, same


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


class _Watched(Here):
    """Loses a shard before each of its first `times` answers."""

    def __init__(self, times):
        super().__init__(None)
        self.times, self.closed = times, False

    def run(self, calls):
        if self.times:
            self.times -= 1
            del self.held[1]
            raise ShardsLost([1])
        return super().run(calls)

    def close(self):
        self.closed = True
        super().close()


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Loads a saved index onto a holder of this process that stands for workers."""
    Sharded(KDTree(), n_shards=3).fit(clusters(31, 4, seed=7)[0]).save(tmp_path / "saved")

    def loaded(holder):
        monkeypatch.setattr("knn.shard_workers.OnWorkers", lambda _: holder)
        return Sharded.load(tmp_path / "saved", client=SimpleNamespace(nthreads=dict))

    return loaded


def test_a_shard_that_is_lost_while_an_index_is_loaded_is_built_again(load):
    X, _ = clusters(31, 4, seed=7)
    for times in (1, AGAIN):
        same(load(_Watched(times)).search(X, 5), Sharded(KDTree(), n_shards=3).fit(X).search(X, 5))
    holder = _Watched(AGAIN + 1)
    with pytest.raises(RuntimeError, match="workers were lost 4 times"):
        load(holder)
    assert holder.closed


@pytest.mark.parametrize("asked", ["restored", "told"])
@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError])
def test_what_goes_wrong_on_a_worker_is_not_told_as_damage(load, monkeypatch, asked, error):
    def failing(_):
        raise error("of another version")

    monkeypatch.setattr(shards, asked, failing)
    holder = _Watched(0)
    with pytest.raises(error, match=r"^'?of another version'?$"):
        load(holder)
    assert holder.closed
