"""One row a model of several outputs for one input: errors, diversity, and the energy score of both."""

from __future__ import annotations

import pandas as pd

from reports.experiments.conditional import DRAWN
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import count, seconds, with_error
from reports.tables.seeds import PROVENANCE, grouped, over_seeds

EXPERIMENT = "conditional"
#: Metric and its column.
METRICS = {
    "energy score": "energy_score", "mean error": "mean_error", f"best of {DRAWN}": "best", "diversity": "diversity",
    "error of the mean": "error_of_mean", "inconsistency": "inconsistency", "training": "train_seconds",
}  # fmt: skip
_KEYS = ("dataset", "model", "steps")
_FRAME = (*_KEYS, *(name for column in METRICS.values() for name in (column, f"{column}_stderr")), *PROVENANCE)


def conditional(store: Store, size: str | None = None) -> pd.DataFrame:
    """Means over the seeds with their standard errors, by energy score, the best first."""
    groups = grouped(recorded(store, EXPERIMENT, size), _KEYS)
    rows = [dict(zip(_KEYS, key, strict=True)) | over_seeds(records, METRICS) for key, records in groups.items()]
    frame = pd.DataFrame(rows, columns=list(_FRAME))
    return frame.sort_values(["dataset", "energy_score"], ascending=[False, True], ignore_index=True)


def _column(heading: str, key: str, about: str = "") -> Column:
    return Column(heading, lambda row: with_error(getattr(row, key), getattr(row, f"{key}_stderr")), key, True, about)


tables.register("conditional")(
    Table(
        name="conditional",
        title="Several outputs for one input",
        about=f"Images given their block means, {DRAWN} outputs an input. Root mean squares over the pixels, in grey "
        "levels of [0, 1]; ± one standard error over the seeds. The energy score is the mean error less half the "
        "diversity: least for the true law of images given the input.",
        experiment=EXPERIMENT,
        make=conditional,
        columns=(
            Column("Data", lambda row: row.dataset, "dataset"),
            Column("Model", lambda row: row.model, "model"),
            Column("Steps", lambda row: count(row.steps), "steps", True),
            Column("Seeds", lambda row: f"{row.seeds}", "seeds", True),
            _column("Energy score", "energy_score", "less is better"),
            _column("Mean error", "mean_error"),
            _column(f"Best of {DRAWN}", "best"),
            _column("Diversity", "diversity", "between outputs for one input"),
            _column("Error of the mean", "error_of_mean"),
            _column("Inconsistency", "inconsistency", "of the output's block means with the input"),
            Column("Training", lambda row: seconds(row.train_seconds), "train_seconds", True, "an indication"),
            Column("Status", lambda row: row.status + (f": {row.detail}" if row.detail else ""), "status"),
        ),
    )
)
