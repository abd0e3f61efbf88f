"""One row a method: distances and memory at one approximation ratio, and how many times less than tuned E2LSH."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.experiments.dci_and_lsh import FEWER, LESS_MEMORY, OURS
from reports.record import WHOLE_CELL, Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import NONE, missing, seconds, significant, with_error

EXPERIMENT = "dci-and-lsh"
#: The rival that the others are compared with.
RIVAL = "E2LSH"
_METRICS = {"evaluations": "evaluations", "memory": "memory", "seconds a query": "seconds"}
_FRAME = (
    "dataset", "rows", "k", "ratio", "search", "settings", "splits", "evaluations", "evaluations_stderr", "seconds",
    "memory", "fewer", "fewer_low", "fewer_high", "less_memory", "papers", "reproduced", "status", "detail",
    "size", "commit", "machine",
)  # fmt: skip


def dci_and_lsh(store: Store, size: str | None = None) -> pd.DataFrame:
    """Means over the splits. `fewer`: E2LSH's distances over the method's, split by split, least and largest."""
    records = recorded(store, EXPERIMENT, size)
    shape = {record.cell: record.value for record in records if record.metric == "rows"}
    rows = [_row(group, part, shape, records) for group, part in _groups(records).items()]
    frame = pd.DataFrame(rows, columns=list(_FRAME))
    numbers = [name for name in _FRAME if name not in _WORDS]
    return frame.astype(dict.fromkeys(numbers, float)).sort_values(["dataset", "evaluations"], ignore_index=True)


_WORDS = ("dataset", "search", "settings", "papers", "reproduced", "status", "detail", "size", "commit", "machine")


def _groups(records: list[Record]) -> dict[tuple[str, str], list[Record]]:
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.metric not in ("rows", "ratio"):
            name = (record.payload or {}).get("search", "the whole cell" if record.metric == WHOLE_CELL else "")
            groups.setdefault((str(record.params["dataset"]), name), []).append(record)
    return groups


def _row(group: tuple[str, str], part: list[Record], shape: dict[str, Any], records: list[Record]) -> dict[str, Any]:
    dataset, search = group
    params, bad = part[0].params, [record for record in part if record.status is not Status.OK]
    row: dict[str, Any] = dict.fromkeys(_FRAME, np.nan) | dict.fromkeys(_WORDS, "")
    row.update(dataset=dataset, search=search, k=params["k"], ratio=params["ratio"], size=params["grid"])
    row["rows"] = shape.get(part[0].cell, np.nan)
    row["commit"] = ", ".join(sorted({record.commit for record in part}))
    row["machine"] = ", ".join(sorted({str(record.machine.get("cpu", "")) for record in part}))
    row["status"], row["detail"] = (str(bad[0].status), bad[0].detail) if bad else (str(Status.OK), "")
    settings = [(record.payload or {}).get("settings", {}) for record in part]
    row["settings"] = ", ".join(f"{name}={_short(value)}" for name, value in settings[0].items())
    for metric, column in _METRICS.items():
        values = np.array([r.value for r in part if r.metric == metric and r.status is Status.OK], dtype=float)
        if len(values):
            row[column] = values.mean()
        if metric == "evaluations":
            row["splits"] = len(values)
            if len(values) > 1:
                row["evaluations_stderr"] = values.std(ddof=1) / np.sqrt(len(values))
    times = _times(dataset, search, "evaluations", records)
    if search != RIVAL and len(times):
        row.update(fewer=times.mean(), fewer_low=times.min(), fewer_high=times.max())
        row["less_memory"] = _times(dataset, search, "memory", records).mean()
    if search in OURS:
        low, high = FEWER
        row["papers"] = f"{low:.0f} to {high:.0f} times fewer, {LESS_MEMORY:.0f} times less memory"
        if len(times):
            told = "fewer distances" if times.min() > 1 else "not fewer distances"
            row["reproduced"] = f"{told}: {significant(times.mean())} times, " + (
                "within the papers' range" if low <= times.mean() <= high else f"not the {low:.0f} to {high:.0f}"
            )
    return row


def _times(dataset: str, search: str, metric: str, records: list[Record]) -> np.ndarray:
    """E2LSH's over the method's, one number a split that has both."""
    found: dict[str, dict[str, float]] = {RIVAL: {}, search: {}}
    for record in records:
        name = (record.payload or {}).get("search")
        if record.metric != metric or record.status is not Status.OK or record.params["dataset"] != dataset:
            continue
        if name in found and record.value is not None:
            found[name][record.cell] = record.value
    both = sorted(set(found[RIVAL]) & set(found[search]))
    return np.array([found[RIVAL][cell] / found[search][cell] for cell in both])


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _fewer(row: Any) -> str:
    if missing(row.fewer):
        return NONE
    return f"{significant(row.fewer)} ({significant(row.fewer_low)} – {significant(row.fewer_high)})"


tables.register("dci-and-lsh")(
    Table(
        name="dci-and-lsh",
        title="Prioritized DCI against E2LSH",
        about="The papers' experiment: true distances computed a query where the k-th found is on average 1.1 times as "
        "far as the true one, on held-out queries, mean over splits; memory of the index besides the data. The "
        "papers' factors are quoted as recalled.",
        experiment=EXPERIMENT,
        make=dci_and_lsh,
        columns=(
            Column("Data", lambda row: f"{row.dataset}, {significant(row.rows)} rows", "dataset"),
            Column("Search", lambda row: f"{row.search} · {row.settings}" if row.settings else row.search, "search"),
            Column(
                "Distances a query",
                lambda row: with_error(row.evaluations, row.evaluations_stderr),
                "evaluations",
                True,
                "± stderr over the splits",
            ),
            Column("Fewer than E2LSH", _fewer, "fewer", True, "times: mean (least – most) of the splits"),
            Column("Bytes a point", lambda row: significant(row.memory), "memory", True, "the data apart"),
            Column("Less than E2LSH", lambda row: significant(row.less_memory), "less_memory", True, "times"),
            Column("A query", lambda row: seconds(row.seconds), "seconds", True, "one thread, in a batch"),
            Column("The papers", lambda row: row.papers or NONE, "papers", about="as recalled"),
            Column("Here", lambda row: row.reproduced or NONE, "reproduced"),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
