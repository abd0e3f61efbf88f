"""Is this working tree slower than another commit? `python -m benchmarks.compare BASE [--bench REGEX]`.

Both run the suites of this checkout, each with its own packages: the base from a git worktree, in an environment of its
own where its pins differ. A round starts both sides anew, and within it the two alternate turn by turn, in an order
that is drawn, timed by the CPU seconds of their processes; its ratio is the median over turns of new / base.

Two stages keep the error. A first round of everything, and a few more of what it finds slower by half the threshold, as
long as they can matter, choose the suspects, whose median ratio passes the threshold; fresh rounds of these alone
decide, as many as were fixed before the first of them. A suspect is a regression if the whole interval of its median
ratio lies beyond the threshold: the intervals come from order statistics (benchmarks/paired_verdict.py), and all
suspects share the error level. So a run that compares equal commits fails with probability at most alpha, whatever the
noise of rounds. A suspect that can no longer be a regression, whatever its other rounds say, is spared them: the
verdict is the same.

A benchmark of which one call at the base takes more than --longest CPU seconds is left out and named. After --minutes,
or Ctrl-C, the run says what it has measured; what it has is kept, and the same command goes on there.

Exit 1: a regression, or a benchmark that works at the base and fails here, or that failed once and not again. Exit 3:
stopped before the end, with nothing of the kind so far: neither passed nor failed.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import paired_sides, paired_verdict
from benchmarks.base_checkout import Side, working_tree, worktree
from benchmarks.origin import write_rows
from benchmarks.paired_record import DECIDE, SCREEN, Kept, identity
from benchmarks.paired_sides import Failed, Key, TooLong
from benchmarks.ratio_table import say
from reports.progress import clock

FIELDS = ("stage", "benchmark", "ratio", "low", "high", "level", "rounds", "verdict", "base", "new", "machine")
#: Seconds between two lines of progress.
TELL_EVERY = 15.0


class OutOfTime(Exception):
    """The budget ended before the comparison."""


class Comparison:
    """The rounds of two sides, up to a time of the monotonic clock; what is measured is in `kept`."""

    def __init__(self, sides: Sequence[Side], suites: Path, given: argparse.Namespace, kept: Kept, until: float):
        self.sides, self.suites, self.given, self.kept, self.until = sides, suites, given, kept, until
        self.keys = paired_sides.listed(sides[1], suites, given.bench)
        if not self.keys:
            raise SystemExit(f"--bench {given.bench!r} matches no timed benchmark")
        say(f"{len(self.keys)} benchmarks, base {sides[0].name}, new {sides[1].name}")
        if kept:
            say(f"{len(kept)} ratios are kept of a run that was stopped: this one goes on there (--anew forgets them)")

    def suspects(self) -> list[Key]:
        """Screens everything; those whose median ratio passes the threshold."""
        for number in range(self.given.rounds):
            self._round(SCREEN, number, self.given.rounds, [key for key in self.keys if self._open(key, number)])
        # Also one that failed when it was decided on: those that share the error level stay the same.
        return [key for key in self.keys if self._suspect(key)]

    def decide(self, suspects: Sequence[Key]) -> None:
        """Fresh rounds of the suspects, until each has all of them or cannot be slower any more."""
        count = self.rounds_of(len(suspects))
        say(f"{len(suspects)} look slower; at most {count} fresh rounds of each decide")
        for number in range(count):
            open_ones = [key for key in suspects if self.may_be_slower(key, len(suspects))]
            if open_ones:
                self._round(DECIDE, number, count, open_ones)

    def rounds_of(self, suspects: int) -> int:
        return max(self.given.confirm, paired_verdict.rounds_needed(self.given.alpha, suspects))

    def may_be_slower(self, key: Key, suspects: int) -> bool:
        """Whether rounds that are still to come could make it a regression; once all are there, whether it is one."""
        ratios = self.kept.of(DECIDE, key)
        missing = [math.inf] * (self.rounds_of(suspects) - len(ratios))
        return paired_verdict.slower([*ratios, *missing], self.given.threshold, self.given.alpha / suspects)

    def screens(self, key: Key) -> list[float]:
        return self.kept.of(SCREEN, key)

    def _open(self, key: Key, number: int) -> bool:
        """Whether a round of screening has a benchmark: all the first, and the others those that they can decide on."""
        if number == 0:
            return True
        before = [self.kept.ratios[SCREEN, n][key] for n in range(number) if key in self.kept.ratios[SCREEN, n]]
        if not before or not paired_verdict.suspect(before[:1], self.given.threshold / 2):
            return False
        return self._passes(before, math.inf) and not self._passes(before, 0.0)

    def _suspect(self, key: Key) -> bool:
        return bool(self.screens(key)) and self._passes(self.screens(key), 0.0)

    def _passes(self, ratios: Sequence[float], missing: float) -> bool:
        """Whether the median of all rounds would pass the threshold if those that are not measured gave `missing`."""
        smallest = max(missing, math.ulp(0.0))
        return paired_verdict.suspect([*ratios, *[smallest] * (self.given.rounds - len(ratios))], self.given.threshold)

    def _round(self, stage: str, number: int, count: int, keys: Sequence[Key]) -> None:
        """One ratio of each, with fresh processes and in a drawn order; what failed or takes too long has none."""
        rng = random.Random(f"{self.given.seed} {stage} {number}")
        done = {*self.kept.ratios[stage, number], *self.kept.failures, *self.kept.too_long}
        pending = [key for key in rng.sample(list(keys), len(keys)) if key not in done]
        heading = f"  {stage}, round {number + 1} of {count}"
        if pending:
            say(f"{heading}: {len(pending)} benchmarks")
        told = time.monotonic()
        while pending:
            with paired_sides.workers(self.sides, self.suites) as pair:
                while pending:
                    start = time.monotonic()
                    if start > self.until:
                        raise OutOfTime
                    if start > told + TELL_EVERY:
                        told = start
                        say(f"{heading}: {self._left(keys, pending)}")
                    key = pending.pop(0)
                    try:
                        ratio = paired_sides.alternated(pair, key, rng, self.given.longest)
                    except (Failed, TooLong) as error:
                        passed = time.monotonic() - start
                        if isinstance(error, TooLong):
                            self.kept.note(key, passed, too_long=str(error))
                        else:
                            alone = [paired_sides.failure_alone(side, self.suites, key) for side in self.sides]
                            self.kept.note(key, passed, failed=[*alone, str(error)])
                        break  # a side may be in the middle of anything: both start anew
                    self.kept.note(key, time.monotonic() - start, stage=stage, round=number, ratio=ratio)

    def _left(self, keys: Sequence[Key], pending: Sequence[Key]) -> str:
        """How far a round is; of a benchmark that was not measured yet the mean is foretold, as the order is drawn."""
        known = self.kept.seconds
        told = [f"{len(keys) - len(pending)} of {len(keys)}"]
        if known:
            mean = sum(known.values()) / len(known)
            told.append(f"about {clock(sum(known.get(key, mean) for key in pending))} of this round left")
        return ", ".join([*told, f"{clock(max(0.0, self.until - time.monotonic()))} of the budget"])


def rows_of(compared: Comparison, suspects: Sequence[Key], *, whole: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Every row of both stages as far as they are measured, and what makes the run fail."""
    kept, given = compared.kept, compared.given
    measured = [key for key in compared.keys if compared.screens(key) and key not in kept.failures]
    rows = [_row(SCREEN, key, compared.screens(key), 1.0, "look again" if key in suspects else "") for key in measured]
    bad = []
    for key in suspects:
        ratios = kept.of(DECIDE, key)
        if not ratios or key in kept.failures:
            continue
        alpha, count = given.alpha / len(suspects), compared.rounds_of(len(suspects))
        if not compared.may_be_slower(key, len(suspects)):
            early = f", settled by {len(ratios)} of {count} rounds" if len(ratios) < count else ""
            rows.append(_row(DECIDE, key, ratios, 1.0 if early else alpha, f"not beyond noise{early}"))
        elif len(ratios) < count:
            rows.append(_row(DECIDE, key, ratios, 1.0, f"open after {len(ratios)} of {count} rounds"))
        else:
            rows.append(_row(DECIDE, key, ratios, alpha, "REGRESSION"))
            bad.append(str(key))
    for key, (at_base, here, together) in kept.failures.items():
        told = f"fails here: {here}" if here else f"fails at the base alone: {at_base}"
        if not at_base and not here:
            told = f"failed once, not again: {together}"
        # A benchmark that both sides refuse, or the base alone, is no regression; it is named and counted.
        verdict = told if at_base else "BROKEN"
        rows.append({"stage": "failed", "benchmark": str(key), "verdict": verdict})
        bad += [f"{key}: {told}"] if verdict == "BROKEN" else []
    rows += [{"stage": "left out", "benchmark": str(k), "verdict": why} for k, why in kept.too_long.items()]
    if not whole:
        never = [k for k in compared.keys if k not in measured and k not in kept.failures and k not in kept.too_long]
        rows += [{"stage": "not reached", "benchmark": str(key), "verdict": "not measured"} for key in never]
    return rows, bad


def _row(stage: str, key: Key, ratios: list[float], alpha: float, verdict: str) -> dict[str, Any]:
    """Beside an alpha of 1 stands the range: a few rounds, or as many as happened to settle it, have no interval."""
    found = paired_verdict.median_interval(ratios, alpha)
    least, most = (min(ratios), max(ratios)) if alpha == 1.0 else (found.low, found.high)
    shown = {"ratio": f"{found.middle:.4g}", "low": f"{least:.4g}", "high": f"{most:.4g}", "rounds": len(ratios)}
    level = "least … largest" if alpha == 1.0 else f"{found.level:.5f}"
    return {"stage": stage, "benchmark": str(key), **shown, "level": level, "verdict": verdict}


def main(given_arguments: Sequence[str] | None = None) -> int:
    start = time.monotonic()
    given = _given(given_arguments)
    root = given.root.resolve()
    suspects: list[Key] = []
    stopped = ""
    with worktree(root, given.base) as base:
        sides = (base, working_tree(root))
        settings = {k: v for k, v in vars(given).items() if k not in ("base", "root", "output", "minutes", "anew")}
        kept = Kept(root / ".asv" / "compared" / f"{identity(sides, settings)}.jsonl")
        if given.anew:
            kept.forget()
            kept = Kept(kept.path)
        compared = Comparison(sides, root / "benchmarks", given, kept, start + 60 * given.minutes)
        try:
            suspects = compared.suspects()
            if suspects:
                compared.decide(suspects)
        except (OutOfTime, KeyboardInterrupt) as error:
            stopped = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{given.minutes:g} minutes are over"
    rows, bad = rows_of(compared, suspects, whole=not stopped)
    for row in rows:
        ratio = f"{row['ratio']:>7} ({row['low']} … {row['high']})" if "ratio" in row else ""
        say(f"{row['stage']:11} {row['benchmark']:70} {ratio:30} {row['verdict']}")
    if given.output:
        from benchmarks.origin import origin

        told = {"base": sides[0].name, "new": sides[1].name, "machine": origin()["machine"]}
        write_rows(given.output, FIELDS, [row | told for row in rows])
    share = f"{100 * given.threshold:g} % slower, with confidence {100 * (1 - given.alpha):g} % for all together"
    say(f"{len(bad)} regressions (at least {share})" + "".join(f"\n  {name}" for name in bad))
    if kept.too_long:
        say(f"{len(kept.too_long)} left out, of which one call takes more than {given.longest:g} s: raise --longest")
    if not stopped:
        kept.forget()
        return 1 if bad else 0
    reached = len(compared.keys) - sum(row["stage"] == "not reached" for row in rows)
    say(
        f"NOT FINISHED, {stopped}: {reached} of {len(compared.keys)} benchmarks were reached, "
        f"{len(kept)} ratios are kept, and the same command goes on there; --minutes gives it more time"
    )
    return 1 if bad else 3


def _given(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", help="the commit to compare with")
    parser.add_argument("--bench", default="", help="a regular expression of benchmarks; default all")
    parser.add_argument("--rounds", type=int, default=3, help="of screening: the first of every benchmark")
    parser.add_argument("--confirm", type=int, default=12, help="fresh rounds that decide on a suspect, at least")
    parser.add_argument("--threshold", type=float, default=0.05, help="a slowdown that counts, as a share")
    parser.add_argument("--alpha", type=float, default=0.05, help="chance that equal commits fail the run")
    parser.add_argument("--seed", type=int, default=0, help="of the orders that are drawn")
    parser.add_argument("--minutes", type=float, default=20.0, help="after which it stops; the next run goes on")
    parser.add_argument("--longest", type=float, default=10.0, help="CPU seconds that one call may take at the base")
    parser.add_argument("--anew", action="store_true", help="forget what a run that was stopped has measured")
    parser.add_argument("--output", type=Path, help="write every row to this CSV file")
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the checkout that is compared; default here")
    given = parser.parse_args(arguments)
    if given.rounds < 1 or given.confirm < 1 or not 0 < given.alpha < 1 or given.threshold < 0:
        parser.error("--rounds and --confirm are at least 1, --alpha lies in (0, 1), --threshold is not negative")
    if not given.minutes > 0 or not given.longest > 0:
        parser.error("--minutes and --longest are more than 0")
    return given


if __name__ == "__main__":
    sys.exit(main())
