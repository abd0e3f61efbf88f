"""The talk's table, ours by the same protocol, and beside both the rows that show what the number is worth."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.experiments.mnist_parzen import MODELS
from reports.experiments.parzen_ordering import REFERENCE
from reports.store import Store
from reports.tables import Column, Table, recorded, rows_of, tables
from reports.tables.numerals import NONE, count, seconds, share, significant, with_error
from reports.tables.parzen_ordering import parzen_ordering
from reports.tables.seeds import PROVENANCE, grouped, over_seeds

EXPERIMENT = "mnist-parzen"
#: Nats ± one standard error on MNIST, as the talk "Implicit Maximum Likelihood Estimation" prints them, and sources.
PUBLISHED = (
    ("DBN", 138.0, 2.0, "Bengio et al. 2013"),
    ("SCAE", 121.0, 1.6, "Bengio et al. 2013"),
    ("DGSN", 214.0, 1.1, "Bengio et al. 2014"),
    ("GAN", 225.0, 2.0, "Goodfellow et al. 2014"),
    ("GMMN", 147.0, 2.0, "Li, Swersky & Zemel 2015"),
    ("IMLE", 257.0, 6.0, "Li & Malik 2018"),
)
_COLUMNS = {
    "log-likelihood": "log_likelihood", "log-likelihood, fewer samples": "fewer",
    "log-likelihood, more samples": "more",
    "precision": "precision", "recall": "recall", "coverage": "coverage", "variance": "variance",
    "training": "train_seconds",
}  # fmt: skip
_FRAME = (
    "dataset", "kind", "row", "samples",
    *(name for column in _COLUMNS.values() for name in (column, f"{column}_stderr")),
    "bandwidth", "on_edge", *PROVENANCE,
)  # fmt: skip
#: What a reader is told where the rows that the numbers must be read beside were not measured.
UNREAD = "not measured: run parzen-ordering at this size before reading a row above"


def mnist_parzen(store: Store, size: str | None = None) -> pd.DataFrame:
    """Rows of three kinds: published (MNIST alone), ours over the seeds, and references of `parzen-ordering`."""
    rows: list[dict[str, Any]] = []
    for (dataset, model), records in grouped(recorded(store, EXPERIMENT, size), ("dataset", "model")).items():
        payload: dict[str, Any] = next((r.payload for r in records if r.metric == "log-likelihood" and r.payload), {})
        told = {name: payload.get(name) for name in ("bandwidth", "on_edge")}
        samples = records[0].params["centres"]
        about = {"dataset": dataset, "kind": "ours", "row": model, "samples": samples}
        rows.append(about | told | over_seeds(records, _COLUMNS))
    order = {name: place for place, name in enumerate(MODELS)}
    rows.sort(key=lambda row: (row["dataset"], order.get(row["row"], len(order))))
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    whole = [row for dataset in datasets for row in _of(dataset, rows, store, size)]
    return pd.DataFrame(whole, columns=list(_FRAME))


def _of(dataset: str, ours: list[dict[str, Any]], store: Store, size: str | None) -> list[dict[str, Any]]:
    published = [
        {
            "dataset": dataset, "kind": "published", "row": name, "samples": 10_000, "log_likelihood": nats,
            "log_likelihood_stderr": error, "status": "ok", "detail": source,
        }
        for name, nats, error, source in (PUBLISHED if dataset == "mnist" else ())
    ]  # fmt: skip
    frame = parzen_ordering(store, size)
    references = [
        {name: getattr(row, name, None) for name in _FRAME}
        | {"kind": "reference", "row": row.sampler, "samples": row.centres}
        for row in rows_of(frame[(frame.dataset == dataset) & frame.log_likelihood.notna()])
        if row.sampler == REFERENCE or row.sampler.startswith("centroids") or row.sampler == "training images"
    ]
    missing: dict[str, Any] = {
        "dataset": dataset,
        "kind": "reference",
        "row": "images and centroids",
        "status": "missing",
        "detail": UNREAD,
    }
    return published + [row for row in ours if row["dataset"] == dataset] + (references or [missing])


def _number(value: Any) -> str:
    return NONE if value is None or value != value else significant(float(value))


def _note(row: Any) -> str:
    if row.kind == "published":
        return str(row.detail)
    edge = "bandwidth on the edge of its grid" if row.on_edge is True else ""
    failed = "" if row.status == "ok" else f"{row.status}: {row.detail}"
    return "; ".join(part for part in (edge, failed) if part)


tables.register("mnist-parzen")(
    Table(
        name="mnist-parzen",
        title="Parzen likelihood of trained models",
        about="Mean log-likelihood of test images, in nats ± one standard error, under Gaussian windows about a "
        "model's samples, bandwidth by validation: as published, ours by the same protocol (over the seeds), and of "
        "images and centroids that no model drew. A model above fresh images is no better than the data: it draws "
        "averages, as centroids do, and its variance and recall say so. Fewer and more: at a tenth of the samples, and "
        "at more.",
        experiment=EXPERIMENT,
        make=mnist_parzen,
        columns=(
            Column("Data", lambda row: row.dataset, "dataset"),
            Column("Kind", lambda row: row.kind, "kind"),
            Column("Row", lambda row: row.row, "row"),
            Column("Samples", lambda row: count(row.samples), "samples", True),
            Column(
                "Log-likelihood", lambda row: with_error(row.log_likelihood, row.log_likelihood_stderr),
                "log_likelihood", True, "nats",
            ),
            Column("Fewer", lambda row: _number(row.fewer), "fewer", True, "nats"),
            Column("More", lambda row: _number(row.more), "more", True, "nats"),
            Column("Recall", lambda row: share(row.recall, row.recall_stderr), "recall", True),
            Column("Coverage", lambda row: share(row.coverage, row.coverage_stderr), "coverage", True),
            Column("Variance", lambda row: _number(row.variance), "variance", True, "of the data's"),
            Column("Training", lambda row: seconds(row.train_seconds), "train_seconds", True, "processor seconds"),
            Column("Note", _note, "detail"),
        ),
    )
)  # fmt: skip
