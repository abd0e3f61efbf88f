"""Is this working tree slower than another commit? `python -m benchmarks.compare BASE [--bench REGEX]`.

Both run the suites of this checkout, each with its own packages: the base from a git worktree, in an environment of its
own where its pins differ. A round starts both sides anew, and within it the two alternate turn by turn, in an order
that is drawn, timed by the CPU seconds of their processes; its ratio is the median over turns of new / base.

Two stages keep the error. A few rounds of everything choose the suspects, whose median ratio passes the threshold;
fresh rounds of these alone decide. A suspect is a regression if the whole interval of its median ratio lies beyond the
threshold: the intervals come from order statistics (benchmarks/paired_verdict.py), and all suspects share the error
level. So a run that compares equal commits fails with probability at most alpha, whatever the noise of rounds.

Exit 1: a regression, or a benchmark that works at the base and fails here, or that failed once and not again.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import queue
import random
import re
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import paired_verdict, paired_worker
from benchmarks.base_checkout import Side, working_tree, worktree
from benchmarks.origin import write_rows
from benchmarks.ratio_table import say

#: CPU seconds of one turn, so that the clock's own grain is some thousandth of it; calls are repeated up to there.
TURN_SECONDS = 0.02
#: CPU seconds of a benchmark's turns of one side in a round; slow ones take fewer turns, at least 3.
ROUND_SECONDS = 0.6
#: Seconds in which a side must answer, as asv's `default_benchmark_timeout`.
ANSWER_SECONDS = 120.0
FIELDS = ("stage", "benchmark", "ratio", "low", "high", "level", "rounds", "verdict", "base", "new", "machine")


class Key(NamedTuple):
    """One benchmark with one combination of parameters."""

    name: str
    place: int
    label: str

    def __str__(self) -> str:
        return f"{self.name}({self.label})" if self.label else self.name


class Failed(RuntimeError):
    """A side that could not measure; says what it answered."""


class Worker:
    """The process of one side."""

    def __init__(self, side: Side, suites: Path, folder: str):
        self.side = side
        environment = {**os.environ, "PYTHONPATH": str(side.root), "PYTHONUTF8": "1"}
        command = [str(side.python), paired_worker.__file__, str(side.root), str(suites)]
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "encoding": "utf-8"}
        self.process = subprocess.Popen(command, cwd=folder, env=environment, **pipes)
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
            self.process.kill()
            self.process.wait()
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
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def workers(sides: Sequence[Side], suites: Path) -> Iterator[list[Worker]]:
    """Both processes, started anew; they are gone at the end."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        started = []
        for side in sides:
            started.append(Worker(side, suites, folder))
            stack.callback(started[-1].close)
        yield started


def alternated(pair: Sequence[Worker], key: Key, rng: random.Random) -> float:
    """The median over turns of (the second's seconds) / (the first's), both set up before the first turn."""
    once = [worker.ask(do="prepare", name=key.name, place=key.place)["seconds"] for worker in pair]
    number, turns = _planned(min(once))
    ratios = []
    for _ in range(turns):
        order = rng.sample((0, 1), 2)
        taken = {side: pair[side].ask(do="measure", number=number)["seconds"] for side in order}
        if min(taken.values()) > 0:
            ratios.append(taken[1] / taken[0])
    for worker in pair:
        worker.ask(do="close")
    if not ratios:
        raise Failed("the clock saw no time pass: give the benchmark more to do")
    return statistics.median(ratios)


def _planned(seconds: float) -> tuple[int, int]:
    """Calls a turn, and turns, of a benchmark of which one call takes so long."""
    seconds = max(seconds, 1e-7)  # a call may be shorter than the clock's grain
    number = max(1, round(TURN_SECONDS / seconds))
    return number, int(min(9, max(3, ROUND_SECONDS / (number * seconds))))


def rounds(
    sides: Sequence[Side], suites: Path, keys: Sequence[Key], count: int, rng: random.Random
) -> tuple[dict[Key, list[float]], dict[Key, list[str]]]:
    """`count` ratios a benchmark, each round with fresh processes and the benchmarks in a drawn order.

    And what failed, with three reasons: of the base alone, of the new side alone ("" where it works), of both.
    """
    found: dict[Key, list[float]] = {key: [] for key in keys}
    failures: dict[Key, list[str]] = {}
    for number in range(count):
        say(f"  round {number + 1} of {count}, {len(keys) - len(failures)} benchmarks")
        pending = [key for key in rng.sample(list(keys), len(keys)) if key not in failures]
        while pending:
            with workers(sides, suites) as pair:
                while pending:
                    key = pending.pop(0)
                    try:
                        found[key].append(alternated(pair, key, rng))
                    except Failed as error:
                        failures[key] = [*(_alone(side, suites, key) for side in sides), str(error)]
                        break  # a side may be in the middle of anything: both start anew
    return {key: ratios for key, ratios in found.items() if key not in failures}, failures


def _alone(side: Side, suites: Path, key: Key) -> str:
    """Why a benchmark fails on one side; nothing where it works."""
    with workers([side], suites) as (worker,):
        try:
            number, turns = _planned(worker.ask(do="prepare", name=key.name, place=key.place)["seconds"])
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


def compared(sides: Sequence[Side], suites: Path, given: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """Every row of both stages, and what makes the run fail."""
    rng = random.Random(given.seed)
    keys = listed(sides[1], suites, given.bench)
    if not keys:
        raise SystemExit(f"--bench {given.bench!r} matches no timed benchmark")
    say(f"{len(keys)} benchmarks, base {sides[0].name}, new {sides[1].name}")
    screened, failures = rounds(sides, suites, keys, given.rounds, rng)
    suspects = [key for key, ratios in screened.items() if paired_verdict.suspect(ratios, given.threshold)]
    rows = [_row("screened", key, screened[key], 1.0, "look again" if key in suspects else "") for key in screened]
    bad = []
    if suspects:
        alpha = given.alpha / len(suspects)
        count = max(given.confirm, paired_verdict.rounds_needed(given.alpha, len(suspects)))
        say(f"{len(suspects)} look slower; {count} fresh rounds of each decide")
        decided, failing = rounds(sides, suites, suspects, count, rng)
        failures |= failing
        for key, ratios in decided.items():
            regressed = paired_verdict.slower(ratios, given.threshold, alpha)
            rows.append(_row("decided", key, ratios, alpha, "REGRESSION" if regressed else "not beyond noise"))
            bad += [str(key)] if regressed else []
    for key, (at_base, here, together) in failures.items():
        told = f"fails here: {here}" if here else f"fails at the base alone: {at_base}"
        if not at_base and not here:
            told = f"failed once, not again: {together}"
        # A benchmark that both sides refuse, or the base alone, is no regression; it is named and counted.
        verdict = told if at_base else "BROKEN"
        rows.append({"stage": "failed", "benchmark": str(key), "verdict": verdict})
        bad += [f"{key}: {told}"] if verdict == "BROKEN" else []
    return rows, bad


def _row(stage: str, key: Key, ratios: list[float], alpha: float, verdict: str) -> dict[str, Any]:
    found = paired_verdict.median_interval(ratios, alpha)
    least, most = (min(ratios), max(ratios)) if stage == "screened" else (found.low, found.high)
    shown = {"ratio": f"{found.middle:.4g}", "low": f"{least:.4g}", "high": f"{most:.4g}", "rounds": len(ratios)}
    level = "least … largest" if stage == "screened" else f"{found.level:.5f}"
    return {"stage": stage, "benchmark": str(key), **shown, "level": level, "verdict": verdict}


def main(given_arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--bench", default="", help="a regular expression of benchmarks; default all")
    parser.add_argument("--rounds", type=int, default=3, help="of every benchmark")
    parser.add_argument("--confirm", type=int, default=12, help="fresh rounds of each suspect, at least")
    parser.add_argument("--threshold", type=float, default=0.05, help="a slowdown that counts, as a share")
    parser.add_argument("--alpha", type=float, default=0.05, help="chance that equal commits fail the run")
    parser.add_argument("--seed", type=int, default=0, help="of the orders that are drawn")
    parser.add_argument("--output", type=Path, help="write every row to this CSV file")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the checkout that is compared; default here")
    given = parser.parse_args(given_arguments)
    if given.rounds < 1 or given.confirm < 1 or not 0 < given.alpha < 1 or given.threshold < 0:
        parser.error("--rounds and --confirm are at least 1, --alpha lies in (0, 1), --threshold is not negative")
    root = given.root.resolve()
    with worktree(root, given.base) as base:
        sides = (base, working_tree(root))
        rows, bad = compared(sides, root / "benchmarks", given)
    for row in rows:
        ratio = f"{row['ratio']:>7} ({row['low']} … {row['high']})" if "ratio" in row else ""
        say(f"{row['stage']:9} {row['benchmark']:70} {ratio:30} {row['verdict']}")
    if given.output:
        from benchmarks.origin import origin

        told = {"base": sides[0].name, "new": sides[1].name, "machine": origin()["machine"]}
        write_rows(given.output, FIELDS, [row | told for row in rows])
    share = f"{100 * given.threshold:g} % slower, with confidence {100 * (1 - given.alpha):g} % for all together"
    say(f"{len(bad)} regressions (at least {share})" + "".join(f"\n  {name}" for name in bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
