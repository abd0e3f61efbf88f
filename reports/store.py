"""The store: records in a journal that is the truth, found through an index that can be made again."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from reports import journal
from reports.durable import replace_file
from reports.index import Index, saved_lines
from reports.journal import Damage, Journal, StoreDamaged, StoreError, StoreNewer, StoreNotWritten
from reports.lock import CoordinatorLock, LockHeld, LockLost
from reports.record import Record, Status, dump_cell

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Damage",
    "LockHeld",
    "LockLost",
    "Store",
    "StoreDamaged",
    "StoreError",
    "StoreNewer",
    "StoreNotWritten",
    "output_folder",
]

#: Columns of a frame before and after those of the cells' parameters.
_BEFORE = ("experiment", "size")
_AFTER = ("seed", "metric", "value", "stderr", "low", "high", "unit", "status", "detail", "seconds")


def output_folder(output: str | Path | None = None) -> Path:
    """Where results lie: the argument, else $IMPLICITBENCH_OUTPUT, else `results` in the working directory."""
    return Path(output or os.environ.get("IMPLICITBENCH_OUTPUT") or "results").expanduser()


class Store:
    """The records in an output folder; a context manager.

    A reader takes no lock and writes nothing. The one writer (`write=True`) holds the coordinator's
    lock until `close`, and repairs: bad bytes are moved to `journal.damaged-<offset>`, lines that the
    index still has are put back, and a line that is lost leaves a note in its place. `damage` tells
    what was found, and each is issued as a StoreDamaged warning.

    Raises StoreError where there is nothing to read, StoreNewer, and for a writer LockHeld.
    """

    def __init__(self, output: str | Path | None = None, *, write: bool = False):
        self.path = output_folder(output)
        self._journal_path = self.path / "journal.jsonl"
        self._index_path = self.path / "index.sqlite"
        self._journal: Journal | None = None
        self._lock: CoordinatorLock | None = None
        try:
            if write:
                self.path.mkdir(parents=True, exist_ok=True)
                self._lock = CoordinatorLock(self.path / "coordinator.lock")
                self._sweep()
            lines, self.damage = self._read()
            self._index = Index(lines, self._index_path)
            if write:
                self._journal = Journal(self._journal_path, len(lines))
                if self._index.stale:
                    self._index.save(self._index_path)
        except BaseException as error:
            if self._lock:
                self._lock.close()
            if write and isinstance(error, OSError) and not isinstance(error, StoreError):
                raise journal.not_written(error, self.path, "no store can be opened here") from error
            raise
        for damage in self.damage:
            warnings.warn(f"{self._journal_path}: {damage}", StoreDamaged, stacklevel=2)

    def append(self, records: Sequence[Record]) -> bool:
        """Records one run of one cell; it is on the disk when this returns.

        A cell whose key has a final record is not recorded again: False is returned. A cell that
        failed before is, and its new line takes the old one's place in the tables. Raises StoreError
        for a reader, StoreNotWritten, LockLost, and ValueError for records of several cells.
        """
        body = dump_cell(records)
        if self.has(records[0].cell):
            return False
        self._write("cell", body)
        return True

    def plan(self, experiment: str, size: str, keys: Sequence[str]) -> None:
        """Records which cells make up the experiment at this size, unless the newest plan says the same."""
        if self._index.plan(experiment, size) != list(keys):
            self._write("plan", json.dumps({"experiment": experiment, "size": size, "cells": list(keys)}))

    def planned(self, experiment: str, size: str) -> list[str]:
        """The keys of the newest plan of the experiment at this size, in its order; none without a plan."""
        return self._index.plan(experiment, size) or []

    def has(self, key: str) -> bool:
        """True when the cell with this key was measured, and its newest line has only final statuses."""
        return self._index.final(key)

    def expected_seconds(self, experiment: str, size: str) -> dict[str, float]:
        """Seconds that cells took before, under any key, by `reports.index.same_cell`."""
        return self._index.seconds(experiment, size)

    def records(
        self,
        experiment: str | None = None,
        *,
        metric: str | None = None,
        size: str | None = None,
        status: Status | str | None = None,
        history: bool = False,
    ) -> list[Record]:
        """The records that match, those that tables show unless `history` asks for all that was ever recorded.

        Current are, for each experiment and size, the newest line of each cell of its newest plan, in
        the plan's order; without a plan, the newest line of each (params, seed), in the order in which
        they were first recorded. A line counts as a whole: all metrics of a cell come from one run of
        it. With `history`, the order is the journal's.
        """
        numbers = (self._index.all_cells if history else self._index.current)(experiment, size)
        return [
            record
            for record in self._index.records(numbers)
            if metric in (None, record.metric) and status in (None, record.status)
        ]

    def frame(
        self,
        experiment: str | None = None,
        *,
        metric: str | None = None,
        size: str | None = None,
        status: Status | str | None = None,
        history: bool = False,
    ) -> pd.DataFrame:
        """`records` as a table, one row a record, with a column for each parameter of the cells."""
        import pandas as pd

        found = self.records(experiment, metric=metric, size=size, status=status, history=history)
        params = list(dict.fromkeys(name for record in found for name in record.params))
        rows = [
            [getattr(r, name) for name in _BEFORE]
            + [r.params.get(name) for name in params]
            + [str(v) if isinstance(v := getattr(r, name), Status) else v for name in _AFTER]
            + [r.commit, r.machine.get("fingerprint", ""), r.created, r.cell]
            for r in found
        ]
        frame = pd.DataFrame(rows, columns=[*_BEFORE, *params, *_AFTER, "commit", "machine", "created", "cell"])
        return frame.astype(dict.fromkeys(("value", "stderr", "low", "high", "seconds"), float))

    def close(self) -> None:
        """Saves the index and releases the lock; a reader just forgets what it read."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
            self._index.save(self._index_path)
        self._index.close()
        if self._lock is not None:
            self._lock.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _write(self, kind: str, body: str) -> None:
        if self._journal is None or self._lock is None:
            raise StoreError(f"{self.path}: opened for reading; open it with Store(output, write=True)")
        self._index.add(self._journal.append(kind, body, still_ours=self._lock.check))

    def _sweep(self) -> None:
        """Removes what a process left that was killed while it wrote a file beside its place."""
        for name in (self._journal_path.name, self._index_path.name):
            for left in self.path.glob(f".{name}.*"):
                left.unlink()

    def _read(self) -> tuple[dict[int, journal.Line], tuple[Damage, ...]]:
        # The index first: the journal then holds all that the index does, even while a coordinator closes.
        known = saved_lines(self._index_path)
        write, path = self._lock is not None, self._journal_path
        if not path.exists() and not known:
            if not write:
                raise StoreError(f"{path}: not there; `implicitbench run` makes it, or choose a folder with --output")
            replace_file(path, journal.header_line().to_bytes())
        data = path.read_bytes() if path.exists() else b""
        found = journal.scan(data, known, growing=not write)
        journal.check_version(path, found.lines)
        if not (write and found.damages):
            return found.lines, found.damages
        damages = tuple(journal.keep_aside(path, data, damage) for damage in found.damages)
        return journal.rewrite(path, found.lines, damages), damages
