"""Which divergence? What each was measured to do when measures move apart, and how many samples it wants."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports.store import Store
from reports.tables import Column, Table, recorded, rows_of, tables
from reports.tables.dimension_curse import EXPERIMENT as SLOPES
from reports.tables.dimension_curse import dimension_curse
from reports.tables.knn_divergence import EXPERIMENT as ESTIMATES
from reports.tables.knn_divergence import knn_divergence
from reports.tables.numerals import NONE, missing, significant, with_error
from reports.tables.shifted_measures import EXPERIMENT, shifted_measures

#: Supports that never meet: what is seen of their distance is what a gradient has to go by.
SHAPE = "parallel lines"
_SLOPE = {"W1": "w1_slope", "energy": "energy_slope"}
_FRAME = (
    "divergence", "growth", "low_d", "low_slope", "low_slope_stderr", "high_d", "high_slope", "high_slope_stderr",
    "samples_low", "samples_high", "error_low", "error_low_stderr", "error_high", "error_high_stderr", "n", "k",
    "size", "commit", "machine",
)  # fmt: skip


def which_divergence(store: Store, size: str | None = None) -> pd.DataFrame:
    """A row a divergence, joined from `shifted-measures`, `dimension-curse` and `knn-divergence`.

    `growth`: its value at a shift of 1 over that at 0.5, for measures that do not touch; 1 says that it does not see
    how far apart they are. `samples_…`: by how much samples must grow to halve its error, 2^(−1/slope), in the lowest
    and the highest dimension measured. `error_…`: the mean error of an estimate between laws of known divergence, in
    nats.
    """
    moved, slopes = shifted_measures(store, size), dimension_curse(store, size)
    rows: list[dict[str, Any]] = []
    for row in rows_of(moved[moved["shape"] == SHAPE]):
        rows.append({"divergence": row.divergence, "growth": row.growth} | _slopes(row.divergence, slopes))
    rows += _estimates(knn_divergence(store, size))
    records = [record for name in (EXPERIMENT, SLOPES, ESTIMATES) for record in recorded(store, name, size)]
    told = {
        "size": ", ".join(dict.fromkeys(record.size for record in records)),
        "commit": ", ".join(dict.fromkeys(record.commit for record in records)),
        "machine": ", ".join(dict.fromkeys(str(record.machine.get("fingerprint", "")) for record in records)),
    }
    frame = pd.DataFrame([row | told for row in rows], columns=list(_FRAME))
    texts = ("divergence", "size", "commit", "machine")
    return frame.astype({name: float for name in _FRAME if name not in texts})


def _slopes(name: str, slopes: pd.DataFrame) -> dict[str, Any]:
    column = _SLOPE.get(name)
    if column is None or slopes.empty:
        return {}
    found: dict[str, Any] = {}
    for end, row in (("low", slopes.iloc[slopes.d.argmin()]), ("high", slopes.iloc[slopes.d.argmax()])):
        slope = float(row[column])
        found |= {f"{end}_d": row.d, f"{end}_slope": slope, f"{end}_slope_stderr": row[f"{column}_stderr"]}
        found[f"samples_{end}"] = 2 ** (-1 / slope) if slope < 0 else math.inf
    return found


def _estimates(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The estimators of KL with the most rows and neighbours measured, in the lowest and the highest dimension."""
    frame = frame[frame.bias.notna()]
    rows = []
    for method, part in frame.groupby("method"):
        ends: dict[str, Any] = {}
        for end, d in (("low", part.d.min()), ("high", part.d.max())):
            here = part[part.d == d].sort_values(["n", "k"]).iloc[-1]
            ends |= {f"{end}_d": d, f"error_{end}": here.bias, f"error_{end}_stderr": here.bias_stderr}
            ends |= {"n": here.n, "k": here.k}
        rows.append({"divergence": f"KL by neighbours, {method}"} | ends)
    return rows


def _growth(row: Any) -> str:
    if missing(row.growth):
        return NONE
    return f"× {significant(row.growth)}" + ("" if row.growth > 1.05 else ": blind to how far")


def _samples(end: str) -> Any:
    def text(row: Any) -> str:
        factor, d = getattr(row, f"samples_{end}"), getattr(row, f"{end}_d")
        return NONE if missing(factor) else f"× {significant(factor, 2)} (d = {d:.0f})"

    return text


def _error(end: str) -> Any:
    def text(row: Any) -> str:
        error, d = getattr(row, f"error_{end}"), getattr(row, f"{end}_d")
        if missing(error):
            return NONE
        return f"{with_error(error, getattr(row, f'error_{end}_stderr'))} nats (d = {d:.0f}, n = {row.n:.0f})"

    return text


tables.register("which-divergence")(
    Table(
        name="which-divergence",
        title="Which divergence?",
        about="What was measured of each: by how much it grows when two parallel lines, which never meet, move from "
        "0.5 to 1 apart; by how much samples must grow to halve its error, from the measured slope, in few and in many "
        "dimensions; and the mean error of estimates of KL between Gaussians that are 1 nat apart.",
        experiment=EXPERIMENT,
        joins=(SLOPES, ESTIMATES),
        make=which_divergence,
        columns=(
            Column("Divergence", lambda row: row.divergence, "divergence"),
            Column("Sees how far apart", _growth, "growth", True),
            Column("Samples to halve the error", _samples("low"), "samples_low", True),
            Column("in many dimensions", _samples("high"), "samples_high", True),
            Column("Error of an estimate", _error("low"), "error_low", True),
            Column("in as many dimensions", _error("high"), "error_high", True),
        ),
    )
)
