"""One row a method, manifold and count: the work at few and at many points, and the power of n between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.record import WHOLE_CELL, Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import NONE, count, missing, significant, with_error

EXPERIMENT = "search-growth"
_WORDS = ("search", "counted", "status", "detail")
_FRAME = (
    "ambient", "intrinsic", "search", "counted", "fewest", "work_fewest", "most", "work_most", "exponent",
    "exponent_stderr", "claimed", "status", "detail",
)  # fmt: skip


def search_growth(store: Store, size: str | None = None) -> pd.DataFrame:
    """In the order of ambient and intrinsic dimension; `claimed` is the papers' exponent where they claim one."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in recorded(store, EXPERIMENT, size):
        told = record.payload or {}
        name = told.get("search", "the whole cell" if record.metric == WHOLE_CELL else "")
        key = record.params["ambient"], record.params["intrinsic"], name, told.get("counted", "")
        row = rows.setdefault(key, _empty(key))
        if record.status is not Status.OK:
            row.update(status=str(record.status), detail=record.detail)
        elif record.metric == "exponent":
            row.update(exponent=record.value, exponent_stderr=record.stderr, claimed=told["claimed"])
        else:
            _place(row, record)
    frame = pd.DataFrame(list(rows.values()), columns=list(_FRAME))
    frame = frame.astype({name: float for name in _FRAME if name not in _WORDS})
    order = ["ambient", "intrinsic", "counted", "search"]
    return frame.sort_values(order, ignore_index=True)


def _empty(key: tuple[Any, ...]) -> dict[str, Any]:
    ambient, intrinsic, search, counted = key
    row: dict[str, Any] = dict.fromkeys(_FRAME, np.nan)
    row.update(ambient=ambient, intrinsic=intrinsic, search=search, counted=counted, status=str(Status.OK), detail="")
    return row


def _place(row: dict[str, Any], record: Record) -> None:
    n = float((record.payload or {})["n"])
    if not n >= row["fewest"]:
        row.update(fewest=n, work_fewest=record.value)
    if not n <= row["most"]:
        row.update(most=n, work_most=record.value)


def _work(work: float, n: float) -> str:
    return NONE if missing(work) else f"{significant(work)} of {count(n)}"


tables.register("search-growth")(
    Table(
        name="search-growth",
        title="Growth of the work",
        about="Operations a query at recall 0.9 of the ten nearest, on smooth manifolds: true distances computed, and "
        "entries that the queues of Prioritized DCI pop. The exponent of n is fitted to a few sizes and stands beside "
        "the claimed one, logarithms left out, as an illustration.",
        experiment=EXPERIMENT,
        make=search_growth,
        columns=(
            Column("Dimension", lambda row: f"{row.intrinsic:.0f} in {row.ambient:.0f}", "intrinsic", True),
            Column("Search", lambda row: row.search, "search"),
            Column("Counted", lambda row: row.counted or NONE, "counted"),
            Column("Few points", lambda row: _work(row.work_fewest, row.fewest), "work_fewest", True, "work, points"),
            Column("Many points", lambda row: _work(row.work_most, row.most), "work_most", True, "work, points"),
            Column(
                "Exponent",
                lambda row: with_error(row.exponent, row.exponent_stderr),
                "exponent",
                True,
                "fitted ± stderr of the fit",
            ),
            Column("Claimed", lambda row: significant(row.claimed), "claimed", True, "Li & Malik 2017"),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
