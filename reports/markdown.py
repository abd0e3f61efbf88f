"""Markdown of generated pages: words in which no sign is markup, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

#: Code between backticks; a bar inside would end the cell of a table.
_CODE = re.compile(r"(`[^`|]+`)")


def escaped(words: str) -> str:
    """`words` with a backslash before each sign that Markdown or its formulas would take for markup."""
    return re.sub(r"([\\`*_|<>\[\]$~])", r"\\\1", words)


def prose(words: str) -> str:
    """`words` escaped, except that what stands between backticks stays code."""
    parts = _CODE.split(words)
    parts[::2] = map(escaped, parts[::2])
    return "".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; a bar inside a cell must be escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
