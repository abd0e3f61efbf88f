"""One row a law, width and model: modes, good samples, precision, recall and balance over the seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pandas as pd

from reports.experiments.mode_coverage import REFERENCE, entries
from reports.record import Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import NONE, count, missing, seconds, share, significant, with_error

EXPERIMENT = "mode-coverage"
#: Metric and its column.
METRICS = {
    "modes": "modes", "high quality": "high_quality", "precision": "precision", "recall": "recall",
    "balance": "balance", "training": "train_seconds",
}  # fmt: skip
_FRAME = (
    "law", "width", "model", "seeds", "steps", "lr", "on_edge", "modes", "modes_stderr", "modes_fewest", "modes_of",
    "all_kept", "high_quality", "high_quality_stderr", "precision", "precision_stderr", "recall", "recall_stderr",
    "balance", "balance_stderr", "train_seconds", "status", "detail", "commit", "machine", "cells",
)  # fmt: skip


def mode_coverage(store: Store, size: str | None = None) -> pd.DataFrame:
    """Means over the seeds with their standard errors; models after the true data, by modes kept, then good samples.

    `all_kept` counts the seeds that keep every mode, `modes_fewest` is that of the worst seed. `lr` is the chosen
    learning rate, `on_edge` whether it is the smallest or largest of those tried; both are missing where none was.
    """
    groups: dict[tuple[str, float, str], list[tuple[str, Record]]] = defaultdict(list)
    for record in recorded(store, EXPERIMENT, size):
        for law, width, metric in entries(record):
            groups[law, width, str(record.params["model"])].append((metric, record))
    rows = [_row(*task, records) for task, records in groups.items()]
    frame = pd.DataFrame(rows, columns=list(_FRAME))
    frame["reference"] = frame.model == REFERENCE
    order = ["law", "width", "reference", "modes", "high_quality"]
    ascending = [False, True, False, False, False]
    return frame.sort_values(order, ascending=ascending, ignore_index=True).drop(columns="reference")


def _row(law: str, width: float, model: str, found_metrics: list[tuple[str, Record]]) -> dict[str, Any]:
    records = [record for _, record in found_metrics]
    failed = [record for record in records if record.status is not Status.OK]
    by_metric = {metric: record for metric, record in found_metrics if record.status is Status.OK}
    row: dict[str, Any] = {"law": law, "width": width, "model": model, "steps": records[0].params["steps"]}
    for metric, column in METRICS.items():
        found = by_metric.get(metric)
        row[column] = math.nan if found is None else found.value
        row[f"{column}_stderr"] = math.nan if found is None or found.stderr is None else found.stderr
    modes: dict[str, Any] = (by_metric["modes"].payload if "modes" in by_metric else None) or {}
    training: dict[str, Any] = (by_metric["training"].payload if "training" in by_metric else None) or {}
    each, of, tried = modes.get("each", []), modes.get("of"), [float(rate) for rate in training.get("tried", {})]
    return row | {
        "seeds": len(each),
        "lr": training.get("lr"),
        "on_edge": training["lr"] in (min(tried), max(tried)) if tried else None,
        "modes_fewest": min(each, default=math.nan),
        "modes_of": of,
        "all_kept": sum(found == of for found in each) if each else math.nan,
        "status": str(failed[0].status) if failed else str(Status.OK),
        "detail": failed[0].detail if failed else "",
        "commit": records[0].commit,
        "machine": records[0].machine.get("fingerprint", ""),
        "cells": " ".join(cell[:12] for cell in dict.fromkeys(record.cell for record in records)),
    }


def _modes(row: Any) -> str:
    if missing(row.modes):
        return NONE
    return f"{with_error(row.modes, row.modes_stderr)} of {row.modes_of:.0f}"


def _kept(row: Any) -> str:
    return NONE if missing(row.all_kept) else f"{row.all_kept:.0f} of {row.seeds}"


def _rate(row: Any) -> str:
    if missing(row.lr):
        return NONE
    return significant(row.lr, 2) + (" (edge)" if row.on_edge else "")


tables.register("mode-coverage")(
    Table(
        name="mode-coverage",
        title="Which modes are kept",
        about="Means over seeds ± one standard error: modes with a sample within four standard deviations and how many "
        "seeds keep them all; the share of samples so near to a mode; precision and recall within one standard "
        "deviation of held-out data; KL of the samples' shares of the modes from the true masses. A width is a "
        "multiple of the published one. Learning rates, where one is told, were chosen on other seeds, of "
        "the grid for all three laws. True data show what a perfect sampler scores.",
        experiment=EXPERIMENT,
        make=mode_coverage,
        columns=(
            Column("Law", lambda row: row.law, "law"),
            Column("Width", lambda row: significant(row.width, 2), "width", True),
            Column("Model", lambda row: row.model, "model"),
            Column("Learning rate", _rate, "lr", True, "(edge): the smallest or largest tried"),
            Column("Steps", lambda row: count(row.steps), "steps", True),
            Column("Modes", _modes, "modes", True),
            Column("All kept", _kept, "all_kept", True, "seeds"),
            Column("High quality", lambda row: share(row.high_quality, row.high_quality_stderr), "high_quality", True),
            Column("Precision", lambda row: share(row.precision, row.precision_stderr), "precision", True),
            Column("Recall", lambda row: share(row.recall, row.recall_stderr), "recall", True),
            Column("KL of masses", lambda row: with_error(row.balance, row.balance_stderr), "balance", True, "nats"),
            Column("Training", lambda row: seconds(row.train_seconds), "train_seconds", True, "a seed, an indication"),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
