"""Nothing that was recorded changes or goes unsaid: the store's laws."""

from __future__ import annotations

import json
import sqlite3

import pytest

from reports import journal
from reports.record import Status
from reports.store import Store, StoreError, StoreNewer, StoreNotWritten, output_folder
from tests.reports.made_up_store import cell, damaged, expected, ten_cells


@pytest.fixture
def folder(tmp_path):
    return ten_cells(tmp_path)


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


def test_a_place_that_cannot_hold_a_store_is_refused_with_the_remedy(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreNotWritten, match="choose another with --output"):
        Store(tmp_path / "file", write=True)


def test_the_output_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("IMPLICITBENCH_OUTPUT", raising=False)
    assert str(output_folder()) == "results"
    monkeypatch.setenv("IMPLICITBENCH_OUTPUT", str(tmp_path))
    assert output_folder() == tmp_path
    assert str(output_folder("here")) == "here"
