"""Kills: of a run at random instants, of workers of a cluster under a run, and of coordinators that hold a store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil

from benchmarks.robustness.matrix import CELLS, METRICS, Matrix, committed, reached, table
from benchmarks.robustness.rows import Row

_HOLD = "import sys, time; from reports.store import Store; store = Store(sys.argv[1], write=True); "
_HOLD += "print('held', flush=True); time.sleep(600)"


def kill(folder: Path, count: int) -> Iterator[Row]:
    """kill −9 of the coordinator with its processes, every third time of the coordinator alone, at random instants."""
    from reports.store import Store

    matrix = Matrix(folder)
    code, told = matrix.run(folder / "undisturbed")
    if code:
        raise RuntimeError(told)
    truth = table(folder / "undisturbed")
    rng = np.random.default_rng(0)
    killed = rounds = lost = doubled = different = most = redone = recording = 0
    while killed < count:
        output, notes = folder / f"round-{rounds}", folder / f"notes-{rounds}"
        rounds += 1
        finished = False
        while not finished:
            before, noted = committed(output), len(_notes(notes))
            process = matrix.start(output, notes=notes)
            # Some lines later, however busy the machine is, and within the cells then measured; or while it starts.
            lines, seconds = int(rng.integers(0, 12)), rng.uniform(0, 0.04)
            wanted = len(before.splitlines()) + lines
            whole = killed == count
            finished = not reached(
                process, lambda at=output, n=wanted, whole=whole: not whole and len(committed(at).splitlines()) >= n
            )
            if not finished:
                time.sleep(seconds if lines else 20 * seconds)
                (os.kill if killed % 3 == 2 else os.killpg)(process.pid, signal.SIGKILL)
                killed += 1
            process.communicate()
            after = committed(output)
            lost += not after.startswith(before)
            recording += after != before
            again = Counter(
                process for process, n, seed in map(str.split, _notes(notes)[noted:]) if (n, seed) not in _cells(after)
            )
            redone += again.total()
            most = max(most, *again.values(), 0)
        with Store(output) as store:
            history = store.records(history=True)
        lost += METRICS * CELLS - len({(record.cell, record.metric) for record in history})
        doubled += len(history) - METRICS * CELLS
        different += not table(output).equals(truth)
    yield Row("kill", "instants of kill -9", killed, "", "200", killed >= 200, f"{recording} while cells were recorded")
    yield Row("kill", "recorded cells lost", lost, "", "0", lost == 0)
    yield Row("kill", "recorded cells doubled", doubled, "", "0", doubled == 0)
    yield Row(
        "kill",
        "most cells that one worker has to do again",
        most,
        "",
        "<= 1",
        most <= 1,
        f"{redone} in all",
    )
    yield Row("kill", "runs whose table differs", different, "", "0", different == 0, f"of {rounds}")


def cluster(folder: Path, count: int) -> Iterator[Row]:
    """In each run one of two workers of `--cluster local`, which is then measuring a cell, is killed."""
    from reports.store import Store

    matrix = Matrix(folder)
    matrix.run(folder / "serial", "--jobs", "1")
    truth = table(folder / "serial")
    rng = np.random.default_rng(1)
    different = killed = told = twice = 0
    for number in range(count):
        output, notes = folder / f"run-{number}", folder / f"run-{number}.notes"
        process = matrix.start(output, "--cluster", "local", notes=notes)
        begun = int(rng.integers(1, 30))
        if reached(process, lambda notes=notes, begun=begun: len(_notes(notes)) >= begun):
            cell = int(_notes(notes)[-1].split()[0])
            try:
                worker = psutil.Process(cell).parent()
                assert worker is not None
                worker.kill()
                killed += 1
            except psutil.NoSuchProcess:
                pass
        _, said = process.communicate(timeout=300)
        if process.returncode:
            raise RuntimeError(said)
        with Store(output) as store:
            records = store.records(history=True)
        told += any("was lost" in record.detail for record in records)
        twice += len(records) != METRICS * CELLS
        different += not table(output).equals(truth)
    yield Row(
        "cluster",
        "runs in which a Dask worker was killed",
        killed,
        "",
        "20",
        killed >= 20,
        f"{told} say so in a record",
    )
    yield Row("cluster", "runs whose results differ from the serial run's", different, "", "0", different == 0)
    yield Row("cluster", "runs that lost or doubled a cell", twice, "", "0", twice == 0)


def coordinators(folder: Path, count: int) -> Iterator[Row]:
    """A second coordinator and a reader while one holds the store; then the first is killed and succeeded."""
    from reports.store import Store

    matrix = Matrix(folder)
    refused = read = succeeded = 0
    slowest = 0.0
    for number in range(count):
        output = folder / f"held-{number % 2}"
        command = [sys.executable, "-c", _HOLD, str(output)]
        with subprocess.Popen(command, env=matrix.environment, stdout=subprocess.PIPE, encoding="utf-8") as holder:
            assert holder.stdout is not None
            if holder.stdout.readline() != "held\n":
                raise RuntimeError("the first coordinator did not get the store")
            code, told = matrix.run(output)
            refused += code == 2 and f"process {holder.pid} on " in told
            with Store(output) as store:
                store.records()
                read += 1
            holder.kill()
            holder.wait()
        began = time.perf_counter()
        with Store(output, write=True):
            slowest = max(slowest, time.perf_counter() - began)
            succeeded += 1
    yield Row(
        "coordinators", "second ones refused with the first's identity", refused, "", str(count), refused == count
    )
    yield Row("coordinators", "readers served beside one", read, "", str(count), read == count)
    yield Row("coordinators", "locks of killed ones taken over", succeeded, "", str(count), succeeded == count,
              f"{1e3 * slowest:.0f} ms at most")  # fmt: skip


def _notes(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _cells(journal: bytes) -> set[tuple[str, str]]:
    """The length and the seed of each recorded cell."""
    lines = [line.split(b" ", 3) for line in journal.splitlines()]
    cells = [json.loads(line[3]) for line in lines if line[2] == b"cell"]
    return {(str(cell["params"]["n"]), str(cell["seed"])) for cell in cells}
