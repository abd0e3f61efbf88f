"""What the runner does with cells that end well, badly, or not at all."""

from __future__ import annotations

import os

import pytest

from reports import provenance
from reports.datasets.source import datasets
from reports.experiment import Cell, experiments
from reports.progress import RunState
from reports.record import WHOLE_CELL, Status
from reports.runner import run
from reports.store import LockHeld, Store, StoreNotWritten
from tests.reports.probes import Probe, TimedProbe

for name in ("probe", "timed-probe"):
    experiments._members.pop(name, None)


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    """The two probes are all the experiments there are, during one test."""
    monkeypatch.setattr(experiments, "_scanned", True)
    monkeypatch.setitem(experiments._members, "probe", Probe)
    monkeypatch.setitem(experiments._members, "timed-probe", TimedProbe)


@pytest.fixture
def listed(monkeypatch):
    """Sets the cells of the probe."""

    def set_cells(*cells, kind=Probe):
        monkeypatch.setattr(kind, "listed", list(cells))

    return set_cells


def cell(do, seed=0, **fields):
    params = fields.pop("params", {})
    return Cell({"do": do, **params}, seed, **fields)


def test_cells_are_measured_once_and_found_again(tmp_path, listed):
    listed(*(cell("draw", seed) for seed in range(6)))
    states: list[RunState] = []
    first = run("probe", output=tmp_path, jobs=2, progress=states.append)
    assert first.counts == {Status.OK: 6}
    assert (first.planned, first.present, first.ok) == (6, 0, True)
    assert states[-1].done == states[-1].todo == 6
    assert states[-1].remaining == 0.0
    before = Store(tmp_path).records()
    second = run("probe", output=tmp_path, jobs=2)
    assert (second.measured, second.present) == (0, 6)
    assert Store(tmp_path).records() == before
    assert len(Store(tmp_path).records(history=True)) == len(before)
    assert [r.seed for r in before if r.metric == "mean"] == list(range(6))
    told = before[0]
    assert all((told.commit, told.machine["fingerprint"], told.versions["numpy"], told.created, told.seconds))


def test_placement_changes_no_number(tmp_path, listed):
    listed(*(cell("draw", seed) for seed in range(4)))
    run("probe", output=tmp_path / "one", jobs=1)
    run("probe", output=tmp_path / "two", jobs=2)
    one, two = (Store(tmp_path / name).frame(metric="mean") for name in ("one", "two"))
    assert one["value"].tolist() == two["value"].tolist()
    assert one["cell"].tolist() == two["cell"].tolist()


def test_every_way_to_fail_is_a_record_beside_the_others(tmp_path, listed):
    marker = str(tmp_path / "marker")
    listed(
        cell("draw"),
        cell("fail"),
        cell("leave"),
        cell("give-nothing"),
        cell("give-nan"),
        cell("give-words"),
        cell("give-an-object"),
        cell("lack-torch"),
        cell("die"),
        cell("die-once", params={"marker": marker}),
        cell("sleep", params={"for": 60}, seconds=0.5),
        cell("fill-memory", memory=400 << 20),
        cell("draw", seed=1),
    )
    summary = run("probe", output=tmp_path, jobs=2)
    found = {r.params["do"]: r for r in Store(tmp_path).records() if r.metric != "pid"}
    assert summary.counts == {
        Status.OK: 3, Status.FAILED: 6, Status.SKIPPED: 1, Status.DIED: 1, Status.TIMEOUT: 1, Status.MEMORY: 1
    }  # fmt: skip
    assert not summary.ok
    assert found["fail"].detail == "ZeroDivisionError: cell 0"
    assert "probes.py" in found["fail"].payload["traceback"]
    assert found["fail"].metric == WHOLE_CELL
    assert found["fail"].value is None
    assert found["leave"].detail == "SystemExit: 0"
    assert "gave nothing" in found["give-nothing"].detail
    assert "nan" in found["give-nan"].detail
    assert found["give-words"].detail == "TypeError: measure() gave a str; it must give Measurements"
    assert "object cannot be recorded" in found["give-an-object"].detail
    assert "pip install '.[models]'" in found["lack-torch"].detail
    assert found["die"].detail == "the worker died: exit code 3; second attempt, because the worker died: exit code 3"
    assert found["die-once"].status is Status.OK
    assert found["die-once"].detail == "second attempt, because the worker died: signal SIGABRT"
    assert found["sleep"].detail == "stopped after 0.5 s"
    assert found["fill-memory"].detail == "stopped at more than 400 MiB"


def test_the_next_run_tries_a_failed_cell_again_and_its_new_record_takes_over(tmp_path, listed):
    marker = tmp_path / "marker"
    marker.touch()
    listed(cell("fail-while-there", params={"marker": str(marker)}), cell("lack-torch"))
    assert run("probe", output=tmp_path, jobs=1).counts == {Status.FAILED: 1, Status.SKIPPED: 1}
    marker.unlink()
    assert run("probe", output=tmp_path, jobs=1).counts == {Status.OK: 1}
    with Store(tmp_path) as store:
        assert [r.status for r in store.records()] == [Status.OK, Status.SKIPPED]
        assert len(store.records(history=True)) == 3


def test_timing_cells_run_alone_pinned_and_after_the_others(tmp_path, listed):
    listed(*(cell("draw", seed) for seed in range(2)))
    listed(*(Cell({"n": n}, threads=1 + n % 2) for n in range(4)), kind=TimedProbe)
    run(["timed-probe", "probe"], output=tmp_path, jobs=2)
    lines = Store(tmp_path).records(history=True)
    kinds = [r.experiment for r in lines]
    assert kinds == sorted(kinds)  # "probe" before "timed-probe"
    frame = Store(tmp_path).frame("timed-probe").pivot(index="n", columns="metric", values="value").sort_values("begin")
    assert (frame["begin"].to_numpy()[1:] >= frame["end"].to_numpy()[:-1]).all()
    assert frame.sort_index()["threads"].tolist() == [1, 2, 1, 2]
    if hasattr(os, "sched_getaffinity"):
        available = len(os.sched_getaffinity(0))
        assert frame.sort_index()["processors"].tolist() == [min(t, available) for t in (1, 2, 1, 2)]


def test_a_cell_counts_as_measured_when_a_part_of_it_was_skipped(tmp_path, listed):
    listed(cell("skip-a-part"))
    summary = run("probe", output=tmp_path, jobs=1)
    assert (summary.counts, summary.ok) == ({Status.OK: 1}, True)
    assert [r.status for r in Store(tmp_path).records()] == [Status.SKIPPED, Status.OK]


@pytest.mark.skipif(os.name != "posix", reason="needs a limit on the size of files")
def test_a_full_disk_stops_the_run_with_the_remedy_and_a_later_one_goes_on(tmp_path, listed):
    import resource

    listed(*(cell("draw", seed) for seed in range(8)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, hard))
        with pytest.raises(StoreNotWritten, match="free some space on its disk and run again"):
            run("probe", output=tmp_path, jobs=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    before = len(Store(tmp_path).records(metric="mean"))
    assert 0 < before < 8
    summary = run("probe", output=tmp_path, jobs=2)
    assert (summary.present, summary.measured, summary.damage) == (before, 8 - before, ())
    assert [r.seed for r in Store(tmp_path).records(metric="mean")] == list(range(8))
    assert len(Store(tmp_path).records(metric="mean", history=True)) == 8


def test_a_second_coordinator_is_refused_before_it_measures(tmp_path, listed):
    listed(cell("draw"))
    with Store(tmp_path, write=True), pytest.raises(LockHeld, match=f"process {os.getpid()} on"):
        run("probe", output=tmp_path, jobs=1)


def test_sources_that_change_under_way_are_not_recorded_under_the_old_key(tmp_path, listed, monkeypatch):
    listed(cell("draw"))
    monkeypatch.setattr(provenance, "code_key", lambda modules: f"of an older text of {modules}")
    monkeypatch.setattr(provenance, "forget", lambda: None)
    assert run("probe", output=tmp_path, jobs=1).counts == {Status.FAILED: 1}
    assert Store(tmp_path).records()[0].detail.endswith("the sources changed while the run was under way; run again")


def test_data_that_changes_under_way_is_not_recorded_under_the_old_key(tmp_path, listed, monkeypatch):
    listed(cell("draw", data=("digits",)))
    assert run("probe", output=tmp_path / "right", jobs=1).counts == {Status.OK: 1}
    assert set(Store(tmp_path / "right").records()[0].data) == {"digits"}
    monkeypatch.setattr(type(datasets["digits"]), "checksum", "of other digits")
    assert run("probe", output=tmp_path / "other", jobs=1).counts == {Status.FAILED: 1}
    assert "data set 'digits' changed" in Store(tmp_path / "other").records()[0].detail


def test_select_and_plan(tmp_path, listed):
    listed(*(cell("draw", seed, params={"k": k}) for seed in range(2) for k in range(2)))
    assert run("probe", output=tmp_path, jobs=1, select={"k": 1}).planned == 2
    assert run("probe", output=tmp_path, jobs=1, select=lambda c: c.seed == 0).counts == {Status.OK: 1}
    listed(cell("draw", 1, params={"k": 1}))
    run("probe", output=tmp_path, jobs=1)
    with Store(tmp_path) as store:
        assert {r.seed for r in store.records()} == {1}  # no longer in the plan, no longer in the tables
        assert {r.seed for r in store.records(history=True)} == {0, 1}


def test_bad_arguments_name_themselves(tmp_path, listed):
    listed(cell("draw"), cell("draw"))
    with pytest.raises(ValueError, match="size must be one of quick, standard, full"):
        run("probe", size="huge", output=tmp_path)
    with pytest.raises(ValueError, match="jobs must be at least 1"):
        run("probe", jobs=0, output=tmp_path)
    with pytest.raises(KeyError, match="unknown experiment 'nothing'"):
        run("nothing", output=tmp_path)
    with pytest.raises(ValueError, match=r"two cells have params .* seed 0"):
        run("probe", output=tmp_path)
    listed(cell("draw", data=("no-such-data",)))
    with pytest.raises(ValueError, match=r"needs data .*no-such-data"):
        run("probe", output=tmp_path)


@pytest.mark.parametrize(
    ("params", "message"),
    [({"metric": 1}, "column of every record"), ({"x": [1]}, r"params\['x'\]"), ({"x": float("inf")}, "finite")],
)
def test_a_cell_whose_parameters_have_no_single_spelling_is_refused(params, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Cell(params)
