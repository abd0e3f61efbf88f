"""One row a law, size and width of bins: the mean of the binned JSD of two samples of one law."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports.record import Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import count, significant, with_error

EXPERIMENT = "jsd-limits"
_FRAME = ("law", "n", "k", "jsd", "jsd_stderr", "expected", "repetitions", "status", "detail")


def jsd_limits(store: Store, size: str | None = None) -> pd.DataFrame:
    """Mean ± standard error and the exact expectation, in nats; a cell that failed is a row with its status."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in recorded(store, EXPERIMENT, size):
        k = record.payload["k"] if record.payload else 0
        place = (record.params["law"], record.params["n"], k)
        row = rows.setdefault(place, dict(zip(("law", "n", "k"), place, strict=True)))
        row["repetitions"] = record.params["repetitions"]
        row["status"], row["detail"] = str(record.status), record.detail
        if record.status is Status.OK:
            row[record.metric] = record.value
            if record.metric == "jsd":
                row["jsd_stderr"] = record.stderr
    frame = pd.DataFrame(list(rows.values()), columns=list(_FRAME)).astype({"jsd_stderr": float, "expected": float})
    return frame.sort_values(["law", "n", "k"], ignore_index=True)


tables.register("jsd-limits")(
    Table(
        name="jsd-limits",
        title="Binned JSD of two samples of one law",
        about="The truth is 0 in every row. The mean over the repetitions, ± its standard error (none where all of "
        "them agree), beside the exact "
        f"expectation where bins have equal mass, in nats; log 2 is {math.log(2):.4f}.",
        experiment=EXPERIMENT,
        make=jsd_limits,
        columns=(
            Column("Law", lambda row: row.law, "law"),
            Column("n", lambda row: count(row.n), "n", True, "rows of each sample"),
            Column("Bins", lambda row: count(row.k), "k", True, "a unit of length, or a standard deviation"),
            Column("JSD", lambda row: with_error(row.jsd, row.jsd_stderr), "jsd", True),
            Column("Expected", lambda row: significant(row.expected, 4), "expected", True),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
