"""HTML from Python: elements whose text is always escaped, and tables from the registered ones."""

from __future__ import annotations

from html import escape
from typing import Any

import pandas as pd

from reports.tables import Column, Table, rows_of

_VOID = frozenset({"br", "hr", "input", "meta"})


class Html(str):
    """Text that is markup already and is not escaped again."""

    __slots__ = ()


def tag(_name: str, *content: object, **attributes: object) -> Html:
    """`<name attributes>content</name>`: strings are escaped, `Html` is not, None and False attributes are left out.

    A trailing underscore is dropped from an attribute's name, others become hyphens: `class_`, `aria_label`.
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if _name in _VOID:
        return Html(f"<{_name}{written}>")
    return Html(f"<{_name}{written}>{join(*content)}</{_name}>")


def join(*content: object) -> Html:
    """The pieces one after another, strings escaped, lists and tuples flattened, None left out."""
    parts: list[str] = []
    for piece in content:
        if isinstance(piece, Html):
            parts.append(piece)
        elif isinstance(piece, list | tuple):
            parts.append(join(*piece))
        elif piece is not None:
            parts.append(escape(str(piece), quote=False))
    return Html("".join(parts))


def badge(text: str, kind: str) -> Html:
    """A word with a colour and a sign, so that colour is never all that tells: kind is good, bad, mixed or plain."""
    sign = {"good": "✓", "bad": "✗", "mixed": "!", "plain": ""}[kind]
    return tag("span", tag("span", sign, aria_hidden="true") if sign else None, text, class_=f"badge {kind}")


def data_table(table: Table, frame: pd.DataFrame, *, cells: dict[str, Any] | None = None, stub: int = 1) -> Html:
    """`frame` as the table's columns show it, sortable and filterable where scripts run.

    `cells` maps a column's key to a function of the row that gives markup in place of the text;
    the first `stub` columns head their rows. Rows without a result are marked by their status.
    """
    special = cells or {}
    head = tag("tr", [_heading(column) for column in table.columns])
    body = [
        tag(
            "tr",
            [_cell(column, row, special, place < stub) for place, column in enumerate(table.columns)],
            class_=_row_class(row),
            title=_origin(row),
        )
        for row in rows_of(frame)
    ]
    caption = tag("caption", table.title, class_="quiet")
    inner = tag("table", caption, tag("thead", head), tag("tbody", body), class_="data", id=f"table-{table.name}")
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=table.title)


def _heading(column: Column) -> Html:
    return tag(
        "th",
        column.heading,
        scope="col",
        class_="number" if column.numeric else None,
        title=column.about or None,
    )


def _cell(column: Column, row: Any, special: dict[str, Any], stub: bool) -> Html:
    shown = special[column.key](row) if column.key in special else column.text(row)
    value = getattr(row, column.key)
    key = f"{value:.17g}" if column.numeric and isinstance(value, int | float) else None
    return tag(
        "th" if stub else "td",
        shown,
        scope="row" if stub else None,
        class_="number" if column.numeric else None,
        data_key=key,
    )


def _row_class(row: Any) -> str | None:
    return None if getattr(row, "status", "ok") == "ok" else f"without {row.status.replace(' ', '-')}"


def _origin(row: Any) -> str | None:
    """Where the row's numbers come from, for the pointer."""
    known = {
        "cell": str(getattr(row, "cell", ""))[:12],
        "cells": getattr(row, "cells", ""),
        "seed": getattr(row, "seed", None),
        "commit": str(getattr(row, "commit", ""))[:12],
        "machine": getattr(row, "machine", ""),
    }
    return " · ".join(f"{name} {value}" for name, value in known.items() if value not in ("", None)) or None
