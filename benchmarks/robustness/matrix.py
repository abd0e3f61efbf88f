"""A small matrix, run by the real command in a process of its own, that can be disturbed in every way."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
#: Cells of the matrix, and records of a cell.
CELLS, METRICS = 40, 2
#: Tells where a cell notes that it has begun: (process, length, seed) a line.
NOTES = "MATRIX_PROBE_NOTES"

_EXPERIMENT = '''
import os, time
import numpy as np
from reports.experiment import Cell, Experiment, Measurement, experiments

@experiments.register("matrix-probe")
class MatrixProbe(Experiment):
    """Sums of pseudo-random numbers, one seed a cell."""

    question = "Does anything get lost?"

    def cells(self, size, data):
        return [Cell({"n": n}, seed) for n in (10, 1000) for seed in range(20)]

    def measure(self, cell):
        n = cell.params["n"]
        if "MATRIX_PROBE_NOTES" in os.environ:
            with open(os.environ["MATRIX_PROBE_NOTES"], "a") as notes:
                notes.write(f"{os.getpid()} {n} {cell.seed}\\n")
        time.sleep(0.03)
        drawn = np.random.default_rng(cell.seed).normal(size=n)
        yield Measurement("sum", drawn.sum(), stderr=drawn.std(), payload={"drawn": drawn[:5]})
        yield Measurement("largest", drawn.max())
'''
_COMMAND = "import sys; from reports.cli import main; sys.exit(main())"


class Matrix:
    """The command `implicitbench run matrix-probe`, which an entry point in `folder` brings."""

    def __init__(self, folder: Path):
        site = folder / "site"
        described = site / "matrix_probe-1.0.dist-info"
        described.mkdir(parents=True)
        (described / "METADATA").write_text("Metadata-Version: 2.1\nName: matrix-probe\nVersion: 1.0\n")
        (described / "entry_points.txt").write_text("[implicitbench.experiments]\nmatrix-probe = matrix_probe\n")
        (site / "matrix_probe.py").write_text(_EXPERIMENT)
        path = os.pathsep.join([str(site), str(ROOT)])
        self.environment = {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}

    def start(self, output: Path, *options: str, notes: Path | None = None) -> subprocess.Popen[str]:
        """The command under way, in a session of its own."""
        command = [sys.executable, "-c", _COMMAND, "run", "matrix-probe", "--output", str(output), "--jobs", "2"]
        environment = self.environment | ({NOTES: str(notes)} if notes else {})
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "encoding": "utf-8"}
        return subprocess.Popen([*command, *options], env=environment, start_new_session=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def run(self, output: Path, *options: str) -> tuple[int, str]:
        """Its exit code, and what it said on the standard error."""
        process = self.start(output, *options)
        _, told = process.communicate(timeout=300)
        return process.returncode, told


def table(output: Path) -> pd.DataFrame:
    """What a table shows of the store, apart from when, how fast and after which attempt."""
    from reports.store import Store

    with Store(output) as store:
        frame = store.frame("matrix-probe")
    return frame.drop(columns=["seconds", "created", "commit", "detail"])


def committed(output: Path) -> bytes:
    """The journal's whole lines."""
    journal = output / "journal.jsonl"
    return journal.read_bytes().rpartition(b"\n")[0] if journal.exists() else b""


def reached(process: subprocess.Popen[str], condition: Callable[[], bool]) -> bool:
    """Waits until the condition holds; False when the process ended before."""
    while not condition():
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    return True
