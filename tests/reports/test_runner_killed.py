"""A run whose coordinator is killed or interrupted leaves nothing running, and everything recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from reports.store import Store
from tests.processes import runs, wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import sys
from tests.reports import probes
from reports.experiment import Cell
from reports.runner import run

if __name__ == "__main__":
    probes.Probe.listed = [Cell({"do": "draw"}, s) for s in range(3)]
    probes.Probe.listed += [Cell({"do": "sleep", "for": 60}, s) for s in range(2)]
    run("probe", output=sys.argv[1], jobs=2)
"""


@pytest.fixture
def under_way(tmp_path):
    """A run in a process of its own that has recorded three cells, and whose workers sleep in two others."""
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    process = subprocess.Popen(
        [sys.executable, script, tmp_path / "out"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    journal = tmp_path / "out" / "journal.jsonl"
    wait_until(lambda: process.poll() is not None or (journal.exists() and journal.read_bytes().count(b"\n") >= 5))
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    yield process, workers
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stderr.close()


posix = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@posix
def test_workers_end_by_themselves_when_the_coordinator_is_killed(under_way):
    process, workers = under_way
    process.kill()
    process.wait()
    wait_until(lambda: not any(runs(worker.pid) for worker in workers))


@posix
def test_ctrl_c_leaves_at_once_with_everything_recorded(under_way, tmp_path):
    process, workers = under_way
    os.killpg(process.pid, signal.SIGINT)  # a terminal sends it to the whole group
    _, message = process.communicate(timeout=40)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in message
    wait_until(lambda: not any(runs(worker.pid) for worker in workers))
    with Store(tmp_path / "out", write=True) as store:  # the lock was released
        assert len(store.records(metric="mean")) == 3
        assert not store.damage
