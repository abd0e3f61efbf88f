"""Whether a fault that no test found changes any result: `python -m benchmarks.fault_effects TABLE`.

Each survivor of `benchmarks.planted_faults` is planted again, alone, at the table's commit; the claims that its module
serves are verified with all mutants, at the ordinary and at the larger sizes, and everything that they find, outcomes,
evidence and resolution, is compared, to the digits of `theory.recorded`, with what they find without it. A column
`effect` tells the first trial that differs, or that none of them does; one that is red where it was green comes first,
and is a kill by `verify`. A fault of a module that serves no claim, or with which a run did not end, keeps no effect,
and counts as one that changes a result; so does one of `knn` or `estimators` that no claim feels.

With `--since COMMIT` a survivor that is not shown to have no effect is planted alone into that commit too, where its
line still stands, and faced by its tests and claims; a column `killed since by` names the one that is red. A row with a
`remark` is left as it is found: what a reader knows of a survivor, and what would catch it, or `no effect: …`, why not.
Beside the table its summary goes on: the shares of the faults that change a result, killed then and killed by now.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.faults import Fault, draw
from benchmarks.planted_faults import COLUMNS, PACKAGES, Scratch, read, unpack
from theory.recorded import same

#: What of a trial depends on the machine's load.
TIMED = ("seconds",)
SIZES: dict[str, list[str]] = {"ordinary": ["--mutants", "all"], "larger": ["--deep"]}
NOTHING, RED, NO_EFFECT = "none", "verify is red", "no effect"
ADDED = ("effect", "killed since by", "remark")


@dataclass
class Effects:
    """What the claims find in a scratch copy, with a fault and without."""

    scratch: Scratch
    limit: float
    _clean: dict[tuple[str, ...], Any] = field(default_factory=dict)

    def of(self, fault: Fault) -> str:
        """The first difference, or `none: …` with how much was compared, or "" where that could tell nothing."""
        claims = sorted(set(self.scratch._claims(self.scratch.graph.module_of(fault.file))))
        if not claims:
            return ""
        path = self.scratch.root / fault.file
        source, compared = path.read_text(encoding="utf-8"), 0
        for size, options in SIZES.items():
            asked = (*claims, *options)
            if asked not in self._clean:
                self._clean[asked] = self.found(asked)
            try:
                path.write_text(fault.planted(source), encoding="utf-8")
                faulty = self.found(asked)
            finally:
                path.write_text(source, encoding="utf-8")
            clean = self._clean[asked]
            if not clean or faulty is None:
                return ""
            differing = [name for name in {**clean, **faulty} if not same(clean.get(name), faulty.get(name))]
            for name in sorted(differing, key=lambda name: faulty.get(name, {}).get("passed", True)):
                changed = "" if faulty.get(name, {}).get("passed", True) else f"{RED}, "
                return f"{changed}{size} sizes: {name}: {_short(clean.get(name))} becomes {_short(faulty.get(name))}"
            compared += len(clean)
        if not fault.file.startswith("theory/"):
            return ""  # claims run only a part of what the other packages are asked
        return f"{NOTHING}: {compared} outcomes, evidence and resolutions of {', '.join(claims)} are the same"

    def found(self, asked: Sequence[str]) -> dict[str, Any] | None:
        """What each trial found, by its name; nothing if the run broke; None if it did not end, which tells nothing."""
        command = [sys.executable, "-c", "from reports.cli import main; main()", "verify", "--json", *asked]
        try:
            done = subprocess.run(
                command, cwd=self.scratch.root, env={**self.scratch._environment(), "PYTHONHASHSEED": "0"},
                capture_output=True, text=True, encoding="utf-8", timeout=self.limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None
        if not done.stdout.lstrip().startswith("["):
            return {}
        return {
            f"{report['id']}, {what}": told
            for report in json.loads(done.stdout)
            for what, told in [
                ("resolution", report["resolution"]),
                *(
                    (f"{r['kind']} {r['name']}", {k: v for k, v in r.items() if k not in TIMED})
                    for r in report["results"]
                ),
            ]
        }


def _short(told: Any) -> str:
    if not isinstance(told, dict):
        return repr(told)
    return json.dumps(told.get("evidence", told), ensure_ascii=False)[:160]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("table", type=Path)
    parser.add_argument("--output", type=Path, help="default: the table itself")
    parser.add_argument("--since", metavar="COMMIT", help="whose tests face what survived")
    parser.add_argument("--limit", type=float, default=300, metavar="SECONDS", help="of one verification")
    asked = parser.parse_args(arguments)
    stated = json.loads(asked.table.with_suffix(".json").read_text(encoding="utf-8"))
    output = asked.output or asked.table
    rows, known = read(asked.table), {row["number"]: row for row in read(output)}
    with tempfile.TemporaryDirectory(prefix="fault-effects-") as folder:
        then, since = Path(folder, "then"), Path(folder, "since")
        unpack(stated["commit"], then)
        effects, later = Effects(Scratch(then), asked.limit), None
        if asked.since:
            unpack(asked.since, since)
            later = Scratch(since)
        faults = draw(then, PACKAGES, stated["count"], stated["seed"])
        for row in rows:
            row |= {name: known.get(row["number"], {}).get(name, "") for name in ADDED}
        for row in rows:
            if row["outcome"] not in ("survived", "unfinished") or row["remark"]:
                continue
            fault = faults[int(row["number"])]
            if not row["effect"] and not row["killed since by"]:
                row["effect"] = effects.of(fault)
            if later and not row["effect"].startswith((NOTHING, RED)) and not row["killed since by"]:
                now = moved(fault, then, since)
                outcome, by = later.judge(now) if now else ("its line is gone", "")
                row["killed since by"] = by if outcome in ("killed", "timed out") else ""
            told = row["killed since by"] and f"; killed since by {row['killed since by']}"
            sys.stdout.write(f"{row['number']} {row['file']}:{row['line']} {row['effect']}{told}\n")
            sys.stdout.flush()
            write(output, rows)
    write(output, rows)
    told = json.dumps(stated | shares(rows), indent=1)
    output.with_suffix(".json").write_text(f"{told}\n", encoding="utf-8", newline="\n")


def shares(rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Of the faults that change a result, how many the tests and claims of then found, and how many those of now."""
    killed = [row for row in rows if row["outcome"] in ("killed", "timed out")]
    left = [row for row in rows if row["outcome"] in ("survived", "unfinished")]
    shown = [row for row in left if row["effect"].startswith(NOTHING) or row["remark"].startswith(NO_EFFECT)]
    with_effect = [row for row in left if row not in shown]
    larger = [row for row in with_effect if row["effect"].startswith(RED)]
    since = [row for row in with_effect if row["killed since by"] and row not in larger]
    changing = len(killed) + len(with_effect)
    found = len(killed) + len(larger) + len(since)
    return {
        "change a result": changing,
        "shown to change none": len(rows) - changing,
        "killed then": len(killed),
        "killed by the larger sizes of verify": len(larger),
        "killed since": len(since),
        "not killed": [int(row["number"]) for row in with_effect if row not in (*larger, *since)],
        "share killed then": round((len(killed) + len(larger)) / changing, 4),
        "share killed by now": round(found / changing, 4),
    }


def moved(fault: Fault, then: Path, since: Path) -> Fault | None:
    """The fault at its place in later sources: None unless the lines that it touches stand there, once."""
    if not (since / fault.file).exists():
        return None
    before, after = (Path(root, fault.file).read_bytes() for root in (then, since))
    first, end = before.rfind(b"\n", 0, fault.start) + 1, before.find(b"\n", fault.end)
    lines = before[first:end]
    if after.count(b"\n" + lines + b"\n") != 1:
        return None
    start = after.find(b"\n" + lines + b"\n") + 1
    line = after.count(b"\n", 0, start) + fault.line - before.count(b"\n", 0, first)
    return replace(fault, line=line, start=start + fault.start - first, end=start + fault.end - first)


def write(output: Path, rows: Sequence[dict[str, str]]) -> None:
    """The table with all its columns, put in place at once."""
    columns = [*COLUMNS, *ADDED]
    half = output.with_suffix(".part")  # a reader never sees half a table
    with half.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    half.replace(output)


if __name__ == "__main__":
    main()
