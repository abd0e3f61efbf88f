"""One row a shape and divergence: what it says of a small shift, of a large one, and whether it grows between."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.record import Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import significant

EXPERIMENT = "shifted-measures"
#: Shifts of which the table has the values.
_SHOWN = (0.05, 0.5, 1.0)
_FRAME = ("shape", "divergence", "unit", "near", "middle", "far", "growth", "method", "commit")


def shifted_measures(store: Store, size: str | None = None) -> pd.DataFrame:
    """Values at shifts of 0.05, 0.5 and 1; `growth`, the last over the one before: 1 where the divergence is flat."""
    rows = []
    for record in recorded(store, EXPERIMENT, size):
        if record.status is not Status.OK or not record.payload:
            continue
        curve = dict(zip(record.payload["shift"], record.payload["value"], strict=True))
        near, middle, far = (curve[shift] for shift in _SHOWN)
        rows.append(
            (record.params["shape"], record.metric, record.unit, near, middle, far, far / middle, record.detail,
             record.commit)
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(_FRAME))


def _value(name: str) -> Any:
    return lambda row: significant(getattr(row, name), 4)


tables.register("shifted-measures")(
    Table(
        name="shifted-measures",
        title="Measures moved apart",
        about="P and Q = P moved by 0.05, 0.5 and 1. Growth is from 0.5 to 1: W₁ doubles with the shift and the "
        "Sinkhorn divergence, a squared length, is four times as large; the JSD of parallel lines is "
        "log 2 at any shift but 0, so that its gradient says nothing.",
        experiment=EXPERIMENT,
        make=shifted_measures,
        columns=(
            Column("Shape", lambda row: row.shape, "shape"),
            Column("Divergence", lambda row: row.divergence, "divergence"),
            Column("Unit", lambda row: row.unit, "unit"),
            Column("at 0.05", _value("near"), "near", True),
            Column("at 0.5", _value("middle"), "middle", True),
            Column("at 1", _value("far"), "far", True),
            Column("Growth", _value("growth"), "growth", True, "from 0.5 to 1"),
            Column("Method", lambda row: row.method, "method"),
        ),
    )
)
