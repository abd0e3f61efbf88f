"""Saved indexes: what is damaged, foreign or newer is refused with a reason, and nothing half-written is left."""

import hashlib
import json
import pickle
import struct
import tracemalloc
import zlib
from contextlib import suppress

import joblib
import numpy as np
import pandas as pd
import pytest

from benchmarks.robustness.containers import packed, unpacked
from knn import BruteForce, NearestNeighbours, PrioritizedDCI, indexes, storage
from knn.kernels.engine import engine
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


def resigned(data):
    """A file whose checksum has been made to match."""
    return bytes(data[:-32]) + hashlib.sha256(data[:-32]).digest()


@pytest.mark.parametrize("options", [{}, {"mmap": True}, {"mmap": True, "verify": False}], ids=str)
def test_mutations_of_every_region_are_noticed_or_change_nothing_but_values(kind, saved, options):
    """Flips, cuts, insertions, zeroed and copied blocks in prefix, header, each array and checksum.

    With the checksum all are noticed. Without it, or with one that was made to match, what the header says is held
    against the file: loading ends well or in a ValueError, and allocates no more than a few times the file.
    """
    data = saved.read_bytes()
    header = 16 + struct.unpack_from("<I", data, 12)[0]
    rng = np.random.default_rng(zlib.crc32(kind.__name__.encode()))
    for trial in range(120):
        altered = bytearray(data)
        low, high = [(0, 16), (16, header), (header, len(data) - 32), (len(data) - 32, len(data))][trial % 4]
        place, length = int(rng.integers(low, high)), int(rng.integers(1, 40))
        match trial // 4 % 5:
            case 0:
                altered[place] ^= 1 << rng.integers(8)
            case 1:
                del altered[place : place + length]
            case 2:
                altered[place:place] = rng.bytes(length)
            case 3:
                altered[place : place + length] = bytes(len(altered[place : place + length]))
            case 4:
                altered[place : place + length] = altered[: len(altered[place : place + length])]
        if altered == data:
            continue
        saved.write_bytes(altered)
        if options.get("verify", True):
            with pytest.raises(ValueError, match=r"points\.index"):
                kind.load(saved, **options)
        # Content that is only believed may be anything, so of the trials without a checksum those in arrays are left.
        if low == header:
            continue
        if options.get("verify", True):
            saved.write_bytes(resigned(altered))
        tracemalloc.start()
        with suppress(ValueError):
            kind.load(saved, **options)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 4 * len(data) + 4_000_000, most


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dtype", "|O8"),
        ("dtype", "<i4,<f8"),
        ("dtype", "no type"),
        ("shape", [2**62, 2**62]),
        ("shape", [-1]),
        ("shape", [2.5]),
        ("offset", 2**70),
        ("offset", 8),
        ("offset", None),
    ],
)
@pytest.mark.parametrize("mmap", [False, True])
def test_a_header_that_asks_for_what_is_not_there_gets_nothing(tmp_path, name, value, mmap):
    path = tmp_path / "forged.index"
    BruteForce().fit(X).save(path)
    data = path.read_bytes()
    length = struct.unpack_from("<I", data, 12)[0]
    header = json.loads(data[16 : 16 + length])
    header["arrays"]["points.rows"][name] = value
    text = json.dumps(header).encode().ljust(length)
    data = data[:12] + struct.pack("<I", len(text)) + text + data[16 + length :]
    path.write_bytes(resigned(data))
    for verify in (True, False):
        with pytest.raises(ValueError, match=r"forged\.index is truncated or was altered.*header"):
            BruteForce.load(path, mmap=mmap, verify=verify)


@pytest.mark.parametrize("metric", ["euclidean", "inner_product"])
@pytest.mark.parametrize("verify", [True, False])
def test_a_mapped_index_answers_and_changes_as_one_in_memory(kind, tmp_path, metric, verify):
    path = tmp_path / "points.index"
    kind(n_neighbors=2, random_state=0, metric=metric).fit(X).save(path)
    before = path.read_bytes()
    mapped, read = kind.load(path, mmap=True, verify=verify), kind.load(path)
    assert not np.shares_memory(mapped._points.rows, read._points.rows)
    base = mapped._points.rows
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert type(base.base) is memoryview  # of the map: the rows were not copied
    for index in (mapped, read):
        index.delete([3, 4])
        index.insert(Q)
        index.delete([0, 31])
    for part, twin in zip(mapped.search(Q, 5), read.search(Q, 5), strict=True):
        np.testing.assert_array_equal(part, twin)
    assert path.read_bytes() == before
    mapped.save(path)  # onto the file that it lies in
    for part, twin in zip(mapped.search(Q, 5), kind.load(path, mmap=True).search(Q, 5), strict=True):
        np.testing.assert_array_equal(part, twin)


def test_a_mapped_index_is_pickled_whole(kind, saved, tmp_path):
    mapped = kind.load(saved, mmap=True)
    copies = [pickle.loads(pickle.dumps(mapped)), joblib.load(joblib.dump(mapped, tmp_path / "index.joblib")[0])]
    saved.unlink()
    for copy in copies:
        for part, twin in zip(mapped.search(Q), copy.search(Q), strict=True):
            np.testing.assert_array_equal(part, twin)
        copy.insert(Q)


def test_joblib_may_map_an_index_read_only(kind, tmp_path):
    index = kind(n_neighbors=2, random_state=0).fit(X)
    joblib.dump(index, tmp_path / "index.joblib")
    mapped = joblib.load(tmp_path / "index.joblib", mmap_mode="r")
    for part, twin in zip(mapped.search(Q), index.search(Q), strict=True):
        np.testing.assert_array_equal(part, twin)


def test_errors_name_the_file_that_was_asked_for(kind, tmp_path):
    index = kind().fit(X)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere: create it") as raised:
        index.save(tmp_path / "nowhere" / "points.index")
    assert ".part" not in str(raised.value)
    with pytest.raises(FileNotFoundError, match=r"points\.index"):
        kind.load(tmp_path / "points.index")
    (tmp_path / "folder").mkdir()
    for call in (index.save, kind.load):
        with pytest.raises(OSError, match="folder") as caught:
            call(tmp_path / "folder")
        assert ".part" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_an_empty_file_is_no_index(kind, tmp_path):
    (tmp_path / "empty").touch()
    for mmap in (False, True):
        with pytest.raises(ValueError, match="not a saved index"):
            kind.load(tmp_path / "empty", mmap=mmap)


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


@pytest.fixture
def no_device(monkeypatch):
    """As on a machine where no CUDA device answers, a simulated one included."""
    monkeypatch.setattr("knn.kernels.cuda.cuda.is_available", lambda: False)
    engine.cache_clear()
    yield
    engine.cache_clear()


@pytest.mark.usefixtures("no_device")
@pytest.mark.parametrize("name", [name for name, kind in indexes.items() if "cuda" in kind.devices])
def test_an_index_of_a_device_is_loaded_and_changed_without_it_and_answers_on_another(name, tmp_path):
    here, path = indexes[name](n_neighbors=2, random_state=0).fit(X), tmp_path / "points.index"
    here.save(path)
    header, arrays = unpacked(path.read_bytes())
    header["parameters"]["device"] = "cuda"
    path.write_bytes(packed(header, arrays))
    there = NearestNeighbours.load(path)
    for index in (here, there):
        index.insert(Q)
        index.delete(np.arange(12))  # so many that the rest is moved
    for ask in (lambda: there.search(Q), lambda: there.search(None), lambda: there.fit(X)):
        with pytest.raises(ValueError, match=r"^device='cuda' needs a CUDA device, and none answers here: use one of"):
            ask()
    there.device = "cpu"
    for part, twin in zip(there.search(Q, exact=True), here.search(Q, exact=True), strict=True):
        np.testing.assert_array_equal(part, twin)
