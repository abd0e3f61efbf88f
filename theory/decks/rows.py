"""The systems and statements of the five decks, in slide order, each with what covers it or why nothing does."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from theory.sources import DECKS, Deck
from theory.uncheckable import UNCHECKABLE

KINDS = ("system", "statement", "table", "remark")
#: A row names exactly one of these.
FATES = ("covered_by", "excluded", "uncheckable")
#: The file beside the decks that is not one.
_CATALOGUE = "catalogue.toml"


@dataclass(frozen=True)
class Row:
    """One system, statement, table or remark of a slide, in this project's words.

    `covered_by` names members of the registries as "kind:name". Where it is empty, `excluded` is
    the reason and `uncheckable` the record in `theory.uncheckable` that the reason comes from, if any.
    """

    slide: str
    kind: str
    says: str
    covered_by: tuple[str, ...] = ()
    excluded: str = ""
    uncheckable: str = ""


@dataclass(frozen=True)
class Contents:
    """A deck and its rows."""

    deck: Deck
    rows: tuple[Row, ...]


def contents() -> tuple[Contents, ...]:
    """The contents of every deck, in the order of `theory.sources.DECKS`.

    Raises ValueError if a file is not as `parse` wants it, or a deck has no file or two.
    """
    folder = files("theory.decks")
    read = [
        parse(file.read_text("utf-8"), file.name)
        for file in folder.iterdir()
        if file.name.endswith(".toml") and file.name != _CATALOGUE
    ]
    order = {deck: [found for found in read if found.deck == deck] for deck in DECKS}
    for deck, found in order.items():
        if len(found) != 1:
            raise ValueError(f"the deck {deck.short!r} has {len(found)} files in theory/decks; it needs one")
    return tuple(found for deck in DECKS for found in order[deck])


def parse(text: str, name: str) -> Contents:
    """The contents in `text`, a TOML file called `name`: `deck`, a deck's short name, and `slides`, each with `rows`.

    A row is {kind = "what it says", fate}, with one of `KINDS` and one of `FATES`. Raises ValueError
    naming the file, the slide and the row that is blank, doubled or of an unknown form.
    """
    table = tomllib.loads(text)
    decks = {deck.short: deck for deck in DECKS}
    if table.get("deck") not in decks:
        raise ValueError(f"{name}: deck {table.get('deck')!r} is none of {', '.join(map(repr, decks))}")
    rows = tuple(
        _row(entry, slide["title"], f"{name}, slide {slide['title']!r}, row {number}")
        for slide in table["slides"]
        for number, entry in enumerate(slide["rows"], start=1)
    )
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.slide, row.says) in seen:
            raise ValueError(f"{name}, slide {row.slide!r}: {row.says!r} stands there twice; remove one")
        seen.add((row.slide, row.says))
    return Contents(decks[table["deck"]], rows)


def _row(entry: dict[str, Any], slide: str, where: str) -> Row:
    kinds = [key for key in entry if key in KINDS]
    fates = [key for key in entry if key in FATES and entry[key]]
    unknown = sorted(set(entry) - set(KINDS) - set(FATES))
    if unknown:
        raise ValueError(f"{where}: unknown key {unknown[0]!r}; known: {', '.join(KINDS + FATES)}")
    if len(kinds) != 1 or not str(entry[kinds[0]]).strip():
        raise ValueError(f"{where}: say what it is by one of {', '.join(KINDS)}")
    if len(fates) != 1:
        raise ValueError(
            f"{where}: {entry[kinds[0]]!r} has {' and '.join(fates) or 'neither cover nor exclusion'}; "
            f"give it one of {', '.join(FATES)}"
        )
    says, fate = entry[kinds[0]], entry[fates[0]]
    if fates[0] == "covered_by":
        return Row(slide, kinds[0], says, covered_by=tuple(fate))
    if fates[0] == "excluded":
        return Row(slide, kinds[0], says, excluded=fate)
    reasons = {record.name: record.reason for record in UNCHECKABLE}
    if fate not in reasons:
        raise ValueError(f"{where}: no record {fate!r} in theory.uncheckable; known: {', '.join(reasons)}")
    return Row(slide, kinds[0], says, excluded=reasons[fate], uncheckable=fate)
