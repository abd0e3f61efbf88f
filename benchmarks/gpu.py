"""What a CUDA device does, on one table: `python -m benchmarks.gpu [row …] [--output gpu.csv] [--again] [--table]`.

First the tests that need a device run, and what ptxas says of every kernel is kept beside the table (device-code.csv).
Then each row, in its own try and written to the file as soon as it is known, so that nothing that was measured is lost;
rows that the file has are left alone unless --again is given. Every answer that is timed is first held to the CPU's,
by the definition in float64. Times are of events on the device: warmed up, the median of many, inputs that rotate, data
several times the cache, ours and theirs in turns. The floor of a row is the larger of its operations at the rate of a
measured matrix product and its bytes at the measured bandwidth of a copy. A cell that was not measured says so.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.ratio_table import say

FIELDS = (
    "row", "what", "status", "ours_ms", "theirs_ms", "ratio", "ratio_least", "ratio_most", "value", "unit",
    "gigaflop", "gigabytes", "share_of_floor", "device", "versions", "date",
)  # fmt: skip
PUBLISHED = Path("reports/published/gpu.csv")
MISSING = "not measured"


class Figure(NamedTuple):
    """One line of the table. Times are milliseconds of each turn; `operations` and `moved` bytes make the floor."""

    what: str
    ours: Any = None
    theirs: Any = None
    value: float | None = None
    unit: str = ""
    operations: float | None = None
    moved: float | None = None


class Row(NamedTuple):
    """What is measured together, with the lines that it ought to give, in the order in which rows are run."""

    name: str
    lines: tuple[str, ...]
    measure: Callable[[], list[Figure]]


ROWS: dict[str, Row] = {}


def row(name: str, *lines: str) -> Callable[[Callable[[], list[Figure]]], Callable[[], list[Figure]]]:
    """Enters a function of no arguments that measures `lines`."""

    def enter(measure: Callable[[], list[Figure]]) -> Callable[[], list[Figure]]:
        ROWS[name] = Row(name, lines, measure)
        return measure

    return enter


def milliseconds(calls: list[Callable[[int], Any]], turns: int, warm: int = 3) -> np.ndarray:
    """Milliseconds of events, (turns, calls): in each turn every call once, told the turn for its inputs to rotate."""
    import torch

    for turn in range(warm):
        for call in calls:
            call(turn)
    torch.cuda.synchronize()
    taken = np.empty((turns, len(calls)))
    for turn in range(turns):
        for which, call in enumerate(calls):
            before, after = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            before.record()
            call(turn)
            after.record()
            after.synchronize()
            taken[turn, which] = before.elapsed_time(after)
    return taken


def as_lines(name: str, figures: list[Figure], known: dict[str, str], floor: dict[str, float]) -> list[dict[str, str]]:
    """The lines of a row for the file; `floor` holds flops a second and bytes a second once they are measured."""
    lines = []
    for figure in figures:
        line = dict.fromkeys(FIELDS, "") | known | {"row": name, "what": figure.what, "status": "measured"}
        if figure.ours is not None:
            line["ours_ms"] = f"{np.median(figure.ours):.4g}"
        if figure.theirs is not None:
            ratios = np.asarray(figure.theirs) / np.asarray(figure.ours)
            line["theirs_ms"] = f"{np.median(figure.theirs):.4g}"
            line |= {"ratio": f"{np.median(ratios):.3g}", "ratio_least": f"{ratios.min():.3g}"}
            line["ratio_most"] = f"{ratios.max():.3g}"
        if figure.value is not None:
            line |= {"value": f"{figure.value:.4g}", "unit": figure.unit}
        if figure.operations is not None or figure.moved is not None:
            line |= {
                "gigaflop": f"{(figure.operations or 0) / 1e9:.4g}",
                "gigabytes": f"{(figure.moved or 0) / 1e9:.4g}",
            }
            if {"flops", "bytes"} <= set(floor) and figure.ours is not None:
                least = max((figure.operations or 0) / floor["flops"], (figure.moved or 0) / floor["bytes"])
                line["share_of_floor"] = f"{least / (np.median(figure.ours) / 1e3):.3g}"
        lines.append(line)
    return lines


def read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(path: Path, lines: list[dict[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)


def table(lines: list[dict[str, str]]) -> str:
    """Every line that there ought to be, measured or not, as text."""
    shown = []
    has = {(line["row"], line["what"]): line for line in lines}
    wanted = [(name, what) for name, entry in ROWS.items() for what in entry.lines]
    for key in [*wanted, *(key for key in has if key not in wanted)]:
        line = has.get(key)
        if line is None or line["status"] != "measured":
            cells = [MISSING if line is None else line["status"]]
        else:
            floor = f"{line['share_of_floor']} of the floor" if line["share_of_floor"] else ""
            ratio = f"ratio {line['ratio']} ({line['ratio_least']} … {line['ratio_most']})" if line["ratio"] else ""
            times = [f"{line[f'{who}_ms']} ms" for who in ("ours", "theirs") if line[f"{who}_ms"]]
            value = f"{line['value']} {line['unit']}" if line["value"] else ""
            cells = [cell for cell in (value, " / ".join(times), ratio, floor) if cell]
        shown.append(f"{key[0]:14} {key[1]:66} {'; '.join(cells)}")
    return "\n".join(shown)


def the_floor(lines: list[dict[str, str]]) -> dict[str, float]:
    """What the row "device" has measured: bytes a second of a copy, flops a second of a product."""
    found = {line["unit"]: float(line["value"]) for line in lines if line["row"] == "device" and line["value"]}
    names = {"TB/s": ("bytes", 1e12), "TFLOP/s": ("flops", 1e12)}
    return {names[unit][0]: value * names[unit][1] for unit, value in found.items() if unit in names}


def tested() -> tuple[bool, str]:
    """Runs the tests that need a device; whether all passed, and the last line that pytest said."""
    arguments = ["tests/cuda", "-m", "cuda", "-q", "-p", "no:cacheprovider", "--tb=short"]
    done = subprocess.run([sys.executable, "-m", "pytest", *arguments], capture_output=True, text=True, check=False)
    say(done.stdout[-6000:] + done.stderr[-2000:])
    passed = done.returncode == 0 and " passed" in done.stdout and " skipped" not in done.stdout
    return passed, (done.stdout.strip().splitlines() or ["no output"])[-1]


def main(arguments: list[str] | None = None) -> None:
    from benchmarks import (  # noqa: F401 (they enter rows)
        gpu_candidate_rows,
        gpu_pair_rows,
        gpu_principal_rows,
        gpu_rows,
        gpu_training_rows,
        gpu_tree_rows,
    )

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(ROWS)} (all)")
    parser.add_argument("--output", type=Path, default=PUBLISHED)
    parser.add_argument("--again", action="store_true", help="measure what the file has as well")
    parser.add_argument("--table", action="store_true", help="print the file's table and measure nothing")
    parser.add_argument("--no-tests", action="store_true", help="the tests that need a device have passed already")
    chosen = parser.parse_args(arguments)
    lines = read(chosen.output)
    if not chosen.table:
        from numba import cuda

        if not cuda.is_available():
            raise SystemExit("no CUDA device answers: nothing is measured; --table prints what the file has")
        measure(chosen, lines)
    say(table(lines))


def measure(chosen: argparse.Namespace, lines: list[dict[str, str]]) -> None:
    """Runs the rows, adding to `lines` and to the file as it goes."""
    from benchmarks.gpu_rows import device_name, versions

    known = {"device": device_name(), "versions": versions()}
    known["date"] = datetime.datetime.now(datetime.UTC).date().isoformat()

    def keep(name: str, new: list[dict[str, str]]) -> None:
        lines[:] = [line for line in lines if line["row"] != name] + new
        write(chosen.output, lines)

    if not chosen.no_tests:
        passed, told = tested()
        keep("tests", as_lines("tests", [Figure(f"passed: {passed}; {told}", value=float(passed), unit="")], known, {}))
        code = chosen.output.with_name("device-code.csv")
        subprocess.run([sys.executable, "-m", "benchmarks.device_code", "--output", str(code)], check=False)
    for name in chosen.rows or list(ROWS):
        if not chosen.again and any(line["row"] == name and line["status"] == "measured" for line in lines):
            continue
        started = time.perf_counter()
        try:
            found = as_lines(name, ROWS[name].measure(), known, the_floor(lines))
        except Exception as error:  # one row that fails must not lose the others
            traceback.print_exc()
            told = f"{MISSING}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
            blank = dict.fromkeys(FIELDS, "") | known
            found = [blank | {"row": name, "what": what, "status": told} for what in ROWS[name].lines]
        keep(name, found)
        say(f"{name}: {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    # Rows enter themselves in this module, which must be the one that runs.
    from benchmarks.gpu import main as run

    run()
