"""A comparison of two samples: a row a divergence, each with its error and its interval."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.tables import Column, Table, rows_of
from reports.tables.numerals import NONE, missing, significant, with_error

_SIGNS = {"lower": "≥ ", "upper": "≤ "}


def _value(row: Any) -> str:
    if missing(row.value):
        return NONE
    return _SIGNS.get(str(getattr(row, "bound", "")), "") + with_error(row.value, row.stderr, digits=6)


def _interval(row: Any) -> str:
    if missing(row.low) or missing(row.high):
        return NONE
    low, high = significant(row.low, 6), significant(row.high, 6)
    # A certificate that is tighter than the digits shown adds nothing to them.
    return NONE if low == high else f"{low} – {high}"


def _method(row: Any) -> str:
    if row.status != "ok":
        return f"{row.status}: {row.detail}"
    return NONE if missing(row.method) or not row.method else str(row.method)


#: `estimators.compare`'s frame as people read it; it comes from two samples, and not from a store.
comparison = Table(
    name="comparison",
    title="Divergences and scores",
    about="The value ± one standard error where sampling has one, and the interval: of 95 % where something is "
    "sampled, certified where nothing is.",
    experiment="",
    make=lambda store, size: pd.DataFrame(),  # noqa: ARG005
    columns=(
        Column("Divergence", lambda row: row.divergence, "divergence"),
        Column("Value", _value, "value", True, "± one standard error"),
        Column("Interval", _interval, "low", True),
        Column("Unit", lambda row: NONE if missing(row.unit) or not row.unit else row.unit, "unit"),
        Column("Method", _method, "method"),
    ),
)


def as_text(frame: pd.DataFrame) -> str:
    """`estimators.compare`'s frame as aligned columns; what failed says why."""
    lines = [[column.heading.lower() for column in comparison.columns]]
    lines += [[column.text(row) for column in comparison.columns] for row in rows_of(frame)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(comparison.columns))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
