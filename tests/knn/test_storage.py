"""Saved indexes: what is damaged, foreign or newer is refused with a reason, and nothing half-written is left."""

import hashlib
import struct

import numpy as np
import pandas as pd
import pytest

from knn import BruteForce, NearestNeighbours, PrioritizedDCI, indexes, storage
from tests.knn.problems import clusters

X, Q = clusters(30, 4, seed=0, queries=3)


@pytest.fixture
def saved(kind, tmp_path):
    path = tmp_path / "points.index"
    kind(n_neighbors=2, random_state=0).fit(X).save(path)
    return path


def test_one_file_holds_the_index_and_its_parameters(kind, saved, tmp_path):
    loaded = NearestNeighbours.load(saved)
    assert type(loaded) is kind
    assert loaded.get_params() == kind(n_neighbors=2, random_state=0).get_params()
    assert [path.name for path in tmp_path.iterdir()] == ["points.index"]
    assert b"pickle" not in saved.read_bytes()


def test_any_altered_byte_is_noticed(kind, saved):
    data = bytearray(saved.read_bytes())
    for place in [*range(16), *range(16, len(data), 97), len(data) - 1]:
        altered = data.copy()
        altered[place] ^= 0x40
        saved.write_bytes(altered)
        with pytest.raises(ValueError, match=r"not a saved index|altered|newer"):
            kind.load(saved)


def test_any_truncation_is_noticed(kind, saved):
    data = saved.read_bytes()
    for length in (0, 7, 15, 16, 40, len(data) // 2, len(data) - 1):
        saved.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"not a saved index|truncated"):
            kind.load(saved)


def test_a_newer_format_asks_for_an_upgrade(kind, saved):
    data = bytearray(saved.read_bytes()[:-32])
    data[8:12] = struct.pack("<I", storage.VERSION + 1)
    saved.write_bytes(data + hashlib.sha256(data).digest())
    with pytest.raises(ValueError, match=r"newer.*upgrade"):
        kind.load(saved)


def test_an_index_of_another_kind_is_refused_by_name(tmp_path):
    BruteForce().fit(X).save(tmp_path / "index")
    with pytest.raises(ValueError, match=r"BruteForce\.load"):
        PrioritizedDCI.load(tmp_path / "index")


def test_a_failed_save_leaves_the_old_file(kind, saved, monkeypatch):
    before = saved.read_bytes()
    index = kind(n_neighbors=1).fit(X[:5])
    monkeypatch.setattr(storage.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        index.save(saved)
    assert saved.read_bytes() == before
    assert len(list(saved.parent.iterdir())) == 1


def test_a_random_state_that_is_an_object_cannot_be_written(kind, tmp_path):
    index = kind(random_state=np.random.RandomState(0)).fit(X)
    with pytest.raises(TypeError, match=r"random_state=.*cannot be written"):
        index.save(tmp_path / "index")


def test_names_of_columns_and_numpy_parameters_survive(kind, tmp_path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    kind(n_neighbors=np.int64(3)).fit(frame).save(tmp_path / "index")
    loaded = kind.load(tmp_path / "index")
    np.testing.assert_array_equal(loaded.feature_names_in_, list("abcd"))
    assert loaded.kneighbors(frame)[1].shape == (30, 3)


def test_every_index_can_be_saved_under_its_registered_name():
    for name, kind in indexes.items():
        assert kind()._registered_name() == name
