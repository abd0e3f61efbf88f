"""reports/published/: which check refuted which mutant, and that fresh root seeds change no verdict.

`python -m reports.kill_matrix` verifies every claim with its hand-written mutants, then with the automatic ones too,
then with root seeds drawn from the system, and writes

* `kill-matrix.csv`: claim, kind, name, expected and found outcome of every trial, and why a change is ill-formed;
* `verify.json`: counts, automatic mutants that are equivalent with the reason, each claim's resolution and evidence,
  seconds, versions, commit and machine;
* `root-seeds.csv`: a row a root seed. A seed is drawn once and its row is written whatever it says.

With `--deep` the larger sizes run into `kill-matrix-deep.csv` and `verify-deep.json`, and no further seeds are drawn.
"""

from __future__ import annotations

import argparse
import csv
import json
import secrets
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from reports.provenance import commit, machine, versions
from theory.slots import ALPHA_TOTAL, BETA
from theory.trial import ILL_FORMED, Result
from theory.verify import ClaimReport, selected, unverified, verify_claim

FOLDER = Path("reports", "published")
MATRIX = ("claim", "kind", "name", "expected", "outcome", "reason")
#: Why a change leaves no formula, by what Python says of it; the first that fits.
REASONS = (
    ("cannot be interpreted as an integer", "a count that is no whole number"),
    ("division by zero", "no instance where the check itself divides by 0"),
    ("incompatible shapes", "matrices whose shapes do not fit"),
    ("IndexError", "a subscript out of range"),
    ("indices must be integers", "a value in place of a subscript"),
    ("", "a thing of another kind in its place: a function, a law, a sequence, a bare number"),
)
SEEDS = ("root_seed", "claims", "verified", "trials", "as_expected", "seconds", "complaints")


def matrix(found: Iterable[ClaimReport]) -> Iterator[tuple[str, ...]]:
    """A row for each trial, in the order in which they ran; see `MATRIX`."""
    for report in found:
        for result in report.results:
            yield result.claim, result.kind, result.name, result.expected, result.outcome, reason(result)


def reason(result: Result) -> str:
    """Why an automatic change is ill-formed, with the error that says so; "" for every other trial."""
    if result.outcome != ILL_FORMED:
        return ""
    error = str(result.evidence["error"])
    return f"{next(words for part, words in REASONS if part in error)}: {error}"


def summary(found: Sequence[ClaimReport]) -> dict[str, Any]:
    """What `found`, verified with all mutants, adds up to. `share_equivalent`: of the well-formed automatic mutants."""
    ran = [result for report in found for result in report.results if result.outcome != ILL_FORMED]
    kinds = Counter(result.kind for result in ran)
    passed = Counter(result.kind for result in ran if result.passed)
    equivalents = {report.id: report.equivalents for report in found if report.equivalents}
    equivalent = sum(map(len, equivalents.values()))
    return {
        "claims": len(found),
        "verified": sum(report.verified for report in found),
        "trials": {kind: {"run": count, "as_expected": passed[kind]} for kind, count in sorted(kinds.items())},
        "ill_formed": sum(len(report.results) for report in found) - len(ran),
        "equivalent": equivalent,
        "share_equivalent": equivalent / max(1, equivalent + kinds["automatic"]),
        "equivalents": equivalents,
        "unverified": unverified(found),
        "false_alarm_at_most": ALPHA_TOTAL,
        "mutant_missed_at_most": BETA,
        "by_claim": {
            report.id: {
                "method": report.method,
                "verdict": report.verdict,
                "outcome": report.outcome,
                "resolution": report.resolution.epsilon,
                "seconds": round(report.seconds, 2),
                "evidence": report.evidence,
            }
            for report in found
        },
    }


def seed_row(root_seed: int, found: Sequence[ClaimReport], seconds: float) -> tuple[Any, ...]:
    """The row of one root seed; see `SEEDS`."""
    trials = [result for report in found for result in report.results]
    complaints = "; ".join(unverified(found))
    verified = sum(report.verified for report in found)
    passed = sum(result.passed for result in trials)
    return root_seed, len(found), verified, len(trials), passed, round(seconds, 1), complaints


@contextmanager
def _timed(into: dict[str, Any], name: str) -> Iterator[None]:
    wall, processor = time.perf_counter(), time.process_time()
    yield
    into[name] = {
        "wall": round(time.perf_counter() - wall, 1),
        "processor": round(time.process_time() - processor, 1),
    }


def _verified(names: Sequence[str], **options: Any) -> list[ClaimReport]:
    found = []
    for claim in selected(*names):
        found.append(verify_claim(claim, **options))
        if not found[-1].verified:
            typer.echo("\n".join(found[-1].complaints), err=True)
    return found


def _write(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the files; returns 1 if some claim was not verified, which they then say, else 0."""
    parser = argparse.ArgumentParser(prog="python -m reports.kill_matrix", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="ID|TOPIC", help="default: every claim")
    parser.add_argument("--output", type=Path, default=FOLDER)
    parser.add_argument("--deep", action="store_true", help="the larger sizes, without further root seeds")
    parser.add_argument("--root-seeds", type=int, default=10, metavar="N", help="how many are drawn; default 10")
    asked = parser.parse_args(arguments)
    asked.output.mkdir(parents=True, exist_ok=True)
    suffix = "-deep" if asked.deep else ""
    ran_at = commit()  # before the files that are written make it another
    seconds: dict[str, Any] = {}
    with _timed(seconds, "hand"):
        default = _verified(asked.names, deep=asked.deep)
    typer.echo(f"hand-written mutants: {seconds['hand']['wall']} s", err=True)
    with _timed(seconds, "all"):
        found = _verified(asked.names, deep=asked.deep, mutants="all")
    typer.echo(f"all mutants: {seconds['all']['wall']} s", err=True)
    _write(asked.output / f"kill-matrix{suffix}.csv", MATRIX, matrix(found))
    told = {
        "deep": asked.deep,
        "root_seed": 0,
        **summary(found),
        "seconds": seconds,
        "commit": ran_at,
        "versions": versions(),
        "machine": machine(),
    }
    text = json.dumps(told, ensure_ascii=False, indent=1)
    (asked.output / f"verify{suffix}.json").write_text(f"{text}\n", encoding="utf-8", newline="\n")
    ok = all(report.verified for report in [*default, *found])
    rows = []
    for _ in range(0 if asked.deep else asked.root_seeds):
        root_seed, started = secrets.randbits(32), time.perf_counter()
        of_seed = _verified(asked.names, root_seed=root_seed, resolution_budget=0)
        rows.append(seed_row(root_seed, of_seed, time.perf_counter() - started))
        _write(asked.output / "root-seeds.csv", SEEDS, rows)
        ok = ok and all(report.verified for report in of_seed)
        typer.echo(f"root seed {root_seed}: {rows[-1][2]} of {rows[-1][1]} verified", err=True)
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
