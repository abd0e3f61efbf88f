"""One row a family, model and number of samples: what was trained, predicted, and most likely."""

from __future__ import annotations

import pandas as pd

from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import count, significant, with_error
from reports.tables.seeds import PROVENANCE, grouped, over_seeds

EXPERIMENT = "imle-and-likelihood"
#: Metric and its column.
METRICS = {
    "parameter": "parameter", "predicted": "predicted", "maximum likelihood": "maximum_likelihood",
    "nats lost": "nats_lost", "nats lost, predicted": "nats_lost_predicted",
}  # fmt: skip
_KEYS = ("family", "model", "m", "steps")
_FRAME = (
    *_KEYS, "what", *(name for column in METRICS.values() for name in (column, f"{column}_stderr")), "deviations",
    *PROVENANCE,
)  # fmt: skip


def imle_and_likelihood(store: Store, size: str | None = None) -> pd.DataFrame:
    """Means over the seeds; `deviations`: of the trained from the predicted parameter, in its standard errors."""
    rows = []
    for key, records in grouped(recorded(store, EXPERIMENT, size), _KEYS).items():
        row = dict(zip(_KEYS, key, strict=True)) | over_seeds(records, METRICS)
        row["what"] = next((record.unit for record in records if record.metric == "parameter"), "")
        row["deviations"] = (row["parameter"] - row["predicted"]) / row["parameter_stderr"]
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(_FRAME))
    return frame.sort_values(["family", "model", "m"], ignore_index=True)


tables.register("imle-and-likelihood")(
    Table(
        name="imle-and-likelihood",
        title="IMLE and maximum likelihood",
        about="A parameter as trained, ± one standard error over the seeds; where the expected gradient is zero (of "
        "weighted IMLE with its weights held, as training holds them), by quadrature; and at maximum likelihood. "
        "Nats lost are those of the data's mean log-likelihood.",
        experiment=EXPERIMENT,
        make=imle_and_likelihood,
        columns=(
            Column("Family", lambda row: row.family, "family"),
            Column("Model", lambda row: row.model, "model"),
            Column("m", lambda row: count(row.m), "m", True, "samples an outer step"),
            Column("Seeds", lambda row: f"{row.seeds}", "seeds", True),
            Column("Parameter", lambda row: row.what, "what"),
            Column("Trained", lambda row: with_error(row.parameter, row.parameter_stderr), "parameter", True),
            Column("Predicted", lambda row: significant(row.predicted, 4), "predicted", True, "by quadrature"),
            Column(
                "Maximum likelihood", lambda row: significant(row.maximum_likelihood, 4), "maximum_likelihood", True
            ),
            Column("Nats lost", lambda row: with_error(row.nats_lost, row.nats_lost_stderr), "nats_lost", True),
            Column(
                "Nats lost, predicted",
                lambda row: significant(row.nats_lost_predicted, 3), "nats_lost_predicted", True,
            ),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)  # fmt: skip
