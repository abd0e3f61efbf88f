"""One row a dimension, size, k and estimator: bias and spread of k-NN estimates of KL."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.record import Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import count, significant, with_error

EXPERIMENT = "knn-divergence"
_FRAME = ("d", "n", "k", "method", "bias", "bias_stderr", "spread", "repetitions", "status", "detail")


def knn_divergence(store: Store, size: str | None = None) -> pd.DataFrame:
    """Bias ± its standard error and spread, in nats; a cell that failed is a row with its status."""
    rows: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record in recorded(store, EXPERIMENT, size):
        method = record.payload["method"] if record.payload else ""
        place = (record.params["d"], record.params["n"], record.params["k"], method)
        row = rows.setdefault(place, dict(zip(("d", "n", "k", "method"), place, strict=True)))
        row["repetitions"] = record.params["repetitions"]
        row["status"], row["detail"] = str(record.status), record.detail
        if record.status is Status.OK:
            row[record.metric] = record.value
            if record.metric == "bias":
                row["bias_stderr"] = record.stderr
    frame = pd.DataFrame(list(rows.values()), columns=list(_FRAME))
    return frame.sort_values(["d", "n", "k", "method"], ignore_index=True)


tables.register("knn-divergence")(
    Table(
        name="knn-divergence",
        title="KL by nearest neighbours",
        about="Between two Gaussians 1 nat apart: the mean error over the repetitions, ± its standard error, and the "
        "standard deviation of one estimate, in nats.",
        experiment=EXPERIMENT,
        make=knn_divergence,
        columns=(
            Column("d", lambda row: count(row.d), "d", True),
            Column("n", lambda row: count(row.n), "n", True, "rows of each sample"),
            Column("k", lambda row: count(row.k), "k", True),
            Column("Estimator", lambda row: row.method, "method"),
            Column("Bias", lambda row: with_error(row.bias, row.bias_stderr), "bias", True),
            Column("Spread", lambda row: significant(row.spread, 2), "spread", True),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
