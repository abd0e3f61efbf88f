"""What a CUDA device does, on one table: `python -m benchmarks.gpu [row …] [--output gpu.csv] [--again] [--table]`.

First the tests that need a device run; what they say is kept beside the table (gpu-tests.txt). Then each row, in a try
of its own and a process that is watched (benchmarks/gpu_watch.py), each figure written to the file as soon as it is
known, so that nothing that was measured is lost; rows of which the file has all are left alone unless --again is given.
Every answer that is timed is first held to the CPU's, by the definition in float64. Times are of events on the device:
warmed up, the median of many, inputs that rotate, data several times the cache, ours and theirs in turns. The floor of
a row is the larger of its operations at the rate of a measured matrix product, in its own precision, and its bytes at
the measured bandwidth of a copy. A cell that was not measured says so.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.gpu_watch import LOST, tested, watched
from benchmarks.ratio_table import say

FIELDS = (
    "row", "what", "status", "ours_ms", "theirs_ms", "ratio", "ratio_least", "ratio_most", "value", "unit",
    "gigaflop", "gigabytes", "share_of_floor", "device", "versions", "date",
)  # fmt: skip
PUBLISHED = Path("reports/published/gpu.csv")
MISSING = "not measured"
#: Seconds that the turns of a figure may take, of which three are measured in any case.
PATIENCE = 20.0
#: The order in which rows are run, what matters most first; others follow.
ORDER = (
    "device", "exact", "exact-mnist", "energy", "principal-mnist", "imle", "mmd", "parzen", "crossover", "exact-others",
    "exact-k", "tiles", "principal", "tree", "dci-mnist", "prioritized-10000", "prioritized-100000", "tree-shapes",
    "dci", "prioritized-1000000", "rivals",
)  # fmt: skip
#: Rates of products, as the file has them and figures.
RATES = {"TFLOP/s": "float32", "TFLOP/s in float64": "float64", "TFLOP/s of halves": "halves"}


class Figure(NamedTuple):
    """One line of the table: milliseconds of each turn; `operations` of a `rate` and `moved` bytes make the floor."""

    what: str
    ours: Any = None
    theirs: Any = None
    value: float | None = None
    unit: str = ""
    operations: float | None = None
    moved: float | None = None
    rate: str = "float32"


class Row(NamedTuple):
    """What is measured together, with the lines that it ought to give, in the order in which rows are run."""

    name: str
    lines: tuple[str, ...]
    measure: Callable[[], Iterable[Figure]]


ROWS: dict[str, Row] = {}


def row(name: str, *lines: str) -> Callable[[Callable[[], Iterable[Figure]]], Callable[[], Iterable[Figure]]]:
    """Enters a function of no arguments that measures `lines`, and yields each as soon as it is known."""

    def enter(measure: Callable[[], Iterable[Figure]]) -> Callable[[], Iterable[Figure]]:
        ROWS[name] = Row(name, lines, measure)
        return measure

    return enter


def milliseconds(calls: list[Callable[[int], Any]], turns: int, warm: int = 3) -> np.ndarray:
    """Milliseconds of events, (turns, calls): in each turn every call once, told the turn for its inputs to rotate.

    Where a turn is so slow that they would outlast `PATIENCE`, there are fewer of them, and one to warm up.
    """
    import torch

    taken, began = np.full((turns, len(calls)), np.nan), time.perf_counter()
    for turn in range(warm):
        for call in calls:
            call(turn)
        torch.cuda.synchronize()
        if time.perf_counter() - began > PATIENCE / 4:
            break
    began = time.perf_counter()
    for turn in range(turns):
        if turn >= 3 and time.perf_counter() - began > PATIENCE:
            return taken[:turn]
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
            if {figure.rate, "bytes"} <= set(floor) and figure.ours is not None:
                least = max((figure.operations or 0) / floor[figure.rate], (figure.moved or 0) / floor["bytes"])
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
    own = path.with_name(f"{path.name}.{os.getpid()}")
    with own.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    own.replace(path)


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
    """What the row "device" has measured: bytes a second of a copy, flops a second of each product."""
    found = {line["unit"]: float(line["value"]) for line in lines if line["row"] == "device" and line["value"]}
    names = RATES | {"TB/s": "bytes"}
    return {names[unit]: value * 1e12 for unit, value in found.items() if unit in names}


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
    names = [*(name for name in ORDER if name in ROWS), *(name for name in ROWS if name not in ORDER)]
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(names)} (all)")
    parser.add_argument("--output", type=Path, default=PUBLISHED)
    parser.add_argument("--again", action="store_true", help="measure what the file has as well")
    parser.add_argument("--table", action="store_true", help="print the file's table and measure nothing")
    parser.add_argument("--no-tests", action="store_true", help="the tests that need a device have passed already")
    parser.add_argument(
        "--done", type=Path, help="measure in this process, and write there which rows it is through with"
    )
    chosen = parser.parse_args(arguments)
    if unknown := [name for name in chosen.rows if name not in ROWS]:
        parser.error(f"no row is called {', '.join(unknown)}: give some of {', '.join(names)}")
    wanted = chosen.rows or names
    if chosen.done:
        measure(wanted, chosen.output, chosen.done)
        return
    if not chosen.table:
        from numba import cuda

        if not cuda.is_available():
            raise SystemExit("no CUDA device answers: nothing is measured; --table prints what the file has")
        watch(wanted, chosen)
    say(table(read(chosen.output)))


def watch(wanted: list[str], chosen: argparse.Namespace) -> None:
    """Runs the tests, and then the rows, in a process that is started anew where it does not end well."""
    output: Path = chosen.output
    output.parent.mkdir(parents=True, exist_ok=True)
    if not chosen.no_tests:
        passed, told = tested(output.with_name("gpu-tests.txt"))
        figure = Figure("tests that need a device, all passed", value=float(passed), unit=told)
        keep(output, as_lines("tests", [figure], known(), {}))
    if not chosen.again:
        has = {(line["row"], line["what"]) for line in read(output) if line["status"] == "measured"}
        wanted = [name for name in wanted if not all((name, what) in has for what in ROWS[name].lines)]
    done = output.with_suffix(".done")

    def command(names: list[str]) -> list[str]:
        return [sys.executable, "-m", "benchmarks.gpu", "--output", str(output), "--done", str(done), *names]

    def failed(name: str, why: str) -> None:
        say(f"{name}: {why}")
        keep(output, blanks(name, why, read(output)))

    watched(wanted, command, done, output, failed)


def known() -> dict[str, str]:
    """What every line tells; before anything is measured."""
    from benchmarks.gpu_rows import device_name, versions

    date = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"device": device_name(), "versions": versions(), "date": date}


def measure(names: list[str], output: Path, done: Path) -> None:
    """Runs the rows here, writing to both files as it goes; exits with LOST where the device answers no more."""
    import torch

    told = known()
    for name in names:
        started, lost = time.perf_counter(), False
        try:
            for figure in ROWS[name].measure():
                keep(output, as_lines(name, [figure], told, the_floor(read(output))))
        except Exception as error:  # one row that fails must not lose the others
            traceback.print_exc()
            why = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
            keep(output, blanks(name, why, read(output)))
            lost = not answers()
        say(f"{name}: {time.perf_counter() - started:.0f} s")
        with done.open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
        if lost:
            raise SystemExit(LOST)
        gc.collect()
        torch.cuda.empty_cache()  # what other libraries allocate finds room


def keep(output: Path, new: list[dict[str, str]]) -> None:
    """Puts lines into the file, each in place of what it has by that name."""
    names = {(line["row"], line["what"]) for line in new}
    write(output, [line for line in read(output) if (line["row"], line["what"]) not in names] + new)


def blanks(name: str, why: str, lines: list[dict[str, str]]) -> list[dict[str, str]]:
    """Lines that say why they were not measured, for those of a row that `lines` has not measured."""
    has = {line["what"] for line in lines if line["row"] == name and line["status"] == "measured"}
    blank = dict.fromkeys(FIELDS, "") | {"row": name, "status": f"{MISSING}: {why}"}
    return [blank | {"what": what} for what in ROWS[name].lines if what not in has]


def answers() -> bool:
    """Whether the device still does, after something failed."""
    from numba import cuda

    try:
        cuda.synchronize()
    except Exception:
        return False
    return True


if __name__ == "__main__":
    # Rows enter themselves in this module, which must be the one that runs.
    from benchmarks.gpu import main as run

    run()
