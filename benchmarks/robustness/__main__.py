"""`python -m benchmarks.robustness [part …] [--output CSV]`: each figure is counted by doing it.

    kill          kill -9 of a matrix run at random instants              --count 200
    cluster       a Dask worker killed in each run                        --count 20
    damage        truncations and flips of journal, index, saved indexes  --count 1000
    disk          a matrix run on a small tmpfs that fills up             --count 8
    coordinators  two coordinators on one store                           --count 10
    fuzz          malformed files for the readers                         --count 1000000
    overhead      what a cell costs besides itself                        --count 5

`fuzz-hdf5` and its like measure one kind of file alone, with its share of the inputs; with `--folder` one that was
interrupted goes on. Rows replace those of the same part and words in the CSV file. The exit code is 1 if a target was
missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.origin import origin, write_rows
from benchmarks.robustness import damage, files, kills, speed
from benchmarks.robustness.rows import COLUMNS, Row

PARTS: dict[str, tuple[Callable[[Path, int], Iterator[Row]], int]] = {
    "kill": (kills.kill, 200),
    "cluster": (kills.cluster, 20),
    "damage": (damage.damage, 1000),
    "disk": (damage.disk, 8),
    "coordinators": (kills.coordinators, 10),
    "fuzz": (files.fuzz, 1_000_000),
    **{f"fuzz-{kind}": (partial(files.fuzz_kind, kind), int(1e6 * share)) for kind, share in files.SHARES.items()},
    "overhead": (speed.overhead, 5),
}


#: What is measured where no part is named: each kind of file is in `fuzz`.
WHOLE = [name for name in PARTS if not name.startswith("fuzz-")]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="part", default=WHOLE, help=", ".join(PARTS))
    parser.add_argument("--count", type=int, help="how often, instead of each part's own")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--folder", type=Path, help="where fuzzing keeps how far it is, to go on from there")
    given = parser.parse_args(arguments)
    if unknown := set(given.parts) - PARTS.keys():
        parser.error(f"unknown part {', '.join(sorted(unknown))}; known: {', '.join(PARTS)}")
    if given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
    missed = False
    for name in given.parts:
        part, count = PARTS[name]
        with tempfile.TemporaryDirectory() as folder:
            rows = list(part(given.folder or Path(folder), given.count or count))
        for row in rows:
            missed |= not row.met
            sys.stdout.write(f"{row}\n")
            sys.stdout.flush()
        if given.output:
            told = [
                {**vars(row), "value": f"{row.value:g}" if row.value < 1e5 else int(row.value), **origin()}
                for row in rows
            ]
            new = {(row.part, row.what) for row in rows}
            write_rows(given.output, COLUMNS, told, lambda old, new=new: (old["part"], old["what"]) in new)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
