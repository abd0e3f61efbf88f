"""What was measured of gradients, cycles and objectives, a row each, beside what theory says."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports.record import Record
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import significant, with_error
from reports.tables.seeds import PROVENANCE, grouped, over_seeds

EXPERIMENT = "gradients"
LOSSES = ("minimax", "non-saturating")
_FRAME = ("part", "setting", "quantity", "value", "value_stderr", "expected", "unit", *PROVENANCE)


def gradients(store: Store, size: str | None = None) -> pd.DataFrame:
    """One row a setting and quantity, means over the seeds; `expected` is NaN where theory gives no number."""
    rows = []
    groups = grouped(recorded(store, EXPERIMENT, size), ("part", "distance", "s", "model"))
    for (part, distance, s, model), records in groups.items():
        setting = (
            f"Δ = {distance:g}" if distance is not None else f"s = {s:g}" if s is not None else str(model or "imle")
        )
        for quantity, some, expected in _quantities(str(part), records):
            row = {"part": part, "setting": setting, "quantity": quantity, "expected": expected}
            row["unit"] = some[0].unit
            rows.append(row | over_seeds(some, {some[0].metric: "value"}))
    return pd.DataFrame(rows, columns=list(_FRAME))


def _quantities(part: str, records: list[Record]) -> list[tuple[str, list[Record], float]]:
    """Name, records and expectation of each row of one setting."""
    by_metric: dict[str, list[Record]] = {}
    for record in records:
        by_metric.setdefault(record.metric, []).append(record)
    if part == "vanishing":
        found = []
        for loss in LOSSES:
            some = by_metric.get(f"{loss} gradient", [])
            last = max((r.payload["step"] for r in some if r.payload), default=0)
            best = by_metric.get(f"{loss} gradient, best discriminator", [])
            expected = float(best[0].value) if best and best[0].value is not None else math.nan
            rows = [r for r in some if r.payload and r.payload["step"] == last]
            if rows:
                found.append((f"{loss} gradient after {last} steps of the critic", rows, expected))
        return found or [("", records, math.nan)]
    if part == "cycling":
        return [
            (metric, some, some[0].payload["expected"] if some[0].payload else math.nan)
            for metric, some in by_metric.items()
        ]
    none = {"outer steps that rose": 0.0}
    return [(metric, some, none.get(metric, math.nan)) for metric, some in by_metric.items()]


def _expected(row: Any) -> str:
    return significant(row.expected, 4)


tables.register("gradients")(
    Table(
        name="gradients",
        title="Gradients, cycles and objectives",
        about="What was measured, ± one standard error over the seeds, and what theory says of it: the gradient at the "
        "best discriminator, by quadrature; the growth of the distance from the stationary point (for alternating "
        "steps only that it is bounded); no rise of IMLE's objective with the latents kept.",
        experiment=EXPERIMENT,
        make=gradients,
        columns=(
            Column("Part", lambda row: row.part, "part"),
            Column("Setting", lambda row: row.setting, "setting"),
            Column("Quantity", lambda row: row.quantity, "quantity"),
            Column("Measured", lambda row: with_error(row.value, row.value_stderr), "value", True),
            Column("Expected", _expected, "expected", True),
            Column("Unit", lambda row: row.unit, "unit"),
            Column("Seeds", lambda row: f"{row.seeds}", "seeds", True),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
