"""Nothing that was recorded changes or goes unsaid: the store's laws."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import warnings

import numpy as np
import pytest

from reports import journal
from reports.record import Record, Status
from reports.store import Store, StoreDamaged, StoreError, StoreNewer, StoreNotWritten, output_folder


def cell(i, *, key=None, status=Status.OK, value=None, experiment="e", size="quick"):
    shared = {"experiment": experiment, "cell": key or f"key-{i}", "params": {"i": i}, "size": size, "seed": 0}
    shared |= {"status": status, "detail": "" if status.final else "because", "seconds": 0.5}
    numbers = (i / 7 if value is None else value, float("inf"))
    return [
        Record(**shared, metric=metric, value=number, payload={"drawn": np.arange(i)})
        for metric, number in zip(("mean", "bound"), numbers, strict=True)
    ]


@pytest.fixture
def folder(tmp_path):
    """A store of ten cells, closed in order."""
    with Store(tmp_path, write=True) as store:
        for i in range(10):
            assert store.append(cell(i))
    return tmp_path


def expected(indices=range(10)):
    return [record for i in indices for record in cell(i)]


def damaged(folder, **options):
    """The store, and what it warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Store(folder, **options) as store:
            found = store.records()
    assert [str(w.message).partition(": ")[2] for w in caught if w.category is StoreDamaged] == [
        str(damage) for damage in store.damage
    ]
    return found, store.damage


def forget_index(folder):
    for name in ("index.sqlite", "index.sqlite.sha256"):
        (folder / name).unlink(missing_ok=True)


def test_records_come_back_in_order_and_exact(folder):
    with Store(folder) as store:
        assert store.records() == expected()
        assert store.records(metric="bound", status="ok") == expected()[1::2]
        assert store.records("other") == store.records(size="full") == store.records(status=Status.FAILED) == []
        assert store.has("key-3")
        assert not store.has("key-33")


def test_a_frame_has_a_column_a_parameter(folder):
    with Store(folder) as store:
        frame = store.frame(metric="mean")
        assert store.frame("other").empty
        assert list(store.frame("other").columns) == [name for name in frame.columns if name != "i"]
    assert frame["i"].tolist() == list(range(10))
    assert frame["value"].tolist() == [i / 7 for i in range(10)]
    assert list(frame.columns[:4]) == ["experiment", "size", "i", "seed"]
    assert frame["stderr"].isna().all()


def test_a_cell_is_recorded_once_and_a_failed_one_again(tmp_path):
    with Store(tmp_path, write=True) as store:
        assert store.append(cell(1, status=Status.FAILED))
        assert not store.has("key-1")
        assert store.append(cell(1))
        assert store.has("key-1")
        assert not store.append(cell(1, value=9.0))
        assert store.records() == expected([1])
        assert len(store.records(history=True)) == 4


def test_the_newest_line_of_a_cell_is_current_whatever_its_key(tmp_path):
    with Store(tmp_path, write=True) as store:
        for i in (0, 1):
            store.append(cell(i, key=f"old-{i}", value=-1.0))
        store.append(cell(1, key="new-1"))
        assert [r.cell for r in store.records(metric="mean")] == ["old-0", "new-1"]
        store.plan("e", "quick", ["new-1", "new-0"])
        assert [r.cell for r in store.records(metric="mean")] == ["new-1"]
        store.append(cell(0, key="new-0"))
        store.append(cell(0, experiment="f"))
    with Store(tmp_path) as store:
        assert [r.cell for r in store.records(metric="mean")] == ["new-1", "new-0", "key-0"]
        lines = (tmp_path / "journal.jsonl").read_bytes().count(b"\n")
    with Store(tmp_path, write=True) as store:
        store.plan("e", "quick", ["new-1", "new-0"])  # the newest says the same
    assert (tmp_path / "journal.jsonl").read_bytes().count(b"\n") == lines


@pytest.mark.parametrize("harm", ["absent", "older", "flipped", "cut", "unsealed", "another's"])
def test_the_index_is_made_again(folder, harm, tmp_path_factory):
    index = folder / "index.sqlite"
    content = bytearray(index.read_bytes())
    if harm == "absent":
        index.unlink()
    elif harm == "older":
        with Store(folder, write=True) as store:
            store.append(cell(10))
        index.write_bytes(content)
    elif harm == "flipped":
        # In the table, its index and the line's text: what asks for key-7 would not find it, nor know it for itself.
        index.write_bytes(content.replace(b"key-7", b"key-6"))
    elif harm == "cut":
        index.write_bytes(content[:5000])
    elif harm == "unsealed":
        (folder / "index.sqlite.sha256").unlink()
    else:
        other = tmp_path_factory.mktemp("other")
        with Store(other, write=True) as store:
            for i in range(20, 40):
                store.append(cell(i))
        index.write_bytes((other / "index.sqlite").read_bytes())
        (folder / "index.sqlite.sha256").write_bytes((other / "index.sqlite.sha256").read_bytes())
    whole = expected(range(11 if harm == "older" else 10))
    for options in ({}, {"write": True}, {}):
        assert damaged(folder, **options) == (whole, ())
        with Store(folder) as store:
            assert [store.has(f"key-{i}") for i in range(12)] == [i < len(whole) / 2 for i in range(12)]


def test_the_index_is_a_database_that_others_can_read(folder):
    with sqlite3.connect(folder / "index.sqlite") as db:
        rows = db.execute("SELECT params, value FROM records WHERE metric = 'mean' ORDER BY line").fetchall()
        assert rows == [(json.dumps({"i": i}, separators=(",", ":")), i / 7) for i in range(10)]
        assert db.execute("SELECT count(value) FROM records WHERE metric = 'bound'").fetchone() == (0,)  # inf is NULL
    db.close()


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


def test_a_newer_format_is_refused_with_the_remedy(folder):
    header = journal.make_line(0, "header", json.dumps({"format": journal.FORMAT, "version": journal.VERSION + 1}))
    (folder / "journal.jsonl").write_bytes(header.to_bytes() + b"something that only the future can read\n")
    for write in (False, True):
        with pytest.raises(StoreNewer, match="upgrade implicitbench, or choose another folder"):
            Store(folder, write=write)
    assert b"only the future" in (folder / "journal.jsonl").read_bytes()


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(StoreError, match=r"`implicitbench run` makes it, or choose a folder with --output"):
        Store(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "journal.jsonl").write_text("dear diary\n")
    with pytest.raises(StoreError, match="move it away"):
        Store(tmp_path, write=True)
    assert (tmp_path / "journal.jsonl").read_text() == "dear diary\n"


def test_a_reader_may_not_write(folder):
    with Store(folder) as store, pytest.raises(StoreError, match="write=True"):
        store.append(cell(11))


def test_a_reader_sees_what_a_running_coordinator_has_recorded(folder):
    with Store(folder, write=True) as writer:
        writer.append(cell(10))
        assert damaged(folder) == (expected(range(11)), ())


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


def test_a_place_that_cannot_hold_a_store_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreNotWritten, match="choose another with --output"):
        Store(tmp_path / "file", write=True)


def test_what_a_killed_writer_left_beside_is_swept(folder):
    left = [folder / ".journal.jsonl.123", folder / ".index.sqlite.sha256.123"]
    for path in left:
        path.write_bytes(b"half")
    assert damaged(folder) == (expected(), ())
    assert all(path.exists() for path in left)  # a reader touches nothing
    assert damaged(folder, write=True) == (expected(), ())
    assert not any(path.exists() for path in left)


def test_the_output_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("IMPLICITBENCH_OUTPUT", raising=False)
    assert str(output_folder()) == "results"
    monkeypatch.setenv("IMPLICITBENCH_OUTPUT", str(tmp_path))
    assert output_folder() == tmp_path
    assert str(output_folder("here")) == "here"
