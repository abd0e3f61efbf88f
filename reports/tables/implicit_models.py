"""One row a model and task: modes, quality and energy distance over the seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pandas as pd

from reports.experiments.implicit_models import REFERENCE
from reports.record import Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import NONE, count, missing, seconds, share, significant, with_error

EXPERIMENT = "implicit-models"
_FRAME = (
    "task", "model", "steps", "seeds", "modes", "modes_fewest", "modes_most", "modes_of", "high_quality",
    "high_quality_stderr", "energy", "energy_stderr", "train_seconds", "status", "detail", "commit", "machine", "cells",
)  # fmt: skip


def implicit_models(store: Store, size: str | None = None) -> pd.DataFrame:
    """Means over the seeds with their standard errors (of the mean of the seeds), models after the true data.

    `seeds` counts those that were measured; a model of which some failed keeps its row, says so in
    `status`, and its means are of the others.
    """
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in recorded(store, EXPERIMENT, size):
        groups[str(record.params["task"]), str(record.params["model"])].append(record)
    rows = [_row(task, model, records) for (task, model), records in groups.items()]
    frame = pd.DataFrame(rows, columns=list(_FRAME))
    frame["reference"] = frame.model == REFERENCE
    order = ["task", "reference", "energy"]
    return frame.sort_values(order, ascending=[False, False, True], ignore_index=True).drop(columns="reference")


def _row(task: str, model: str, records: list[Record]) -> dict[str, Any]:
    failed = [record for record in records if record.status is not Status.OK]
    values = {
        metric: [r.value for r in records if r.metric == metric and r.value is not None]
        for metric in ("modes", "high quality", "squared energy distance", "training")
    }
    modes = values["modes"]
    of = next((r.payload["of"] for r in records if r.metric == "modes" and r.payload), None)
    good, good_error = _mean(values["high quality"])
    energy, energy_error = _mean(values["squared energy distance"])
    cells = list(dict.fromkeys(record.cell for record in records))
    return {
        "task": task,
        "model": model,
        "steps": records[0].params["steps"],
        "seeds": len(modes),
        "modes": _mean(modes)[0],
        "modes_fewest": min(modes, default=math.nan),
        "modes_most": max(modes, default=math.nan),
        "modes_of": of,
        "high_quality": good,
        "high_quality_stderr": good_error,
        "energy": energy,
        "energy_stderr": energy_error,
        "train_seconds": _mean(values["training"])[0],
        "status": str(failed[0].status) if failed else str(Status.OK),
        "detail": f"{len({r.cell for r in failed})} of {len(cells)} seeds: {failed[0].detail}" if failed else "",
        "commit": records[0].commit,
        "machine": records[0].machine.get("fingerprint", ""),
        "cells": " ".join(cell[:12] for cell in cells),
    }


def _mean(values: list[float]) -> tuple[float, float]:
    """Mean and its standard error; the error of a single value is unknown."""
    if not values:
        return math.nan, math.nan
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, math.nan
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, math.sqrt(variance / len(values))


def _modes(row: Any) -> str:
    if missing(row.modes):
        return NONE
    text = f"{significant(row.modes, 2)} of {row.modes_of:.0f}"
    if row.modes_fewest == row.modes_most:
        return text
    return f"{text} ({row.modes_fewest:.0f} – {row.modes_most:.0f})"


tables.register("implicit-models")(
    Table(
        name="implicit-models",
        title="Implicit models",
        about="Modes covered as the mean (fewest – most) over the seeds, the share of high-quality samples, and the "
        "squared energy distance to held-out data without bias (0 for a perfect sampler), ± one standard error over "
        "the seeds. True data show what a perfect sampler scores.",
        experiment=EXPERIMENT,
        make=implicit_models,
        columns=(
            Column("Task", lambda row: row.task, "task"),
            Column("Model", lambda row: row.model, "model"),
            Column("Steps", lambda row: count(row.steps), "steps", True),
            Column("Seeds", lambda row: f"{row.seeds}", "seeds", True),
            Column("Modes", _modes, "modes", True, "mean (fewest – most)"),
            Column("High quality", lambda row: share(row.high_quality, row.high_quality_stderr), "high_quality", True),
            Column("Squared energy distance", lambda row: with_error(row.energy, row.energy_stderr), "energy", True),
            Column("Training", lambda row: seconds(row.train_seconds), "train_seconds", True, "an indication"),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
