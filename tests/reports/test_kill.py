"""A run that is killed at random moments and started again ends where an undisturbed one does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reports.record import Status
from reports.store import Store

ROOT = Path(__file__).resolve().parents[2]
N_CELLS = 40
PROGRAM = "import reports; reports.run('kill-probe', output={output!r}, jobs=2)"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills process groups, which Windows has not")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A path with a distribution whose entry point brings the experiment."""
    site = tmp_path_factory.mktemp("site")
    described = site / "kill_probe-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: kill-probe\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[implicitbench.experiments]\nkill-probe = kill_probe\n")
    (site / "kill_probe.py").write_text((ROOT / "tests" / "reports" / "kill_probe.py").read_text())
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


def start(environment, output):
    program = [sys.executable, "-c", PROGRAM.format(output=str(output))]
    return subprocess.Popen(program, env=environment, start_new_session=True, stderr=subprocess.DEVNULL)


def table(output):
    """What a table shows of a store, timings and times aside."""
    with Store(output) as store:
        frame = store.frame("kill-probe")
    return frame.drop(columns=["seconds", "created", "commit"])


def committed(output):
    """The journal's whole lines."""
    journal = output / "journal.jsonl"
    return journal.read_bytes().rpartition(b"\n")[0] if journal.exists() else b""


@pytest.mark.parametrize("n_kills", [20, pytest.param(200, marks=pytest.mark.deep)])
def test_killed_at_random_moments(n_kills, environment, tmp_path):
    began = time.monotonic()
    undisturbed = start(environment, tmp_path / "undisturbed")
    assert undisturbed.wait(timeout=120) == 0
    whole = time.monotonic() - began
    truth = table(tmp_path / "undisturbed")
    assert len(truth) == 2 * N_CELLS

    rng = np.random.default_rng(20240817)
    killed = rounds = 0
    while killed < n_kills:
        output = tmp_path / f"round-{rounds}"
        rounds += 1
        finished = False
        while not finished:
            before = committed(output)
            process = start(environment, output)
            # Most moments fall between the first cell and the last of an undisturbed run.
            moment = rng.uniform(0.2, 1.0) * whole if killed < n_kills else 120
            try:
                finished = process.wait(timeout=moment) == 0
                assert finished
            except subprocess.TimeoutExpired:
                # Every third time the coordinator alone: its workers must neither write nor stay.
                (os.kill if killed % 3 == 2 else os.killpg)(process.pid, signal.SIGKILL)
                process.wait()
                killed += 1
            assert committed(output).startswith(before)
        with Store(output) as store:
            history = store.records(history=True)
        assert len(history) == 2 * N_CELLS  # no cell lost, none recorded twice
        assert len({record.cell for record in history}) == N_CELLS
        assert {record.status for record in history} == {Status.OK}
        pd.testing.assert_frame_equal(table(output), truth, check_exact=True)
    assert killed == n_kills
