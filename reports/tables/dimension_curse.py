"""One row a dimension: the slopes of W₁ and of the energy distance, and the identity of the latter."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports.record import Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import significant, with_error

EXPERIMENT = "dimension-curse"
_FRAME = (
    "d", "w1_slope", "w1_slope_stderr", "w1_rate", "energy_slope", "energy_slope_stderr", "scaled_energy",
    "scaled_energy_stderr", "mean_distance", "deviations", "commit",
)  # fmt: skip


def dimension_curse(store: Store, size: str | None = None) -> pd.DataFrame:
    """Slopes of log E against log L with standard errors over repetitions, beside the rates in theory.

    `deviations` is how many standard errors L·E ℰ²(P_L, P) is from E‖X−X'‖, which it equals.
    """
    cells: dict[int, dict[str, Record]] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.status is Status.OK:
            cells.setdefault(int(str(record.params["d"])), {})[record.metric] = record
    return pd.DataFrame([_row(d, found) for d, found in sorted(cells.items())], columns=list(_FRAME))


def _row(d: int, found: dict[str, Record]) -> dict[str, Any]:
    def of(metric: str) -> tuple[float, float]:
        record = found.get(metric)
        if record is None or record.value is None:
            return math.nan, math.nan
        return record.value, math.nan if record.stderr is None else record.stderr

    w1, energy, scaled = of("slope of W1"), of("slope of energy"), of("L times squared energy")
    exact = of("mean distance")[0]
    return {
        "d": d,
        "w1_slope": w1[0],
        "w1_slope_stderr": w1[1],
        "w1_rate": -1 / max(d, 2),
        "energy_slope": energy[0],
        "energy_slope_stderr": energy[1],
        "scaled_energy": scaled[0],
        "scaled_energy_stderr": scaled[1],
        "mean_distance": exact,
        "deviations": (scaled[0] - exact) / scaled[1],
        "commit": next(iter(found.values())).commit,
    }


tables.register("dimension-curse")(
    Table(
        name="dimension-curse",
        title="The curse of dimensionality",
        about="On the torus: the slope of log E against log L for W₁ between two samples of L points, whose limit is "
        "−1/max(d, 2), and for the energy distance between sample and law, whose limit is −1/2 in every dimension. "
        "L·E ℰ² = E‖X−X'‖ exactly; the last column is by how many standard errors the mean over draws misses it.",
        experiment=EXPERIMENT,
        make=dimension_curse,
        columns=(
            Column("d", lambda row: f"{row.d}", "d", True),
            Column("Slope of W₁", lambda row: with_error(row.w1_slope, row.w1_slope_stderr), "w1_slope", True),
            Column("in the limit", lambda row: significant(row.w1_rate), "w1_rate", True),
            Column(
                "Slope of energy",
                lambda row: with_error(row.energy_slope, row.energy_slope_stderr),
                "energy_slope",
                True,
            ),
            Column(
                "L·E ℰ²", lambda row: with_error(row.scaled_energy, row.scaled_energy_stderr), "scaled_energy", True
            ),
            Column("E‖X−X'‖", lambda row: significant(row.mean_distance, 5), "mean_distance", True, "by quadrature"),
            Column("apart by", lambda row: significant(row.deviations, 2), "deviations", True, "standard errors"),
        ),
    )
)
