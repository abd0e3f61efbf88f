"""The table of a device: a row that fails loses no other, what is known is left alone, what is not says so."""

import argparse

import numpy as np
import pytest

from benchmarks import gpu, gpu_rows


@pytest.fixture
def made_up(monkeypatch):
    """Two rows, of which one fails, and how often each was run."""
    runs = []

    def fine():
        runs.append("fine")
        return [gpu.Figure("a copy", np.array([1.0, 2.0, 4.0]), np.array([2.0, 4.0, 4.0]), 5.0, "TB/s", 1e9, 2e9)]

    def failing():
        runs.append("failing")
        raise MemoryError("no room\nfor it")

    rows = {"device": gpu.Row("device", ("a copy",), fine), "other": gpu.Row("other", ("a sum",), failing)}
    monkeypatch.setattr(gpu, "ROWS", rows)
    monkeypatch.setattr(gpu_rows, "device_name", lambda: "made up")
    monkeypatch.setattr(gpu_rows, "versions", lambda: "none")
    return runs


def test_a_row_that_fails_loses_no_other_and_what_is_known_is_left_alone(made_up, tmp_path):
    chosen = argparse.Namespace(output=tmp_path / "gpu.csv", rows=[], again=False, no_tests=True)
    assert gpu.table([]).count(gpu.MISSING) == 2
    for _ in range(2):
        gpu.measure(chosen, gpu.read(chosen.output))
    assert made_up == ["fine", "failing", "failing"]
    lines = gpu.read(chosen.output)
    assert [line["status"] for line in lines] == ["measured", "not measured: MemoryError: no room"]
    assert (lines[0]["ours_ms"], lines[0]["theirs_ms"], lines[0]["ratio"]) == ("2", "4", "2")
    assert (lines[0]["ratio_least"], lines[0]["ratio_most"]) == ("1", "2")
    shown = gpu.table(lines).splitlines()
    assert "ratio 2 (1 … 2)" in shown[0]
    assert "MemoryError" in shown[1]


def test_the_floor_is_the_larger_of_operations_and_bytes():
    floor = {"flops": 1e12, "bytes": 1e12}
    figure = gpu.Figure("x", np.array([8.0]), operations=2e9, moved=4e9)  # 2 ms and 4 ms of 8
    assert gpu.as_lines("row", [figure], {}, floor)[0]["share_of_floor"] == "0.5"
    assert gpu.as_lines("row", [figure], {}, {})[0]["share_of_floor"] == ""
