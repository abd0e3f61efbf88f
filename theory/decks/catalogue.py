"""The catalogue of claims as data: which claims there are to be, and which decks state them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Entry:
    """A claim to be verified: its place in the catalogue, the verdict on its source, its priority.

    `decks` are short names of `theory.sources`; a claim of no deck is the project's own addition.
    """

    claim: str
    entry: str
    verdict: str
    priority: str
    decks: tuple[str, ...]


def catalogue() -> dict[str, Entry]:
    """The entries by claim, in the catalogue's order."""
    table = tomllib.loads(files("theory.decks").joinpath("catalogue.toml").read_text("utf-8"))
    return {
        claim: Entry(claim, row["entry"], row["verdict"], row["priority"], tuple(row["decks"]))
        for claim, row in table.items()
    }
