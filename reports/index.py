"""The SQLite index of a journal: made from it, never more than it, and checked whole before it is believed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reports.durable import replace_file
from reports.journal import Line, verify_line
from reports.record import Record, dump, load_cell

_SCHEMA = """
CREATE TABLE lines (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL, text TEXT NOT NULL);
CREATE TABLE plans (line INTEGER PRIMARY KEY, experiment TEXT NOT NULL, size TEXT NOT NULL);
CREATE TABLE cells (line INTEGER PRIMARY KEY, experiment TEXT NOT NULL, size TEXT NOT NULL, key TEXT NOT NULL,
                    same TEXT NOT NULL, final INTEGER NOT NULL);
CREATE INDEX cells_by_key ON cells (key, line);
CREATE TABLE records (line INTEGER NOT NULL, position INTEGER NOT NULL, experiment TEXT NOT NULL, size TEXT NOT NULL,
                      params TEXT NOT NULL, seed INTEGER NOT NULL, metric TEXT NOT NULL, value REAL, stderr REAL,
                      low REAL, high REAL, unit TEXT NOT NULL, status TEXT NOT NULL, detail TEXT NOT NULL,
                      seconds REAL NOT NULL, "commit" TEXT NOT NULL, created TEXT NOT NULL, key TEXT NOT NULL,
                      PRIMARY KEY (line, position)) WITHOUT ROWID;
"""


class Index:
    """A journal's lines in memory, ready for questions; `save` leaves a copy on the disk.

    The copy and its SHA-256 (`index.sqlite`, `index.sqlite.sha256`) are believed together or not at
    all, since a flipped bit in a database can hide a row. The table `records` is for people with an
    SQLite shell (NaN and infinities are NULL there); the exact records are in `lines`.
    """

    def __init__(self, lines: Mapping[int, Line], saved: Path | None = None):
        self._db = (_load_sealed(saved, lines) if saved else None) or _empty()
        (last,) = self._db.execute("SELECT coalesce(max(number), -1) FROM lines").fetchone()
        new = [line for number, line in lines.items() if number > last]
        #: True when the saved copy, if there is one, is not the whole journal's.
        self.stale = bool(new)
        with self._db:
            for line in new:
                self._insert(line)

    def add(self, line: Line) -> None:
        with self._db:
            self._insert(line)

    def final(self, key: str) -> bool:
        """True when the newest line of the cell with this key has only final statuses."""
        row = self._db.execute("SELECT final FROM cells WHERE key = ? ORDER BY line DESC LIMIT 1", (key,)).fetchone()
        return bool(row and row[0])

    def plan(self, experiment: str, size: str) -> list[str] | None:
        """The keys of the newest plan, in its order; None without one."""
        row = self._db.execute(
            "SELECT text FROM plans JOIN lines ON line = number WHERE experiment = ? AND size = ? ORDER BY line DESC",
            (experiment, size),
        ).fetchone()
        return json.loads(row[0].split(" ", 2)[2])["cells"] if row else None

    def seconds(self, experiment: str, size: str) -> dict[str, float]:
        """How long each cell took when it was last measured, by what makes it the same cell under a new key."""
        return dict(
            self._db.execute(
                "SELECT same, seconds FROM cells JOIN records USING (line) "
                "WHERE cells.experiment = ? AND cells.size = ? AND position = 0 ORDER BY line",
                (experiment, size),
            )
        )

    def current(self, experiment: str | None, size: str | None) -> list[int]:
        """The numbers of the lines that tables show, in their order (`Store.records` defines both)."""
        chosen: list[int] = []
        for name, at in self._db.execute("SELECT DISTINCT experiment, size FROM cells ORDER BY experiment, size"):
            if experiment in (None, name) and size in (None, at):
                plan = self.plan(name, at)
                by = "same" if plan is None else "key"
                rows = self._db.execute(
                    f"SELECT {by}, max(line) FROM cells WHERE experiment = ? AND size = ? "
                    f"GROUP BY {by} ORDER BY min(line)",
                    (name, at),
                )
                newest = dict(rows)
                chosen += newest.values() if plan is None else [newest[key] for key in plan if key in newest]
        return chosen

    def all_cells(self, experiment: str | None, size: str | None) -> list[int]:
        """The numbers of all lines of cells, in the order in which they were recorded."""
        rows = self._db.execute("SELECT line, experiment, size FROM cells ORDER BY line")
        return [line for line, name, at in rows if experiment in (None, name) and size in (None, at)]

    def records(self, numbers: Iterable[int]) -> Iterator[Record]:
        for number in numbers:
            (text,) = self._db.execute("SELECT text FROM lines WHERE number = ?", (number,)).fetchone()
            yield from load_cell(text.split(" ", 2)[2])

    def save(self, path: Path) -> None:
        """Puts a copy at `path`, then its checksum beside it. An index that cannot be written is made again later."""
        content = self._db.serialize()
        with contextlib.suppress(OSError):
            replace_file(path, content)
            replace_file(_seal(path), _seal_of(path, content))

    def close(self) -> None:
        self._db.close()

    def _insert(self, line: Line) -> None:
        self._db.execute("INSERT INTO lines VALUES (?, ?, ?)", (line.number, line.checksum, line.text))
        if line.kind == "plan":
            plan = json.loads(line.body)
            self._db.execute("INSERT INTO plans VALUES (?, ?, ?)", (line.number, plan["experiment"], plan["size"]))
        elif line.kind == "cell":
            records = load_cell(line.body)
            first, final = records[0], all(record.status.final for record in records)
            cell = (line.number, first.experiment, first.size, first.cell, same_cell(first.params, first.seed), final)
            self._db.execute("INSERT INTO cells VALUES (?, ?, ?, ?, ?, ?)", cell)
            rows = (_row(line.number, position, record) for position, record in enumerate(records))
            self._db.executemany(f"INSERT INTO records VALUES ({', '.join('?' * 18)})", rows)


def same_cell(params: Mapping[str, object], seed: int) -> str:
    """What stays of a cell's identity within its experiment and size when its sources change."""
    return dump([params, seed])


def saved_lines(path: Path) -> dict[int, Line]:
    """Every line of a saved index that verifies, whatever else is wrong with the file: a second copy of the journal."""
    found: dict[int, Line] = {}
    with contextlib.suppress(OSError, sqlite3.Error, UnicodeDecodeError, MemoryError):
        content = path.read_bytes()
        db = _deserialize(content)
        with contextlib.closing(db):
            # A damaged row may claim to be a gigabyte; SQLite would set it aside before it looks.
            db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, len(content))
            for checksum, text in db.execute("SELECT checksum, text FROM lines ORDER BY number"):
                line = verify_line(checksum, text) if isinstance(checksum, str) and isinstance(text, str) else None
                if line is not None:
                    found[line.number] = line
    return found


def _row(number: int, position: int, record: Record) -> tuple[object, ...]:
    numbers = [
        x if x is not None and math.isfinite(x) else None
        for x in (record.value, record.stderr, record.low, record.high)
    ]
    what = (number, position, record.experiment, record.size, dump(record.params), record.seed, record.metric)
    how = (record.unit, str(record.status), record.detail, record.seconds, record.commit, record.created, record.cell)
    return (*what, *numbers, *how)


def _load_sealed(path: Path, lines: Mapping[int, Line]) -> sqlite3.Connection | None:
    """The saved index, if it is as it was saved and every line of it is one of the journal's."""
    try:
        content = path.read_bytes()
        if _seal(path).read_bytes() != _seal_of(path, content):
            return None
        db = _deserialize(content)
        for number, checksum in db.execute("SELECT number, checksum FROM lines"):
            if number not in lines or lines[number].checksum != checksum:
                return None
    except (OSError, sqlite3.Error):
        return None
    return db


def _empty() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.executescript(_SCHEMA)
    return db


def _deserialize(content: bytes) -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", check_same_thread=False)
    db.deserialize(content)
    return db


def _seal(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _seal_of(path: Path, content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode()
