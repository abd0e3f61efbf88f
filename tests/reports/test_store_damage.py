"""A journal that was damaged, or could not be written: what comes back, and what is said of the rest."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from reports.store import Store, StoreError, StoreNotWritten
from tests.reports.made_up_store import cell, damaged, expected, forget_index, ten_cells


@pytest.fixture
def folder(tmp_path):
    return ten_cells(tmp_path)


def test_a_damaged_line_comes_back_from_the_index(folder):
    path = folder / "journal.jsonl"
    original = path.read_bytes()
    harmed = bytearray(original)
    at = original.index(b'"key-4"')
    harmed[at] ^= 64
    path.write_bytes(harmed)
    found, damages = damaged(folder)
    assert found == expected()  # a reader too
    assert path.read_bytes() == harmed  # which writes nothing
    found, (damage,) = damaged(folder, write=True)
    assert found == expected()
    assert damage.recovered
    assert damages[0].offset == damage.offset
    assert damage.kept.name == f"journal.damaged-{damage.offset}"
    assert damage.kept.read_bytes() == harmed[damage.offset : damage.offset + damage.length]
    assert path.read_bytes() == original
    assert damaged(folder, write=True) == (expected(), ())


def test_a_damaged_line_without_an_index_is_named_and_measured_again(folder):
    path = folder / "journal.jsonl"
    forget_index(folder)
    harmed = bytearray(path.read_bytes())
    harmed[harmed.index(b'"key-4"')] ^= 64
    path.write_bytes(harmed)
    others = expected([0, 1, 2, 3, 5, 6, 7, 8, 9])
    assert damaged(folder)[0] == others
    found, (damage,) = damaged(folder, write=True)
    assert (found, damage.lost, damage.recovered) == (others, (5,), False)
    assert "line(s) 5 are lost" in str(damage)
    with Store(folder, write=True) as store:
        assert store.damage == ()  # told once; a line in its place keeps the memory
        assert store.append(cell(4))
    assert b" 5 lost " in path.read_bytes()
    with Store(folder) as store:
        assert sorted(store.records(), key=lambda r: r.params["i"]) == expected()


def test_an_unfinished_last_line_is_kept_aside(folder):
    path = folder / "journal.jsonl"
    forget_index(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    assert damaged(folder) == (expected(range(9)), ())  # to a reader it may still be being written
    found, (damage,) = damaged(folder, write=True)
    assert found == expected(range(9))
    assert not damage.recovered
    kept = damage.kept.read_bytes()
    assert path.read_bytes() + kept == whole[:-100]
    with Store(folder, write=True) as store:
        assert not store.damage
        assert store.append(cell(9))
    assert path.read_bytes() == whole


def test_lines_that_were_cut_off_come_back_from_the_index(folder):
    path = folder / "journal.jsonl"
    whole = path.read_bytes()
    for length in (whole.index(b" 8 cell ") - 32, 0):
        path.write_bytes(whole[:length])
        found, (damage,) = damaged(folder, write=True)
        assert found == expected()
        assert damage.recovered
        assert path.read_bytes() == whole
    path.unlink()
    assert damaged(folder, write=True)[0] == expected()


@pytest.mark.parametrize("indexed", [True, False])
def test_no_flip_or_cut_changes_a_record_silently(folder, indexed, tmp_path_factory):
    """100 places of the journal, each a flipped bit or a cut: what is read is right, and less is said to be less."""
    rng = np.random.default_rng(8)
    files = {p.name: p.read_bytes() for p in folder.iterdir() if indexed or not p.name.startswith("index")}
    whole = {record.to_json() for record in expected()}
    for trial in range(100):
        other = tmp_path_factory.mktemp("harmed")
        harmed = bytearray(files["journal.jsonl"])
        at = int(rng.integers(len(harmed)))
        if trial % 4:
            harmed[at] ^= 1 << int(rng.integers(8))
        else:
            del harmed[at:]
        for name, content in files.items():
            (other / name).write_bytes(harmed if name == "journal.jsonl" else content)
        if not indexed and not trial % 4 and at < files["journal.jsonl"].index(b"\n"):
            with pytest.raises(StoreError, match="move it away"):  # not one line is left to recognise it by
                Store(other, write=True)
            continue
        found, damages = damaged(other, write=True)
        texts = [record.to_json() for record in found]
        assert len(set(texts)) == len(texts)
        assert set(texts) <= whole
        cut_between_lines = trial % 4 == 0 and files["journal.jsonl"][at - 1 : at] == b"\n"
        assert damages or (cut_between_lines and not indexed)
        if indexed:
            assert set(texts) == whole
        elif not cut_between_lines and trial % 4:
            assert len(whole) - len(texts) <= 4  # a flipped line end spoils two lines


def test_a_flipped_header_is_restored(folder):
    path = folder / "journal.jsonl"
    harmed = bytearray(path.read_bytes())
    harmed[40] ^= 1
    path.write_bytes(harmed)
    forget_index(folder)
    found, (damage,) = damaged(folder, write=True)
    assert found == expected()
    assert damage.lost == (0,)
    assert damaged(folder, write=True) == (expected(), ())


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_loses_nothing(folder):
    import resource

    path = folder / "journal.jsonl"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Store(folder, write=True) as store:
        whole = path.read_bytes()
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 200, hard))  # room for a part of a line
        try:
            with pytest.raises(StoreNotWritten, match="what is recorded before is safe; free some space"):
                store.append(cell(10))
            assert path.read_bytes() == whole
            with pytest.raises(OSError, match=r"journal\.jsonl"):
                store.append(cell(10))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not store.has("key-10")
        assert store.append(cell(10))  # space again: it goes on
    assert damaged(folder) == (expected(range(11)), ())


def test_an_interrupted_write_is_taken_back(folder, monkeypatch):
    with Store(folder, write=True) as store:
        write, calls = os.write, []

        def full_after_a_part(file, content):
            calls.append(len(content))
            if len(calls) == 2:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(file, content[:50])

        monkeypatch.setattr(os, "write", full_after_a_part)
        with pytest.raises(StoreNotWritten, match="No space left on device"):
            store.append(cell(10))
        monkeypatch.undo()
        assert len(calls) == 2
    assert damaged(folder, write=True) == (expected(), ())


def test_a_folder_that_is_moved_away_is_noticed(folder):
    with Store(folder, write=True) as store:
        (folder / "journal.jsonl").rename(folder / "elsewhere.jsonl")
        with pytest.raises(StoreNotWritten, match="put it back"):
            store.append(cell(10))
        (folder / "elsewhere.jsonl").rename(folder / "journal.jsonl")
        assert store.append(cell(10))


def test_what_a_killed_writer_left_beside_is_swept(folder):
    left = [folder / ".journal.jsonl.123", folder / ".index.sqlite.sha256.123"]
    for path in left:
        path.write_bytes(b"half")
    assert damaged(folder) == (expected(), ())
    assert all(path.exists() for path in left)  # a reader touches nothing
    assert damaged(folder, write=True) == (expected(), ())
    assert not any(path.exists() for path in left)
