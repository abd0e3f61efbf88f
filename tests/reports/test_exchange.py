"""Stores that are exported, read back and merged: nothing changed, nothing twice, conflicts named."""

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from reports import exchange
from reports.cli import app
from reports.exchange import export_parquet, merge
from reports.journal import StoreError
from reports.lock import LockHeld
from reports.record import Record, Status
from reports.store import Store


def run(key, value, *, seed=0, created="2026-01-01", status=Status.OK, seconds=1.5):
    shared = {"experiment": "e", "cell": key, "params": {"k": key[0]}, "size": "quick", "seed": seed}
    shared |= {"created": created, "seconds": seconds, "status": status, "commit": created}
    return [
        Record(metric="m", value=value, payload={"rows": np.arange(3.0)}, **shared),
        Record(metric="odd", value=math.nan, low=-math.inf, **shared),
    ]


def write(folder, *runs, plan=None):
    with Store(folder, write=True) as store:
        for one in runs:
            store.append(one)
        store.plan("e", "quick", plan or list(dict.fromkeys(one[0].cell for one in runs)))
    return folder


def texts(folder, history=True):
    with Store(folder) as store:
        return [record.to_json() for record in store.records(history=history)]


@pytest.fixture
def two(tmp_path):
    """Two stores: `a` is in both alike but for provenance, `b` in the first, `c` in the second."""
    mine = write(tmp_path / "mine", run("a", 1.0), run("b", 2.0))
    theirs = write(tmp_path / "theirs", run("a", 1.0, created="2026-02-02", seconds=9.0), run("c", 1 / 3))
    return mine, theirs


@pytest.mark.parametrize("form", ["folder", "parquet"])
def test_what_is_new_is_added_exactly_and_only_once(two, tmp_path, form):
    mine, theirs = two
    source = theirs
    if form == "parquet":
        source = tmp_path / "theirs.parquet"
        assert export_parquet(source, theirs) == 4
    before = texts(mine)
    found = merge(source, mine)
    assert (found.added, found.known, found.conflicts) == (1, 1, ())
    assert texts(mine) == [*before, *texts(theirs)[2:]]
    assert len(texts(mine, history=False)) == 6  # the plan has the new cell too, so that tables show it
    again = merge(source, mine)
    assert (again.added, again.known) == (0, 2)
    assert texts(mine) == [*before, *texts(theirs)[2:]]


def test_merging_into_an_empty_folder_copies_the_store(two, tmp_path):
    assert merge(two[1], tmp_path / "new").added == 2
    assert texts(tmp_path / "new", history=False) == texts(two[1], history=False)


def test_other_numbers_are_a_conflict_and_ours_stay(tmp_path):
    mine, theirs = write(tmp_path / "mine", run("a", 1.0)), write(tmp_path / "theirs", run("a", 1.0 + 2**-52))
    before = texts(mine)
    (conflict,) = merge(theirs, mine).conflicts
    assert (conflict.cell, conflict.metrics) == ("a", ("m",))
    assert texts(mine) == before
    done = CliRunner().invoke(app, ["merge", str(theirs), "--output", str(mine)])
    assert done.exit_code == 1
    assert "e (k=a, seed 0), cell a: m differ" in done.stderr


def test_a_failed_run_is_replaced_by_a_final_one_and_never_the_reverse(tmp_path):
    failed, done = run("a", None, status=Status.FAILED), run("a", 2.0, created="2026-03-03")
    first = write(tmp_path / "first", failed)
    assert merge(write(tmp_path / "second", done), first).added == 1
    with Store(first) as store:
        assert store.records("e", metric="m")[0].value == 2.0
    third = write(tmp_path / "third", done)
    assert merge(write(tmp_path / "fourth", failed), third).added == 0
    assert merge(tmp_path / "fourth", write(tmp_path / "fifth", failed)).added == 0  # the same failure


def test_the_same_cell_under_another_key_does_not_show_twice(tmp_path):
    mine = write(tmp_path / "mine", run("a", 1.0))
    older = write(tmp_path / "older", [dataclasses.replace(r, cell="a-of-old") for r in run("a", 7.0)])
    assert merge(older, mine).added == 1  # kept in the history,
    assert {record.cell for record in Store(mine).records()} == {"a"}  # and not in the tables


def test_the_file_is_read_by_others(two, tmp_path):
    export_parquet(tmp_path / "all.parquet", two[0])
    frame = pd.read_parquet(tmp_path / "all.parquet")
    assert frame["value"][0] == 1.0
    assert math.isnan(frame["value"][1])
    assert frame["params"][0] == '{"k": "a"}'
    assert list(tmp_path.glob(".*")) == []


def test_a_flipped_bit_is_refused_or_changes_nothing(two, tmp_path):
    """Of the bytes of names, statistics and other columns nothing is read: where it is merged, it is merged exactly."""
    whole, damaged = tmp_path / "all.parquet", tmp_path / "damaged.parquet"
    export_parquet(whole, two[1])
    content, expected, refused = whole.read_bytes(), texts(two[1]), 0
    rng = np.random.default_rng(0)
    for place in rng.choice(len(content), 60, replace=False):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(flipped)
        try:
            runs, _ = exchange._source(damaged)
        except StoreError:
            refused += 1
        else:
            assert [record.to_json() for one in runs for record in one] == expected, place
    assert refused


@pytest.mark.parametrize("change", ["value", "gone", "order", "none", "foreign"])
def test_an_exported_file_that_was_changed_is_refused(two, tmp_path, change):
    mine, theirs = two
    path = tmp_path / "changed.parquet"
    export_parquet(path, theirs)
    frame = pd.read_parquet(path)
    if change == "value":
        frame.loc[0, "record"] = frame["record"][0].replace("1.0", "1.5", 1)
    changed = {"gone": frame[:-1], "order": frame[::-1], "none": frame[:0], "foreign": frame.drop(columns="checksum")}
    changed.get(change, frame).to_parquet(path, index=False)
    before = texts(mine)
    with pytest.raises(StoreError, match=r"changed\.parquet: .*export it again"):
        merge(path, mine)
    assert texts(mine) == before


def test_what_cannot_be_merged_is_refused_in_one_line(two, tmp_path):
    mine, theirs = two
    (tmp_path / "other.parquet").write_bytes(b"PAR1")
    pd.DataFrame({"x": [1]}).to_parquet(tmp_path / "foreign.parquet")
    for source in (mine, tmp_path / "absent", tmp_path / "other.parquet", tmp_path / "foreign.parquet"):
        with pytest.raises(StoreError):
            merge(source, mine)
        done = CliRunner().invoke(app, ["merge", str(source), "--output", str(mine)])
        assert done.exit_code == 2
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    with pytest.raises(FileNotFoundError, match=r"gone\.parquet cannot be read \(No such file"):
        merge(tmp_path / "gone.parquet", mine)
    lost = CliRunner().invoke(app, ["export", str(tmp_path / "no" / "a.parquet"), "--output", str(mine)])
    assert lost.exit_code == 2
    assert "FILE: the folder" in lost.stderr
    with Store(mine, write=True), pytest.raises(LockHeld):
        merge(theirs, mine)
    done = CliRunner().invoke(app, ["export", str(tmp_path / "a.csv"), "--output", str(mine)])
    assert done.exit_code == 2
    assert "ends in .parquet" in done.stderr
    done = CliRunner().invoke(app, ["export", str(tmp_path / "b.parquet"), "--output", str(mine)])
    assert (done.exit_code, done.stdout.split()[0]) == (0, "4")
