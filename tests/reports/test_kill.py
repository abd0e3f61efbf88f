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
COMMAND = "import sys; from reports.cli import main; sys.exit(main())"

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
    """`implicitbench run kill-probe`, in a session of its own."""
    program = [sys.executable, "-c", COMMAND, "run", "kill-probe", "--output", output, "--jobs", "2"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(program, env=environment, start_new_session=True, **silent)


def table(output):
    """What a table shows of a store, timings and times aside."""
    with Store(output) as store:
        frame = store.frame("kill-probe")
    return frame.drop(columns=["seconds", "created", "commit"])


def committed(output):
    """The journal's whole lines."""
    journal = output / "journal.jsonl"
    return journal.read_bytes().rpartition(b"\n")[0] if journal.exists() else b""


def wait_for(process, condition):
    """False when the process ended before the condition held."""
    deadline = time.monotonic() + 120
    while not condition():
        if process.poll() is not None:
            assert process.returncode == 0
            return False
        assert time.monotonic() < deadline
        time.sleep(0.002)
    return True


@pytest.mark.parametrize("n_kills", [6, pytest.param(200, marks=[pytest.mark.deep, pytest.mark.timeout(3600)])])
def test_killed_at_random_moments(n_kills, environment, tmp_path):
    undisturbed = start(environment, tmp_path / "undisturbed")
    assert undisturbed.wait(timeout=120) == 0
    truth = table(tmp_path / "undisturbed")
    assert len(truth) == 2 * N_CELLS

    rng = np.random.default_rng(20240817)
    killed = under_way = rounds = 0
    while killed < n_kills:
        output = tmp_path / f"round-{rounds}"
        rounds += 1
        finished = False
        while not finished:
            before = committed(output)
            process = start(environment, output)
            if killed == n_kills:
                assert process.wait(timeout=120) == 0
                break
            # So many lines later, whatever else the machine is doing, and within the two cells that are then measured;
            # now and then while it starts.
            lines, seconds = int(rng.integers(0, 10)), rng.uniform(0, 0.03)
            wanted = len(before.splitlines()) + lines
            finished = not wait_for(process, lambda at=output, n=wanted: len(committed(at).splitlines()) >= n)
            if not finished:
                time.sleep(seconds if lines else 20 * seconds)
                # Every third time the coordinator alone: its workers must neither write nor stay.
                (os.kill if killed % 3 == 2 else os.killpg)(process.pid, signal.SIGKILL)
                process.wait()
                killed += 1
                under_way += committed(output) != before
            assert committed(output).startswith(before)
        with Store(output) as store:
            history = store.records(history=True)
        assert len(history) == 2 * N_CELLS  # no cell lost, none recorded twice
        assert len({record.cell for record in history}) == N_CELLS
        assert {record.status for record in history} == {Status.OK}
        pd.testing.assert_frame_equal(table(output), truth, check_exact=True)
    assert under_way > n_kills / 2, "most kills came before anything was recorded: nothing was put to the test"
