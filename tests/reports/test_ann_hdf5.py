"""Files of ann-benchmarks: what is written is what is read, what is wrong is named, and a set in the folder is ours."""

import subprocess
import sys

import h5py
import numpy as np
import pytest

from knn import BruteForce
from reports.datasets import ann_hdf5
from reports.datasets.ann_hdf5 import (
    METRICS,
    AnnData,
    AnnFile,
    found_files,
    read_data,
    write_data,
)
from reports.datasets.source import DataError
from tests.reports.probes import crash, hunger, no_end, room


def made(distance="euclidean", dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    train, test = rng.standard_normal((50, 6)).astype(dtype), rng.standard_normal((7, 6)).astype(dtype)
    found = BruteForce(metric=METRICS[distance]).fit(train).search(test, 10)
    return AnnData(train, test, found.indices, found.distances, distance)


@pytest.mark.parametrize("distance", list(METRICS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_data_set_comes_back_as_it_was(tmp_path, distance, dtype):
    data = made(distance, dtype)
    write_data(tmp_path / "set.hdf5", data)
    back = read_data(tmp_path / "set.hdf5")
    assert back.train.dtype == dtype
    for name in ("train", "test", "neighbors"):
        np.testing.assert_array_equal(getattr(back, name), getattr(data, name))
    np.testing.assert_array_equal(back.distances, data.distances.astype(np.float32))
    assert back.distance == distance
    with h5py.File(tmp_path / "set.hdf5") as file:
        assert dict(file.attrs) == {"distance": distance, "point_type": "float", "dimension": 6, "type": "dense"}
    assert [path.name for path in tmp_path.iterdir()] == ["set.hdf5"]


def test_older_files_without_a_dimension_and_with_whole_numbers_are_read(tmp_path):
    data = made()
    with h5py.File(tmp_path / "old.hdf5", "w") as file:
        file.attrs["distance"], file.attrs["point_type"] = "euclidean", "float"
        file["train"], file["test"] = (data.train * 10).astype(np.uint8), (data.test * 10).astype(np.int64)
        file["neighbors"], file["distances"] = data.neighbors.astype("i"), data.distances.astype("f")
    back = read_data(tmp_path / "old.hdf5")
    assert (back.train.dtype, back.test.dtype) == (np.float32, np.float64)


DAMAGE = {
    "no train": (lambda f: f.__delitem__("train"), "has no train"),
    "a group": (lambda f: (f.__delitem__("test"), f.create_group("test")), "has no test"),
    "another distance": (lambda f: f.attrs.__setitem__("distance", "hamming"), "'hamming'.*euclidean, angular"),
    "no distance": (lambda f: f.attrs.__delitem__("distance"), "distance ''"),
    "bits": (lambda f: f.attrs.__setitem__("point_type", "bit"), "bit points"),
    "sparse": (lambda f: f.attrs.__setitem__("type", "sparse"), "dense rows"),
    "another dimension": (lambda f: f.attrs.__setitem__("dimension", 7), "dimension=7"),
    "NaN": (lambda f: f["train"].__setitem__((3, 1), np.nan), r"train\[3\] is not finite"),
    "a stranger": (lambda f: f["neighbors"].__setitem__((0, 0), 50), "rows of train, 0 to 49"),
    "no neighbour": (lambda f: f["neighbors"].__setitem__((0, 0), -1), "rows of train"),
    "disorder": (lambda f: f["distances"].__setitem__((2, 0), 1e3), "do not increase"),
    "NaN distances": (lambda f: f["distances"].__setitem__((2, 0), np.nan), "do not increase"),
    "too few": (
        lambda f: (f.__delitem__("neighbors"), f.create_dataset("neighbors", data=np.zeros((3, 10), int))),
        r"neighbors \(3, 10\)",
    ),
    "words": (lambda f: (f.__delitem__("train"), f.create_dataset("train", data=[b"a", b"b"])), "train claims"),
    "a claim": (
        lambda f: (f.__delitem__("train"), f.create_dataset("train", (10**9, 6), "f4", chunks=(1000, 6))),
        "train claims",
    ),
}


@pytest.mark.parametrize("case", list(DAMAGE))
def test_what_is_wrong_with_a_data_set_is_named(tmp_path, case):
    damage, fragment = DAMAGE[case]
    path = tmp_path / "set.hdf5"
    write_data(path, made())
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(DataError, match=rf"set\.hdf5.*{fragment}"):
        read_data(path)


def test_damaged_bytes_are_no_crash(tmp_path):
    """HDF5 has no checksum by default, so a flipped bit may pass; but nothing raises anything but DataError."""
    path, rng = tmp_path / "set.hdf5", np.random.default_rng(1)
    write_data(path, made())
    content = path.read_bytes()
    refused = 0
    for _ in range(15):
        altered = bytearray(content)
        for place in rng.integers(0, 2000, 8):  # where the structure lies
            altered[place] ^= 1 << rng.integers(8)
        path.write_bytes(altered[: rng.integers(100, len(altered))] if rng.random() < 0.3 else altered)
        try:
            read_data(path)
        except DataError:
            refused += 1
    assert refused > 4


@pytest.mark.parametrize(
    ("library", "told"), [(no_end, "no end of it in 0 s"), (crash, "ended its process: exit code 3")]
)
def test_a_file_on_which_the_library_does_not_come_back_is_refused(library, told, tmp_path, monkeypatch):
    """Fuzzing found such files: `python -m benchmarks.robustness fuzz`."""
    write_data(tmp_path / "set.hdf5", made())
    monkeypatch.setattr(ann_hdf5, "_SECONDS", 0.3 if library is no_end else 60.0)
    monkeypatch.setattr(ann_hdf5, "read_here", library)
    with pytest.raises(DataError, match=rf"set\.hdf5 cannot be read as HDF5 .*{told}.*delete it"):
        read_data(tmp_path / "set.hdf5")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on memory holds on Linux")
def test_memory_that_a_file_cannot_need_is_denied(tmp_path):
    path = tmp_path / "set.hdf5"
    write_data(path, made())
    with pytest.raises(DataError, match=r"set\.hdf5 cannot be read as HDF5 \(it asks for more memory than there is\)"):
        ann_hdf5.in_a_process(hunger, path, "delete it")
    limits = ann_hdf5.in_a_process(room, path, "delete it")
    assert 1 << 30 < limits < 16 << 30


def test_a_missing_file_or_folder_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none\.hdf5 cannot be read"):
        read_data(tmp_path / "none.hdf5")
    with pytest.raises(DataError, match="no folder"):
        write_data(tmp_path / "nowhere" / "set.hdf5", made())
    with pytest.raises(DataError, match="do not increase"):
        write_data(tmp_path / "set.hdf5", made()._replace(distances=-made().distances))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("distance", list(METRICS))
def test_a_file_in_the_data_folder_is_a_data_set(tmp_path, monkeypatch, distance):
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path))
    monkeypatch.setattr("reports.datasets.source.user_cache_path", lambda _: tmp_path / "cache")
    write_data(tmp_path / "tiny-6-set.hdf5", made(distance))
    (tmp_path / "other.hdf5").write_bytes(b"of another program")
    whole = (tmp_path / "tiny-6-set.hdf5").read_bytes()
    # The library says of these KeyError, RuntimeError and OSError.
    for name, place in {"type": 112, "tree": whole.index(b"TREE"), "signature": 0}.items():
        (tmp_path / f"a-{name}.hdf5").write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
    (path,) = found_files()
    dataset = AnnFile(path)
    train, labels = dataset.load("train")
    assert train.dtype == np.float32
    assert train.shape == (50, 6)
    assert not labels.any()
    assert dataset.image_shape == (1, 6)
    # Euclidean neighbours of what is loaded are those of the file, angles included.
    found = BruteForce().fit(train).search(dataset.load("test")[0], 10)
    np.testing.assert_array_equal(found.indices, made(distance).neighbors)
    before = dataset.checksum
    assert dataset.status().found
    assert dataset.status().checksum == before
    write_data(path, made(distance, seed=1))
    assert dataset.checksum != before
    path.unlink()
    assert "put it back" in dataset.status().remedy
    with pytest.raises(DataError, match="gone"):
        dataset.load()


def test_an_experiment_finds_it(tmp_path, monkeypatch):
    write_data(tmp_path / "tiny-6-euclidean.hdf5", made())
    code = (
        "from reports.datasets.source import datasets\n"
        "from reports.experiment import experiments\n"
        "found = {n: d.checksum for n, d in datasets.items() if d.status().found}\n"
        "print([c.params['dataset'] for c in experiments['nearest-neighbours']().cells('quick', found)])\n"
    )
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert "ann-tiny-6-euclidean" in done.stdout, done.stderr
