"""A comparison of two samples: a row a divergence, each with its error and its interval."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from estimators.printed import enclosed
from reports.tables import Column, Table, rows_of
from reports.tables.numerals import NONE, missing, significant, with_error

_SIGNS = {"lower": "≥ ", "upper": "≤ "}


def _value(row: Any) -> str:
    if missing(row.value):
        return NONE
    error = None if _of(row) == "95 % of directions" else row.stderr
    return _SIGNS.get(str(getattr(row, "bound", "")), "") + with_error(row.value, error, digits=6)


def _of(row: Any) -> str:
    """What an interval is of; nothing where there is none."""
    told = getattr(row, "interval", None)
    return "" if missing(told) else str(told)


def _interval(row: Any) -> str:
    if missing(row.low) or missing(row.high):
        return NONE
    low, high = significant(row.low, 6), significant(row.high, 6)
    told = f"{low} – {high}" if low != high else low
    return f"{told} ({_of(row)})" if _of(row) else told


def _proved(row: Any) -> str:
    """The certificate: of what was computed, never of the laws behind it."""
    if missing(getattr(row, "lower", None)) or missing(row.upper):
        return NONE
    told = enclosed(row.value, row.lower, row.upper) if math.isfinite(row.value) else None
    return "the digits shown" if told is None else f"{told[1]} – {told[2]}".replace("-", "−")


def _method(row: Any) -> str:
    if row.status != "ok":
        return f"{row.status}: {row.detail}"
    return NONE if missing(row.method) or not row.method else str(row.method)


#: `estimators.compare`'s frame as people read it; it comes from two samples, and not from a store.
comparison = Table(
    name="comparison",
    title="Divergences and scores",
    about="The value ± one standard error of sampling, where it is known; the interval and what it is of, samples or "
    "random directions; and what is proved of the number computed between the two things given, which says nothing of "
    "the laws behind samples.",
    experiment="",
    make=lambda store, size: pd.DataFrame(),  # noqa: ARG005
    columns=(
        Column("Divergence", lambda row: row.divergence, "divergence"),
        Column("Value", _value, "value", True, "± one standard error"),
        Column("Interval", _interval, "low", True),
        Column("Proved of these two", _proved, "lower", True),
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
