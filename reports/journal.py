"""The journal: an append-only file of numbered, checksummed lines, and what can be said of a damaged one.

    <checksum> <number> <kind> <JSON>

The checksum is the 128-bit BLAKE2b of the rest of the line. Line 0 is the header with the format's
version, and its own format never changes. Other kinds: `cell` (the records of one cell), `plan`
(the cells of one experiment at one size) and `lost` (takes the number of a line that was damaged
and could not be restored). Numbers have no gaps, so a line that is gone is noticed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reports.durable import flush, replace_file

FORMAT = "implicitbench journal"
VERSION = 1
KINDS = ("header", "cell", "plan", "lost")


class StoreError(Exception):
    """The store cannot be used as asked; the message names the file and the remedy."""


class StoreNewer(StoreError):
    """The store was written by a newer version of implicitbench."""


class StoreNotWritten(StoreError, OSError):
    """A line could not be written (disk full, folder moved): it is not recorded, and everything before it is."""


class StoreDamaged(UserWarning):
    """Bytes of the journal do not match their checksums; the message says which, and what was lost."""


@dataclass(frozen=True)
class Line:
    """One verified line; `text` is `<number> <kind> <JSON>` as it was checksummed."""

    number: int
    checksum: str
    text: str

    @property
    def kind(self) -> str:
        return self.text.split(" ", 2)[1]

    @property
    def body(self) -> str:
        return self.text.split(" ", 2)[2]

    def to_bytes(self) -> bytes:
        return f"{self.checksum} {self.text}\n".encode()


@dataclass(frozen=True)
class Damage:
    """`length` bad bytes at `offset`, where the lines `missing` should be; those in `restored` came from the index.

    `kept` is the file that holds the bad bytes, None when there are none or the reader may not write.
    An empty `missing` means the journal's end, where it cannot be known how many lines there were.
    """

    offset: int
    length: int
    missing: tuple[int, ...]
    restored: tuple[int, ...] = ()
    kept: Path | None = None

    @property
    def lost(self) -> tuple[int, ...]:
        """The numbers of the lines that are gone."""
        return tuple(number for number in self.missing if number not in self.restored)

    @property
    def recovered(self) -> bool:
        """True when every line that was there is there again."""
        return bool(self.missing) and not self.lost

    def __str__(self) -> str:
        where = f"{self.length} bytes at offset {self.offset} do not match their checksum"
        if not self.length:
            where = f"lines are gone at offset {self.offset}"
        if not self.missing:
            what = (
                "no earlier line is missing; what they recorded, if it was finished, is measured again by the next run"
            )
        elif not self.lost:
            what = f"nothing is lost: line(s) {_ranges(self.missing)} came back from the index"
        else:
            what = f"line(s) {_ranges(self.lost)} are lost, one cell each; the next run measures them again"
        return f"{where}; {what}" + (f"; the bad bytes are kept in {self.kept.name}" if self.kept else "")


@dataclass(frozen=True)
class Scan:
    """The verified lines of a journal by number, and its damages in order."""

    lines: dict[int, Line]
    damages: tuple[Damage, ...]


def make_line(number: int, kind: str, body: str) -> Line:
    """The line that records `body`, JSON on one line."""
    text = f"{number} {kind} {body}"
    return Line(number, _checksum(text.encode()), text)


def verify_line(checksum: str, text: str) -> Line | None:
    """The line, if `text` has this checksum and begins with a number and a known kind."""
    if _checksum(text.encode("utf-8", "surrogatepass")) != checksum:
        return None
    number, _, rest = text.partition(" ")
    if not (number.isdecimal() and len(number) < 19) or rest.partition(" ")[0] not in KINDS:
        return None
    return Line(int(number), checksum, text)


def scan(data: bytes, known: Mapping[int, Line], *, growing: bool) -> Scan:
    """Verifies every line of a journal's bytes; lines missing from it are taken from `known`, the index's.

    `growing`: a coordinator may be in the middle of an append, so an unfinished last line is no damage.
    """
    pieces = [(len(piece), _parse(piece.removesuffix(b"\n"))) for piece in _split(data)]
    if growing and pieces and pieces[-1][1] is None and not data.endswith(b"\n"):
        pieces.pop()
    lines = {line.number: line for _, line in pieces if line}
    if any(known[number].checksum != line.checksum for number, line in lines.items() if number in known):
        known = {}  # the index of another journal
    damages: list[Damage] = []
    expected = start = offset = 0
    for length, line in [*pieces, (0, None)]:
        at_end = length == 0
        if at_end or (line is not None and line.number >= expected):
            upto = line.number if line else max(known, default=-1) + 1
            missing = tuple(range(expected, upto))
            if missing or start < offset:
                restored = tuple(number for number in missing if number in known)
                lines.update((number, known[number]) for number in restored)
                damages.append(Damage(start, offset - start, missing, restored))
            expected, start = upto + 1, offset + length
        offset += length
    return Scan(dict(sorted(lines.items())), tuple(damages))


def check_version(path: Path, lines: Mapping[int, Line]) -> None:
    """Raises StoreNewer for a header of a newer format, StoreError where nothing shows that it is a journal."""
    if not lines:
        raise StoreError(f"{path}: not one line of it can be read as an implicitbench journal; move it away")
    header = lines.get(0)
    if header is None:
        return  # a damaged header; lines that verify are of this version
    version = json.loads(header.body)["version"]
    if version > VERSION:
        raise StoreNewer(
            f"{path}: format {version}, and this implicitbench reads up to {VERSION}; "
            "upgrade implicitbench, or choose another folder with --output"
        )


def header_line() -> Line:
    """The first line of a journal: which format it is, and of which version."""
    return make_line(0, "header", json.dumps({"format": FORMAT, "version": VERSION}))


def keep_aside(journal: Path, data: bytes, damage: Damage) -> Damage:
    """Writes the damaged bytes to `journal.damaged-<offset>` (a further number where other bytes are kept there)."""
    if not damage.length:
        return damage
    bad = data[damage.offset : damage.offset + damage.length]
    for again in range(1000):
        path = journal.with_name(f"{journal.stem}.damaged-{damage.offset}" + (f"-{again}" if again else ""))
        if not path.exists():
            replace_file(path, bad)
        if path.read_bytes() == bad:
            return replace(damage, kept=path)
    raise StoreError(f"{journal.parent}: too many {journal.stem}.damaged files; move them away")


def rewrite(path: Path, lines: Mapping[int, Line], damages: Iterable[Damage]) -> dict[int, Line]:
    """Replaces the journal by its verified lines; a `lost` line, which tells of the damage, takes each lost number."""
    whole = dict(lines)
    for damage in damages:
        for number in damage.lost:
            told = {"offset": damage.offset, "bytes": damage.length, "kept": damage.kept.name if damage.kept else ""}
            whole[number] = make_line(number, "lost", json.dumps(told)) if number else header_line()
    whole = dict(sorted(whole.items()))
    replace_file(path, b"".join(line.to_bytes() for line in whole.values()))
    return whole


class Journal:
    """Appends to a journal that `scan` found, or `rewrite` made, free of damage; `count` is its number of lines."""

    def __init__(self, path: Path, count: int):
        self.path = path
        self.count = count
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        self._size = os.fstat(self._file).st_size

    def append(self, kind: str, body: str, *, still_ours: Callable[[], None]) -> Line:
        """Writes one line and returns when it is on the disk; `still_ours` raises if the lock was lost.

        Raises StoreNotWritten, having taken back what was written of the line.
        """
        still_ours()
        line = make_line(self.count, kind, body)
        content = line.to_bytes()
        try:
            self._check_in_place()
            self._write(content)
            flush(self._file)
        except BaseException as error:
            # Ctrl-C too must not leave half a line behind.
            os.ftruncate(self._file, self._size)
            if not isinstance(error, OSError):
                raise
            raise not_written(error, self.path, f"{len(content)} bytes could not be added") from error
        self._size += len(content)
        self.count += 1
        return line

    def close(self) -> None:
        os.close(self._file)

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[os.write(self._file, view) :]

    def _check_in_place(self) -> None:
        if not os.path.samestat(self.path.stat(), os.fstat(self._file)):
            raise FileNotFoundError(errno.ENOENT, "another file took its place")


def not_written(error: OSError, path: Path, what: str) -> StoreNotWritten:
    """The error to raise when `what` could not be done to `path`: the reason, and the remedy."""
    remedy = "free some space on its disk and run again"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "make the folder writable, put it back, or choose another with --output, and run again"
    told = f"{what} ({error.strerror or error}); what is recorded before is safe; {remedy}"
    return StoreNotWritten(error.errno, told, str(path))


def _split(data: bytes) -> list[bytes]:
    """The lines with their ends, by b"\\n" alone: `splitlines` splits at a byte that was damaged to b"\\r" too."""
    pieces = data.split(b"\n")
    return [piece + b"\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def _parse(chunk: bytes) -> Line | None:
    checksum, _, text = chunk.partition(b" ")
    try:
        return verify_line(checksum.decode("ascii"), text.decode())
    except UnicodeDecodeError:
        return None


def _checksum(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _ranges(numbers: tuple[int, ...]) -> str:
    """1, 2, 3, 7 as "1–3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in runs)
