"""Stores carried elsewhere: a Parquet file of every record, and one store merged into another."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from knn.registry import install
from reports.index import same_cell
from reports.journal import StoreError
from reports.record import Record
from reports.store import Store, output_folder
from reports.unread import readable

#: What a measurement found, apart from when, where and how fast: two runs of one cell agree on these.
_FOUND = ("metric", "value", "unit", "stderr", "low", "high", "status", "detail", "payload", "data")


@dataclass(frozen=True)
class Conflict:
    """A cell that both stores have, with other numbers: what was kept, and what was left."""

    experiment: str
    cell: str
    params: dict[str, Any]
    seed: int
    metrics: tuple[str, ...]

    def __str__(self) -> str:
        told = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.experiment} ({told}, seed {self.seed}), cell {self.cell[:12]}: {', '.join(self.metrics)} differ"


@dataclass(frozen=True)
class Merged:
    """How many cells were `added`, how many were there alike (`known`), and which `conflicts` were left alone."""

    added: int
    known: int
    conflicts: tuple[Conflict, ...]


def export_parquet(path: str | Path, output: str | Path | None = None) -> int:
    """Writes every record that the store ever held to a Parquet file, one row each; returns how many.

    The columns are those of `Store.frame`, parameters as JSON, and `record`, the whole record as exact JSON, from which
    `merge` has it again to the last bit; `checksum`, the 128-bit BLAKE2b of a row's place, the number of rows and
    `record`, by which `merge` refuses a damaged file. Raises StoreError where there is nothing to read, ImportError
    without pyarrow.
    """
    import pandas as pd

    _needs_pyarrow(f"writing {path}")
    with Store(output) as store:
        records = store.records(history=True)
    plain = ("experiment", "size", "seed", "metric", "value", "stderr", "low", "high", "unit", "detail", "seconds")
    rows = [
        {name: getattr(r, name) for name in plain}
        | {"status": str(r.status), "params": json.dumps(dict(r.params)), "commit": r.commit, "created": r.created}
        | {"machine": str(r.machine.get("fingerprint", "")), "cell": r.cell, "record": r.to_json()}
        for r in records
    ]
    for number, row in enumerate(rows):
        row["checksum"] = _checksum(number, len(rows), row["record"])
    columns = [*plain, "status", "params", "commit", "created", "machine", "cell", "record", "checksum"]
    frame = pd.DataFrame(rows, columns=columns)
    frame = frame.astype(dict.fromkeys(("value", "stderr", "low", "high", "seconds"), float))
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        frame.to_parquet(beside, index=False)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return len(rows)


def merge(source: str | Path, output: str | Path | None = None) -> Merged:
    """Adds to the store in `output` the cells of `source`, a results folder or an exported Parquet file.

    A cell that is here alike is not added again, however often it is merged. One that is here with other numbers is
    left as it is, and is a conflict. A failed run is added unless a final one is here. Of a plan the cells are added
    whose parameters and seed no cell of this store's plan has. Raises StoreError where `source` has no results, is
    damaged or is the store itself, LockHeld while a run writes here.
    """
    runs, plans = _source(Path(source))
    if Path(source).is_dir() and Path(source).resolve() == output_folder(output).resolve():
        raise StoreError(f"{source}: this is the store itself; name another with --output")
    added = known = 0
    conflicts: dict[str, Conflict] = {}
    with Store(output, write=True) as store:
        here = {_text(run) for run in _runs(store.records(history=True))}
        final = {run[0].cell: run for run in _runs(store.records(history=True)) if store.has(run[0].cell)}
        for run in runs:
            mine = final.get(run[0].cell)
            if _text(run) in here:
                known += 1
            elif mine is None:
                added += store.append(run)
                here.add(_text(run))
                if store.has(run[0].cell):
                    final[run[0].cell] = run
            elif not all(record.status.final for record in run):
                known += 1
            elif differing := _differing(mine, run):
                first = run[0]
                conflicts[first.cell] = Conflict(
                    first.experiment, first.cell, dict(first.params), first.seed, differing
                )  # fmt: skip
            else:
                known += 1
        for (experiment, size), keys in plans.items():
            store.plan(experiment, size, _planned(store, runs, experiment, size, keys))
    return Merged(added, known, tuple(conflicts.values()))


def _source(path: Path) -> tuple[list[list[Record]], dict[tuple[str, str], list[str]]]:
    if path.is_dir() or not path.suffix:
        with Store(path) as store:
            records = store.records(history=True)
            pairs = dict.fromkeys((record.experiment, record.size) for record in records)
            plans = {pair: store.planned(*pair) for pair in pairs}
    else:
        records = _exported(path)
        plans = {}
        for record in records:
            plans.setdefault((record.experiment, record.size), []).append(record.cell)
    return list(_runs(records)), {pair: list(dict.fromkeys(keys)) for pair, keys in plans.items()}


def _exported(path: Path) -> list[Record]:
    """The records of an exported file, each held to its checksum before any of them is believed."""
    import pandas as pd

    _needs_pyarrow(f"reading {path}")
    with readable(str(path)):
        if path.exists() and not path.is_file():  # a pipe keeps who opens it waiting
            raise StoreError(f"{path} is no regular file: give a folder of results, or a file that export wrote")
        with path.open("rb") as file:
            file.read(1)
    try:
        frame = pd.read_parquet(path, columns=["record", "checksum"])
        rows = list(zip(frame["record"], frame["checksum"], strict=True))
        bad = [i for i, (text, checksum) in enumerate(rows) if _checksum(i, len(rows), text) != checksum]
        records = [] if bad else [Record.from_json(text) for text, _ in rows]
    except Exception as error:  # of damaged bytes the reader may raise anything
        why = " ".join(f"{type(error).__name__}: {error}".split())
        raise StoreError(f"{path}: no whole file of `implicitbench export` ({why}); export it again") from error
    if bad:
        raise StoreError(
            f"{path}: row {bad[0]} and {len(bad)} of {len(rows)} in all do not match their checksums: the file is "
            "damaged or was changed; export it again"
        )
    if not rows:
        raise StoreError(f"{path}: it holds no record; export it again")
    return records


def _checksum(number: int, total: int, record: str) -> str:
    # Place and number of rows are told too, so that a row that is gone is noticed.
    return hashlib.blake2b(f"{number}/{total} {record}".encode(), digest_size=16).hexdigest()


def _runs(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The records of one run of one cell at a time, as the journal's lines have them."""
    for _, run in groupby(records, key=lambda record: (record.cell, record.created, record.seconds)):
        yield list(run)


def _text(run: list[Record]) -> str:
    return "\n".join(record.to_json() for record in run)


def _differing(mine: list[Record], theirs: list[Record]) -> tuple[str, ...]:
    """The metrics on which two runs of one cell disagree, or that one of them lacks."""
    found = [{record.metric: _found(record) for record in run} for run in (mine, theirs)]
    return tuple(sorted(name for name in found[0].keys() | found[1].keys() if found[0].get(name) != found[1].get(name)))


def _found(record: Record) -> str:
    told = json.loads(record.to_json())
    return json.dumps([told[name] for name in _FOUND])


def _planned(store: Store, runs: list[list[Record]], experiment: str, size: str, keys: list[str]) -> list[str]:
    """This store's plan, and those of `keys` whose parameters and seed it has not."""
    mine = store.planned(experiment, size)
    cells = {record.cell: same_cell(record.params, record.seed) for record in store.records(history=True)}
    cells |= {run[0].cell: same_cell(run[0].params, run[0].seed) for run in runs}
    there = {cells[key] for key in mine if key in cells}
    return [*mine, *(key for key in keys if key in cells and cells[key] not in there and key not in mine)]


def _needs_pyarrow(what: str) -> None:
    try:
        import pyarrow  # noqa: F401 - only whether it is there
    except ImportError:
        raise ImportError(f"{what} needs pyarrow: {install('parquet')}") from None
