"""One row a sampler: Parzen likelihood, with precision, recall, coverage and the memorisation test beside it."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pandas as pd

from reports.record import Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import count, share, significant, with_error

EXPERIMENT = "parzen-ordering"
#: Metric and its column.
METRICS = {
    "log-likelihood": "log_likelihood", "precision": "precision", "recall": "recall", "coverage": "coverage",
    "nearer to train": "nearer_to_train",
}  # fmt: skip
_FRAME = (
    "dataset", "sampler", "centres", "seeds", "log_likelihood", "log_likelihood_stderr", "bandwidth", "on_edge",
    "precision", "precision_stderr", "recall", "recall_stderr", "coverage", "coverage_stderr", "nearer_to_train",
    "nearer_to_train_stderr", "nearer_expected", "p_value", "status", "detail", "commit", "machine", "cells",
)  # fmt: skip


def parzen_ordering(store: Store, size: str | None = None) -> pd.DataFrame:
    """Samplers by likelihood, highest first. Of one seed with its errors; of several, means with theirs over the seeds.

    The bandwidth and the p-value are the first seed's.
    """
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in recorded(store, EXPERIMENT, size):
        groups[str(record.params["dataset"]), sampler_name(record)].append(record)
    rows = [_row(dataset, sampler, records) for (dataset, sampler), records in groups.items()]
    frame = pd.DataFrame(rows, columns=list(_FRAME))
    return frame.sort_values(["dataset", "log_likelihood"], ascending=[True, False], ignore_index=True)


def sampler_name(record: Record) -> str:
    """The sampler of a record, with its rounds where it has such."""
    rounds = int(record.params["rounds"] or 0)
    sampler = str(record.params["sampler"])
    return f"{sampler}, {rounds} round{'s' if rounds > 1 else ''}" if rounds else sampler


def _row(dataset: str, sampler: str, records: list[Record]) -> dict[str, Any]:
    failed = [record for record in records if record.status is not Status.OK]
    row: dict[str, Any] = {"dataset": dataset, "sampler": sampler, "centres": records[0].params["centres"]}
    for metric, column in METRICS.items():
        found = [record for record in records if record.metric == metric and record.value is not None]
        row[column], row[f"{column}_stderr"] = _mean(found)
        payload: dict[str, Any] = next((record.payload for record in found if record.payload), {})
        if metric == "log-likelihood":
            row |= {name: payload.get(name) for name in ("bandwidth", "on_edge")} | {"seeds": len(found)}
        if metric == "nearer to train":
            row |= {"nearer_expected": payload.get("expected"), "p_value": payload.get("p")}
    return row | {
        "status": str(failed[0].status) if failed else str(Status.OK),
        "detail": failed[0].detail if failed else "",
        "commit": records[0].commit,
        "machine": records[0].machine.get("fingerprint", ""),
        "cells": " ".join(cell[:12] for cell in dict.fromkeys(record.cell for record in records)),
    }


def _mean(records: list[Record]) -> tuple[float, float]:
    """Mean and standard error: over the seeds, or of the only one."""
    values = [float(record.value) for record in records if record.value is not None]
    if not values:
        return math.nan, math.nan
    if len(values) == 1:
        error = records[0].stderr
        return values[0], math.nan if error is None else error
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))


def _bandwidth(row: Any) -> str:
    return significant(row.bandwidth) + (" (edge)" if row.on_edge else "")


def _p_value(row: Any) -> str:
    return significant(row.p_value, 2)


tables.register("parzen-ordering")(
    Table(
        name="parzen-ordering",
        title="What a Parzen likelihood prefers",
        about="Mean log-likelihood of test images, in nats ± one standard error, under Gaussian windows about a "
        "sampler's images, the bandwidth chosen on a validation split; precision, recall and coverage against test "
        "images; the share of images nearer to a training image than to any validation image, and the p-value of the "
        "test of that, small for copying. Fresh images, which no sampler saw, are what a perfect sampler scores.",
        experiment=EXPERIMENT,
        make=parzen_ordering,
        columns=(
            Column("Data", lambda row: row.dataset, "dataset"),
            Column("Sampler", lambda row: row.sampler, "sampler"),
            Column("Images", lambda row: count(row.centres), "centres", True, "centres of the windows"),
            Column(
                "Log-likelihood",
                lambda row: with_error(row.log_likelihood, row.log_likelihood_stderr),
                "log_likelihood", True, "nats, higher is said to be better",
            ),
            Column("Bandwidth", _bandwidth, "bandwidth", True),
            Column("Precision", lambda row: share(row.precision, row.precision_stderr), "precision", True),
            Column("Recall", lambda row: share(row.recall, row.recall_stderr), "recall", True),
            Column("Coverage", lambda row: share(row.coverage, row.coverage_stderr), "coverage", True),
            Column("Nearer to train", lambda row: share(row.nearer_to_train), "nearer_to_train", True),
            Column("p of copying", _p_value, "p_value", True),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)  # fmt: skip
