"""CIFAR's archives: read as published, and what is not one, or not whole, is refused by name, in little memory."""

import gzip
import hashlib
import io
import tarfile
import tracemalloc

import numpy as np
import pytest

from reports.datasets.cifar import MAX_BYTES, PIXELS, CifarArchive, read_cifar
from reports.datasets.source import DataError

TRAIN, TEST = ("a/one.bin", "a/two.bin"), ("a/test.bin",)
KNOWN = {"labels": 2, "n_classes": 3}


def records(rng, n, labels=2, n_classes=3):
    made = rng.integers(0, 256, (n, labels + PIXELS), dtype=np.uint8)
    made[:, labels - 1] = rng.integers(0, n_classes, n)
    return made


def packed(path, content):
    """An archive of the members, and its digest."""
    with tarfile.open(path, "w:gz") as archive:
        for name, body in content.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def made():
    """The members' records; the archive has them in another order, and more."""
    rng = np.random.default_rng(0)
    return {
        "a/test.bin": records(rng, 3),
        "a/readme.html": None,
        "a/two.bin": records(rng, 2),
        "a/one.bin": records(rng, 4),
    }


@pytest.fixture
def archive(made, tmp_path):
    path = tmp_path / "c.tar.gz"
    return path, packed(path, {name: b"<html>" if rows is None else rows.tobytes() for name, rows in made.items()})


def test_pictures_and_labels_come_in_the_order_that_is_asked_for(made, archive):
    path, md5 = archive
    pixels, labels = read_cifar(path, TRAIN, md5=md5, **KNOWN)
    whole = np.vstack([made["a/one.bin"], made["a/two.bin"]])
    assert np.array_equal(pixels, whole[:, 2:])
    assert np.array_equal(labels, whole[:, 1])
    assert labels.dtype == np.int64


def test_a_data_set_finds_its_archive_and_scales_it(made, archive, tmp_path, monkeypatch):
    path, md5 = archive
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr("reports.datasets.source.user_cache_path", lambda _: tmp_path / "cache")
    known = {"name": "few", "about": "nine", "file": "c.tar.gz", "members": {"train": TRAIN, "test": TEST}}
    few = CifarArchive(**known, md5=md5, url="http://127.0.0.1:1", **KNOWN)
    assert not few.status().found
    with pytest.raises(DataError, match=r"c\.tar\.gz was not found in .*few.*datasets --get few.*IMPLICITBENCH_DATA"):
        few.load("test")
    with pytest.raises(DataError, match=r"127\.0\.0\.1:1/c\.tar\.gz: no answer"):
        few.fetch()
    (tmp_path / "data" / "few").mkdir(parents=True, exist_ok=True)
    path.rename(tmp_path / "data" / "few" / "c.tar.gz")
    assert few.fetch().found
    X, y = few.load("test")
    assert X.dtype == np.float32
    assert X.shape == (3, np.prod(few.image_shape))
    assert np.array_equal(X, made["a/test.bin"][:, 2:].astype(np.float32) / np.float32(255))
    assert np.array_equal(y, made["a/test.bin"][:, 1])
    with pytest.raises(ValueError, match="split"):
        few.load("validation")


BAD = {
    "an unfinished record": (lambda rows: rows.tobytes()[:-1], "one.bin has 12295 bytes, which are no records of 3074"),
    "no record": (lambda _: b"", "one.bin has 0 bytes, which are no records"),
    "records of another kind": (lambda rows: rows[:, 1:].tobytes(), "no records of 3074"),
    "a label of no class": (lambda rows: rows.tobytes()[:1] + b"\x03" + rows.tobytes()[2:], "row 0 has label 3, of 3"),
    "no such member": (None, "lacks a/one.bin"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_records_are_refused_with_the_file_and_the_remedy(kind, made, tmp_path):
    spoil, told = BAD[kind]
    content = {"a/two.bin": made["a/two.bin"].tobytes()}
    if spoil is not None:
        content["a/one.bin"] = spoil(made["a/one.bin"])
    path = tmp_path / "c.tar.gz"
    md5 = packed(path, content)
    with pytest.raises(DataError, match=told) as caught:
        read_cifar(path, TRAIN, md5=md5, **KNOWN)
    assert str(path) in str(caught.value)
    assert "fetch it again" in str(caught.value)


def test_nothing_is_unpacked_of_what_was_not_published(archive, monkeypatch):
    path, md5 = archive
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    monkeypatch.setattr("reports.datasets.cifar._unpacked", None)
    with pytest.raises(DataError, match=f"other content than published .*not {md5}"):
        read_cifar(path, TRAIN, md5=md5, **KNOWN)


@pytest.mark.parametrize("body", [b"", b"\x1f\x8b", b"no archive", bytes(3000)])
def test_what_is_no_archive_is_refused(body, tmp_path):
    path = tmp_path / "c.tar.gz"
    path.write_bytes(body)
    with pytest.raises(DataError, match="cannot be read"):
        read_cifar(path, TRAIN, md5=hashlib.md5(body).hexdigest(), **KNOWN)


def test_a_member_that_claims_more_than_any_has_is_not_taken(tmp_path):
    path = tmp_path / "c.tar.gz"
    info = tarfile.TarInfo("a/one.bin")
    info.size = MAX_BYTES + 1
    path.write_bytes(gzip.compress(info.tobuf() + bytes(4096)))
    tracemalloc.start()
    with pytest.raises(DataError, match="claims 268435457 bytes"):
        read_cifar(path, TRAIN, md5=hashlib.md5(path.read_bytes()).hexdigest(), **KNOWN)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20  # a block of a MiB and tarfile's own buffers
