"""Which cell of which record each quoted number is: `python -m tests.pinned_numbers` writes pinned_numbers.csv anew.

A number that is short is found somewhere in almost any record, so that looking for it proves little. Therefore each is
pinned to one cell, whose value it must be at the printed precision; what names a row, and settings, are no cells. The
command keeps the pins that still hold, and what was said to be of no record. It pins what is new to the cell whose row
and column share most words with the sentence around the number, and prints these, and by how much they were preferred,
for a person to look at: it knows what a number may be, not what the sentence says.

When records were measured anew, `python -m tests.pinned_numbers --refill` writes into the pages what the cells of the
pins hold now, at the digits that were printed. What a sentence says of the numbers is for a person to read again.
"""

import csv
import json
import math
import re
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tests import quoted_numbers

PINS = Path(__file__).with_suffix(".csv")
COLUMNS = ("page", "section", "number", "record", "row", "column")
#: Where, when and by what a row was measured: nobody quotes these as what was measured.
_PROVENANCE = {"commit", "machine", "versions", "date", "cells"}
#: What was set and not measured, beside all that tells rows apart.
_SETTINGS = {
    "lr", "width", "steps", "seeds", "seed", "rows", "columns", "modes_of", "on_edge", "components", "latent", "layers",
    "most_seconds", "looks", "target",
}  # fmt: skip
#: Texts of which each number is a cell; those of others are names.
_NOTES = {"note", "notes", "detail", "papers"}
_MEASURED = re.compile(quoted_numbers.RECORDED.pattern + "(?: (?:µs|ms|s|MB|GB))?")
_WORD = re.compile(r"[a-zα-ω]{3,}|\d{2,}")


class Cell(NamedTuple):
    """A number of a record: the row by its first cells (or the keys on the way to it), the column, the value.

    Of a text that holds several numbers each is a cell: "note", "note#2", …
    """

    row: str
    column: str
    value: float


class Pin(NamedTuple):
    """A number as it is printed, and its cell; `record` is empty where no record holds it."""

    number: str
    record: str
    row: str
    column: str


@cache
def cells(name):
    """Every number of a published record."""
    if quoted_numbers.TOO_RICH.fullmatch(name) or not (path := quoted_numbers.PUBLISHED / name).is_file():
        return ()
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_of_rows(list(csv.DictReader(file))))
    return tuple(_of_json(json.loads(path.read_text(encoding="utf-8")), ()))


def _of_rows(rows):
    columns = [column for column in rows[0] if column not in _PROVENANCE] if rows else []
    names, width = [], 0
    while len(set(names)) < len(rows) and width < len(columns):  # as many cells as tell the rows apart
        width += 1
        names = ["; ".join(row[column] for column in columns[:width]) for row in rows]
    for name, row in zip(names, rows, strict=True):
        for column in columns[width:]:
            yield from _numbered(name, column, row[column])


def _of_json(value, path):
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            if key not in _PROVENANCE:
                yield from _of_json(part, (*path, str(key)))
    elif value is not None and not isinstance(value, bool):
        yield from _numbered("; ".join(path[:-1]), path[-1], str(value))


def _numbered(row, column, text):
    text = text.replace("\u202f", "")
    if column not in _SETTINGS and (column in _NOTES or _MEASURED.fullmatch(text)):
        for count, number in enumerate(quoted_numbers.RECORDED.findall(text), start=1):
            yield Cell(row, column if count == 1 else f"{column}#{count}", float(number))


@cache
def _values(name):
    return {(cell.row, cell.column): cell.value for cell in cells(name)}


def holds(number, pin, value=None):
    """Whether the pinned cell is the number, or `value`, at the digits that are printed."""
    found = _values(pin.record).get((pin.row, pin.column))
    return pin.record in number.records and found is not None and number.rounds(found, value)


def read():
    """The pins by (page, section), in the order in which the numbers stand there."""
    with PINS.open(encoding="utf-8", newline="") as file:
        pins = defaultdict(list)
        for row in csv.DictReader(file):
            pins[row["page"], row["section"]].append(Pin(*(row[column] for column in COLUMNS[2:])))
    return dict(pins)


def chosen(number, before):
    """The pin for a number, and by how much it was preferred: of the cells that it may be, the one whose row and column
    the text around it names.

    The row of the number `before` is likely this one's too; and shares are recorded as such, so that a percentage is
    seldom a cell as it stands. Of equals, by which the second is preferred by 0, the first is taken.
    """
    may_be = [(name, cell) for name in number.records for cell in cells(name) if number.rounds(cell.value)]
    if not may_be:
        return Pin(number.text, "", "", ""), math.inf
    around, sentence = _words(f"{number.section} {number.context}"), _words(number.sentence)
    rows = {cell.row for name in number.records for cell in cells(name)}
    seldom = Counter(word for row in rows for word in _words(row))

    def likely(choice):
        name, cell = choice
        points = sum((1 + (word in around)) / math.log(2 + seldom[word]) for word in _words(cell.row) & sentence)
        share = abs(100 * abs(cell.value) - number.value) <= 0.51 * number.last
        points += len(_words(cell.column) & (around | sentence)) + (before[1:3] == (name, cell.row))
        return points - 3 * (number.unit == "%" and not share)

    first, *others = sorted(may_be, key=likely, reverse=True)
    name, cell = first
    return Pin(number.text, name, cell.row, cell.column), likely(first) - max(map(likely, others), default=-math.inf)


def _words(text):
    return set(_WORD.findall(text.lower().replace("\u202f", "").replace("\u00a0", "")))


def refilled(page, text, pins):
    """The text of a page with each number that its cell no longer is written anew, and what was changed.

    `pins` are those of the page, by section; a record's percentage, or seconds printed as milliseconds, stay such.
    """
    written, last, changed = [], 0, []
    for number in quoted_numbers.quoted(page, text):
        if not pins.get((number.page, number.section)):
            raise ValueError(
                f"{number.page}, {number.section}: {number.text} is not pinned; pin it first, without --refill"
            )
        pin = pins[number.page, number.section].pop(0)
        value = _values(pin.record).get((pin.row, pin.column)) if pin.record else None
        if pin.record and value is None:
            raise KeyError(
                f"{number.page}: {pin.record} has no cell {pin.row} | {pin.column} for {number.text}; pin it anew"
            )
        if value is None or number.rounds(value):
            continue
        shown = number.as_printed(value)
        written += [text[last : number.at], shown]
        last = number.at + len(number.text)
        changed.append(f"{number.page}, {number.section}: {number.text} is {shown} in “{number.context}”")
    return "".join(written) + text[last:], changed


def refill():
    """Writes the pages and the pins with what the records hold now, and prints what was changed."""
    pins = read()
    for page in quoted_numbers.PAGES:
        text, changed = refilled(page, page.read_text(encoding="utf-8"), {k: list(v) for k, v in pins.items()})
        page.write_text(text, encoding="utf-8", newline="\n")
        for number in quoted_numbers.quoted(page):
            place = number.page, number.section
            pins[place] = [*pins[place][1:], pins[place][0]._replace(number=number.text)]
        sys.stdout.write("".join(f"{line}\n" for line in changed))
    _write([dict(zip(COLUMNS, (*place, *pin), strict=True)) for place, of_one in pins.items() for pin in of_one])


def _write(table):
    with PINS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def main():
    kept = defaultdict(list, read() if PINS.is_file() else {})
    table, pin = [], Pin("", "", "", "")
    for number in quoted_numbers.of():
        place = (number.page, number.section)
        still = (p for p in kept[place] if p.number == number.text and (not p.record or holds(number, p)))
        before, pin = pin, next(still, None)
        if pin:
            kept[place].remove(pin)
        else:
            pin, margin = chosen(number, before)
            where = f"{pin.record}: {pin.row} | {pin.column}" if pin.record else "no record"
            told = f", by {margin:.2g} before the next" + " — A TIE" * (margin <= 0) if margin < math.inf else ""
            sys.stdout.write(f"{number.page}, {number.section}: {number.text} in “{number.context}” is {where}{told}\n")
        table.append(dict(zip(COLUMNS, (*place, *pin), strict=True)))
    _write(table)
    pinned = sum(bool(row["record"]) for row in table)
    sys.stdout.write(f"{pinned} numbers are pinned to a cell, {len(table) - pinned} are of no record\n")


if __name__ == "__main__":
    refill() if sys.argv[1:] == ["--refill"] else main()
