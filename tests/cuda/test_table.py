"""The table of a device: what fails loses nothing else, what is known is left alone, what is not says so."""

import argparse
import sys
import time

import numpy as np
import pytest

from benchmarks import gpu, gpu_rows, gpu_watch
from benchmarks.gpu_candidate_rows import each


@pytest.fixture
def made_up(monkeypatch):
    """Rows of which some fail, the second in its midst, and how often each was run."""
    runs = []

    def fine():
        runs.append("fine")
        return [gpu.Figure("a copy", np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 4.0]), 5.0, "TB/s", 1e9, 2e9)]

    def failing():
        runs.append("failing")
        yield gpu.Figure("a sum", np.array([3.0]))
        raise MemoryError("no room\nfor it")

    rows = {"device": gpu.Row("device", ("a copy",), fine), "other": gpu.Row("other", ("a sum", "a root"), failing)}
    monkeypatch.setattr(gpu, "ROWS", rows)
    monkeypatch.setattr(gpu_rows, "device_name", lambda: "made up")
    monkeypatch.setattr(gpu_rows, "versions", lambda: "none")
    return runs


def test_a_row_that_fails_loses_neither_another_nor_what_it_has_measured(made_up, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "answers", lambda: True)
    output, done = tmp_path / "gpu.csv", tmp_path / "gpu.done"
    assert gpu.table([]).count(gpu.MISSING) == 3
    gpu.measure(["other", "device"], output, done)
    assert made_up == ["failing", "fine"]
    assert done.read_text().split() == ["other", "device"]
    lines = {line["what"]: line for line in gpu.read(output)}
    assert {what: line["status"] for what, line in lines.items()} == {
        "a sum": "measured",
        "a root": "not measured: MemoryError: no room",
        "a copy": "measured",
    }
    copy = lines["a copy"]
    assert (copy["ours_ms"], copy["theirs_ms"], copy["ratio"]) == ("2", "4", "2")
    assert (copy["ratio_least"], copy["ratio_most"]) == ("1", "2")
    shown = gpu.table(gpu.read(output)).splitlines()
    assert "ratio 2 (1 … 2)" in shown[0]
    assert "MemoryError" in shown[2]


def test_a_device_that_is_lost_ends_the_process_after_the_row_is_told(made_up, tmp_path, monkeypatch):  # noqa: ARG001
    monkeypatch.setattr(gpu, "answers", lambda: False)
    output, done = tmp_path / "gpu.csv", tmp_path / "gpu.done"
    with pytest.raises(SystemExit) as ended:
        gpu.measure(["other", "device"], output, done)
    assert ended.value.code == gpu_watch.LOST
    assert done.read_text().split() == ["other"]


def test_only_rows_with_lines_that_are_not_measured_are_run(made_up, tmp_path, monkeypatch):  # noqa: ARG001
    asked = []
    monkeypatch.setattr(gpu, "watched", lambda names, *_: asked.append(names))
    monkeypatch.setattr(gpu, "answers", lambda: True)
    chosen = argparse.Namespace(output=tmp_path / "gpu.csv", again=False, no_tests=True)
    gpu.measure(["other", "device"], chosen.output, tmp_path / "gpu.done")
    for again in (False, True):
        chosen.again = again
        gpu.watch(["device", "other"], chosen)
    assert asked == [["other"], ["device", "other"]]


def test_a_row_that_is_not_known_is_refused_by_name(tmp_path, capsys):
    with pytest.raises(SystemExit):
        gpu.main(["--no-tests", "--output", str(tmp_path / "gpu.csv"), "devise"])
    assert "no row is called devise" in capsys.readouterr().err
    assert set(gpu.ORDER) == set(gpu.ROWS)


def test_figures_behind_one_that_fails_are_measured_before_it_is_told():
    asked = each(lambda x: gpu.Figure(str(1 // x)), (2, 0, 1))
    assert [next(asked).what, next(asked).what] == ["0", "1"]
    with pytest.raises(ZeroDivisionError):
        next(asked)


CHILD = """
import os, sys, time
done, *names = sys.argv[1:]
for name in names:
    if name == "crashes":
        os.abort()
    if name == "hangs":
        time.sleep(60)
    open(done, "a").write(name + "\\n")
    if name == "loses":
        sys.exit(3)
"""


def test_rows_behind_one_that_crashes_hangs_or_loses_the_device_are_run(tmp_path):
    started, failures = [], []

    def command(names):
        started.append(names)
        return [sys.executable, "-c", CHILD, str(tmp_path / "done"), *names]

    names, began = ["one", "loses", "crashes", "two", "hangs", "three"], time.perf_counter()
    gpu_watch.watched(names, command, tmp_path / "done", tmp_path / "output", lambda *told: failures.append(told), 10.0)
    assert started == [names, names[2:], names[3:], names[5:]]
    assert failures == [("crashes", "its process ended with -6"), ("hangs", "no figure for 10 s")]
    assert time.perf_counter() - began < 50
    assert not (tmp_path / "done").exists()


def test_the_floor_is_the_larger_of_operations_and_bytes():
    floor = {"float32": 1e12, "bytes": 1e12}
    figure = gpu.Figure("x", np.array([8.0]), operations=2e9, moved=4e9)  # 2 ms and 4 ms of 8
    assert gpu.as_lines("row", [figure], {}, floor)[0]["share_of_floor"] == "0.5"
    assert gpu.as_lines("row", [figure], {}, {})[0]["share_of_floor"] == ""
    floor["float64"] = 5e11
    wide = gpu.as_lines("row", [figure._replace(operations=3e9, rate="float64")], {}, floor)[0]  # 6 ms of 8
    assert wide["share_of_floor"] == "0.75"
