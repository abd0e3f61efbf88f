"""A comparison of two samples as text: a row a divergence, each with its error."""

from __future__ import annotations

import pandas as pd

from reports.tables import rows_of
from reports.tables.numerals import missing, significant, with_error


def as_text(frame: pd.DataFrame) -> str:
    """`estimators.compare`'s frame as aligned columns; what failed says why."""
    lines = [("divergence", "value", "unit", "method")]
    for row in rows_of(frame):
        value = with_error(row.value, row.stderr, digits=6)
        if missing(row.stderr) and not missing(row.low):
            low, high = significant(row.low, 6), significant(row.high, 6)
            # A certificate that is tighter than the digits shown adds nothing to them.
            value += "" if low == high else f" [{low}, {high}]"
        told = row.method if row.status == "ok" else f"{row.status}: {row.detail}"
        lines.append((row.divergence, value, "" if missing(row.unit) else row.unit, told or ""))
    widths = [max(len(line[i]) for line in lines) for i in range(3)]
    return "\n".join(
        "  ".join([*(text.ljust(width) for text, width in zip(line, widths, strict=False)), line[3]]).rstrip()
        for line in lines
    )
