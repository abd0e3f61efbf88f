"""One row a search and setting: recall, speed, cost, and what is proved."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.record import WHOLE_CELL, Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, rows_of, tables
from reports.tables.numerals import NONE, missing, seconds, share, significant

EXPERIMENT = "nearest-neighbours"
#: Column of the frame for each metric: its value, and where it is kept its error or its extremes.
_METRICS = {
    "recall": ("recall", {"stderr": "recall_stderr"}),
    "recall, choosing": ("recall_choosing", {}),
    "queries per second": ("qps", {"low": "qps_slowest", "high": "qps_fastest"}),
    "build": ("build_seconds", {}),
    "peak memory": ("peak_mib", {}),
    "evaluations": ("evaluations", {"stderr": "evaluations_stderr"}),
    "certified": ("certified", {}),
}
_FRAME = (
    "dataset", "rows", "dimensions", "queries", "threads", "k", "search", "settings", "library", "ours", "recall",
    "recall_stderr", "recall_choosing", "qps", "qps_slowest", "qps_fastest", "build_seconds", "peak_mib", "evaluations",
    "evaluations_stderr", "certified", "frontier", "status", "detail", "seed", "commit", "machine", "cell",
)  # fmt: skip


def nearest_neighbours(store: Store, size: str | None = None) -> pd.DataFrame:
    """Each search at each setting, by data set and threads, then by speed; what failed or was left out comes last.

    `frontier`: on as many threads, no other search on that data set has at least its recall and more speed, where
    recall is that on other queries than those scored.
    """
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    shape: dict[str, Record] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.metric == "rows":
            shape[record.cell] = record
            continue
        row = rows.setdefault(_whose(record), _about(record))
        if record.status is not Status.OK:
            row.update(status=str(record.status), detail=record.detail)
            continue
        name, errors = _METRICS[record.metric]
        row[name] = record.value
        row.update({column: getattr(record, kept) for kept, column in errors.items()})
    for row in rows.values():
        if row["cell"] in shape:
            about = shape[row["cell"]]
            row.update(rows=about.value, dimensions=about.payload["columns"], queries=about.payload["queries"])
    frame = pd.DataFrame(list(rows.values()), columns=list(_FRAME))
    floats = [name for name, errors in _METRICS.values() for name in (name, *errors.values())]
    frame = frame.astype(dict.fromkeys((*floats, "rows", "dimensions", "queries"), float))
    frame["recall_choosing"] = frame.recall_choosing.fillna(frame.recall)  # records of releases that had one set alone
    frame["frontier"] = _frontier(frame)
    return frame.sort_values(
        ["dataset", "threads", "qps", "search"], ascending=[True, True, False, True], ignore_index=True
    )


def _whose(record: Record) -> tuple[str, str, str]:
    payload = record.payload or {}
    return record.cell, payload.get("index", ""), _settings(payload)


def _settings(payload: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in payload.get("settings", {}).items())


def _about(record: Record) -> dict[str, Any]:
    payload = record.payload or {}
    library = f"{payload.get('library', '')} {payload.get('version', '')}".strip()
    return {
        "dataset": record.params["dataset"],
        "threads": record.params.get("on_threads", 1),
        "k": record.params["k"],
        "search": payload.get("index", "the whole cell" if record.metric == WHOLE_CELL else ""),
        "settings": _settings(payload),
        "library": library,
        "ours": bool(payload.get("ours", False)),
        "status": str(Status.OK),
        "detail": "",
        "seed": record.seed,
        "commit": record.commit,
        "machine": record.machine.get("fingerprint", ""),
        "cell": record.cell,
    }


def _frontier(frame: pd.DataFrame) -> list[bool]:
    best = []
    for row in rows_of(frame):
        beside = frame[(frame.dataset == row.dataset) & (frame.threads == row.threads)]
        better = beside[(beside.recall_choosing >= row.recall_choosing) & (beside.qps > row.qps)]
        best.append(better.empty and not missing(row.qps))
    return best


def _qps(row: Any) -> str:
    if missing(row.qps):
        return NONE
    return f"{significant(row.qps)} ({significant(row.qps_slowest)} – {significant(row.qps_fastest)})"


def _name(row: Any) -> str:
    return f"{row.search} · {row.settings}" if row.settings else row.search


tables.register("nearest-neighbours")(
    Table(
        name="nearest-neighbours",
        title="Nearest neighbours",
        about="Recall of the true neighbours by distances computed again, queries per second as the median "
        "(slowest – fastest) of interleaved repetitions, and the share of answers that are proved exact.",
        experiment=EXPERIMENT,
        make=nearest_neighbours,
        columns=(
            Column("Data", lambda row: f"{row.dataset}", "dataset"),
            Column("Threads", lambda row: f"{row.threads:.0f}", "threads", True),
            Column("Search", _name, "search"),
            Column("Recall@10", lambda row: share(row.recall, row.recall_stderr), "recall", True, "± one stderr"),
            Column("Queries per second", _qps, "qps", True, "median (slowest – fastest)"),
            Column("Build", lambda row: seconds(row.build_seconds), "build_seconds", True, "once, after a warm-up"),
            Column("Peak MiB", lambda row: significant(row.peak_mib), "peak_mib", True, "grown while it was built"),
            Column(
                "Distances a query", lambda row: significant(row.evaluations), "evaluations", True, "where it tells"
            ),
            Column("Proved exact", lambda row: share(row.certified), "certified", True, "share of the queries"),
            Column("Library", lambda row: row.library, "library"),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
