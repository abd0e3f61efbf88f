"""The entropic GAN's sample likelihood: one row a generator and dimension, and one a digit."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pandas as pd

from reports.record import Record
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import count, share, significant, with_error
from reports.tables.seeds import PROVENANCE, grouped, over_seeds

EXPERIMENT = "entropic-gan"
#: Metric and its column, of the Gaussian part and of the images.
GAUSSIAN = {"exact": "exact", "surrogate": "surrogate", "sampled": "sampled"}
IMAGES = {"bound": "bound", "AUC": "auc", "AUC of distance": "auc_of_distance"}


def _frame(metrics: dict[str, str], *keys: str) -> list[str]:
    return [*keys, *(name for column in metrics.values() for name in (column, f"{column}_stderr")), *PROVENANCE]


def entropic_gan(store: Store, size: str | None = None) -> pd.DataFrame:
    """Log-likelihoods in nats a datum, means over the seeds; `gap`, `sampled_gap`: what each bound lacks of `exact`."""
    found = [record for record in recorded(store, EXPERIMENT, size) if "generator" in record.params]
    rows = [
        {"generator": kind, "d": d, "n": n} | over_seeds(records, GAUSSIAN)
        for (kind, d, n), records in grouped(found, ("generator", "d", "n")).items()
    ]
    frame = pd.DataFrame(rows, columns=_frame(GAUSSIAN, "generator", "d", "n"))
    frame["gap"], frame["sampled_gap"] = frame.exact - frame.surrogate, frame.exact - frame.sampled
    return frame.sort_values(["generator", "d"], ignore_index=True)


def entropic_digits(store: Store, size: str | None = None) -> pd.DataFrame:
    """The mean bound at held-out images of each digit, and how well it tells them from the digit trained on."""
    groups: dict[tuple[str, int], list[Record]] = defaultdict(list)
    for record in recorded(store, EXPERIMENT, size):
        if "dataset" in record.params:
            digit = record.payload["digit"] if record.payload else -1
            groups[str(record.params["dataset"]), digit].append(record)
    rows: list[dict[str, Any]] = [
        {"dataset": dataset, "digit": digit, "source": records[0].params["source"]} | over_seeds(records, IMAGES)
        for (dataset, digit), records in groups.items()
    ]
    frame = pd.DataFrame(rows, columns=_frame(IMAGES, "dataset", "digit", "source"))
    return frame.sort_values(["dataset", "digit"], ignore_index=True)


def _status(row: Any) -> str:
    return str(row.status + (f": {row.detail}" if row.detail else ""))


tables.register("entropic-gan")(
    Table(
        name="entropic-gan",
        title="Exact and surrogate log-likelihood",
        about="Data N(0, Σ), Σ = diag(1 + i/d), λ = 1; nats a datum, ± one standard error where there are seeds. The "
        "surrogate is the bound of the best coupling of the laws, and exact at the best generator; sampled is that of "
        "the best coupling of n data with n latents.",
        experiment=EXPERIMENT,
        make=entropic_gan,
        columns=(
            Column("Generator", lambda row: row.generator, "generator"),
            Column("d", lambda row: count(row.d), "d", True),
            Column("Exact", lambda row: with_error(row.exact, row.exact_stderr, digits=5), "exact", True),
            Column(
                "Surrogate", lambda row: with_error(row.surrogate, row.surrogate_stderr, digits=5), "surrogate", True
            ),
            Column("Gap", lambda row: "0" if abs(row.gap) < 1e-9 else significant(row.gap, 3), "gap", True),
            Column("n", lambda row: count(row.n), "n", True, "data, and latents, of the sampled coupling"),
            Column("Sampled", lambda row: with_error(row.sampled, row.sampled_stderr, digits=5), "sampled", True),
            Column("Gap, sampled", lambda row: significant(row.sampled_gap, 3), "sampled_gap", True),
            Column("Seeds", lambda row: f"{row.seeds}", "seeds", True),
            Column("Status", _status, "status"),
        ),
    )
)
tables.register("entropic-digits")(
    Table(
        name="entropic-digits",
        title="Foreign digits under an entropic GAN",
        about="The mean bound on the log-likelihood of held-out images, in nats ± one standard error, of a model that "
        "was trained on one digit; AUC: the share of pairs in which its own digit scores higher, and the same of the "
        "distance to the nearest training image, which needs no model.",
        experiment=EXPERIMENT,
        make=entropic_digits,
        columns=(
            Column("Data", lambda row: row.dataset, "dataset"),
            Column("Trained on", lambda row: f"{row.source}", "source", True),
            Column("Digit", lambda row: f"{row.digit}", "digit", True),
            Column("Bound", lambda row: with_error(row.bound, row.bound_stderr), "bound", True),
            Column("AUC", lambda row: share(row.auc), "auc", True),
            Column("AUC of distance", lambda row: share(row.auc_of_distance), "auc_of_distance", True),
            Column("Seeds", lambda row: f"{row.seeds}", "seeds", True),
            Column("Status", _status, "status"),
        ),
    )
)
