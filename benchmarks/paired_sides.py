"""The two sides of a comparison: their processes, and one ratio of a benchmark in which they take turns."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import random
import re
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import paired_worker
from benchmarks.base_checkout import Side
from reports.child import group_of_its_own

#: CPU seconds of one turn, so that the clock's own grain is some thousandth of it; calls are repeated up to there.
TURN_SECONDS = 0.02
#: CPU seconds of a benchmark's turns of one side in a round; slow ones take fewer turns, at least one.
ROUND_SECONDS = 0.6
#: Seconds in which a side must answer, as asv's `default_benchmark_timeout`.
ANSWER_SECONDS = 120.0


class Key(NamedTuple):
    """One benchmark with one combination of parameters."""

    name: str
    place: int
    label: str

    def __str__(self) -> str:
        return f"{self.name}({self.label})" if self.label else self.name


class Failed(RuntimeError):
    """A side that could not measure; says what it answered."""


class TooLong(RuntimeError):
    """One call at the base takes more CPU seconds than a comparison has for it; says how many."""


class Worker:
    """The process of one side, in a group of its own: an interrupt from a terminal does not reach it."""

    def __init__(self, side: Side, suites: Path, folder: str):
        self.side = side
        environment = {**os.environ, "PYTHONPATH": str(side.root), "PYTHONUTF8": "1"}
        command = [str(side.python), paired_worker.__file__, str(side.root), str(suites)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        self.process = subprocess.Popen(command, cwd=folder, env=environment, **pipes, **group_of_its_own())
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def ask(self, **asked: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps(asked) + "\n")
            self.process.stdin.flush()
        try:
            line = self._lines.get(timeout=ANSWER_SECONDS)
        except queue.Empty:
            self.kill()
            raise Failed(f"{self.side.name}: no answer to {asked} in {ANSWER_SECONDS:g} s") from None
        if not line:
            raise Failed(f"{self.side.name}: the process ended with {self.process.wait()}")
        told = json.loads(line)
        for name, where in told.get("from", {}).items():
            if not Path(where).resolve().is_relative_to(self.side.root.resolve()):
                raise SystemExit(f"{self.side.name}: {name} was imported from {where}, not from {self.side.root}")
        if "error" in told:
            raise Failed(told["error"])
        return told

    def close(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextlib.contextmanager
def workers(sides: Sequence[Side], suites: Path) -> Iterator[list[Worker]]:
    """Both processes, started anew; they are gone at the end, at once where it is no good one."""
    with tempfile.TemporaryDirectory() as folder:
        started: list[Worker] = []
        try:
            for side in sides:
                started.append(Worker(side, suites, folder))
            yield started
            for worker in started:
                worker.close()
        finally:
            for worker in started:
                worker.kill()


def alternated(pair: Sequence[Worker], key: Key, rng: random.Random, longest: float) -> float:
    """The median over turns of (the second's seconds) / (the first's), the sides in a drawn order in each.

    Both are set up and called once before, for nobody. A call that fills a turn by itself has its first turn in the
    next call, and one that fills the round's seconds no other. Raises TooLong and Failed.
    """
    once: dict[int, float] = {}
    for side in rng.sample((0, 1), 2):
        told = pair[side].ask(do="prepare", name=key.name, place=key.place, longest=longest)
        if "seconds" not in told and side == 0:
            raise TooLong(f"one call at the base takes {told['first']:.3g} s")
        once[side] = told["seconds"] if "seconds" in told else pair[side].ask(do="measure", number=1)["seconds"]
    number, turns = planned(min(once.values()))
    ratios = [once[1] / once[0]] if number == 1 and once[0] > 0 and once[1] > 0 else []
    for _ in range(turns - len(ratios)):
        taken = {side: pair[side].ask(do="measure", number=number)["seconds"] for side in rng.sample((0, 1), 2)}
        if min(taken.values()) > 0:
            ratios.append(taken[1] / taken[0])
    for worker in pair:
        worker.ask(do="close")
    if not ratios:
        raise Failed("the clock saw no time pass: give the benchmark more to do")
    return statistics.median(ratios)


def planned(seconds: float) -> tuple[int, int]:
    """Calls a turn, and turns, of a benchmark of which one call takes so long."""
    seconds = max(seconds, 1e-7)  # a call may be shorter than the clock's grain
    number = max(1, round(TURN_SECONDS / seconds))
    return number, int(min(9, max(1, ROUND_SECONDS / (number * seconds))))


def failure_alone(side: Side, suites: Path, key: Key) -> str:
    """Why a benchmark fails on one side; nothing where it works."""
    with workers([side], suites) as (worker,):
        try:
            number, turns = planned(worker.ask(do="prepare", name=key.name, place=key.place)["seconds"])
            for _ in range(turns):
                worker.ask(do="measure", number=number)
            worker.ask(do="close")
        except Failed as error:
            return str(error)
    return ""


def listed(side: Side, suites: Path, pattern: str) -> list[Key]:
    """The timed benchmarks whose name with parameters holds the pattern."""
    with workers([side], suites) as (worker,):
        told = worker.ask(do="list", suites=paired_worker.suites(suites))
    keys = [Key(name, place, label) for name, labels in told["benchmarks"] for place, label in enumerate(labels)]
    return [key for key in keys if re.search(pattern, str(key))]
