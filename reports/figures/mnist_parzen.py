"""Nats against seconds with a band over the seeds, and what the models draw beside what that is near."""

from __future__ import annotations

from typing import Any

import numpy as np

from reports.experiments.mnist_parzen import MODELS
from reports.figures import Figure, figures
from reports.image_sheet import sheet
from reports.record import Record
from reports.store import Store
from reports.svg import FAINT, MARKERS, Picture, canvas, picture, series_colours
from reports.tables import recorded, rows_of
from reports.tables.mnist_parzen import EXPERIMENT, UNREAD
from reports.tables.mnist_parzen import mnist_parzen as mnist_parzen_table
from reports.tables.numerals import significant


def mnist_parzen(store: Store, size: str | None = None) -> list[Picture]:
    """Two pictures a data set: curves beside the reference rows, and images of the first seed of each model."""
    by_data: dict[str, dict[str, list[Record]]] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.metric == "log-likelihood" and record.payload:
            by_model = by_data.setdefault(str(record.params["dataset"]), {})
            by_model.setdefault(str(record.params["model"]), []).append(record)
    frame = mnist_parzen_table(store, size)
    pictures = []
    for dataset, by_model in by_data.items():
        ordered = {name: by_model[name] for name in (*MODELS, *by_model) if name in by_model}
        references = [row for row in rows_of(frame[frame.dataset == dataset]) if row.kind == "reference"]
        pictures += [_curves(dataset, ordered, references), _images(dataset, ordered)]
    return pictures


def _curves(dataset: str, by_model: dict[str, list[Record]], references: list[Any]) -> Picture:
    colours = series_colours(by_model)
    told = []
    with canvas(7.6, 3.9) as (figure, axes):
        ax = axes[0, 0]
        for marker, (model, records) in zip(MARKERS, by_model.items(), strict=False):
            curves = np.array([record.payload["curve"] for record in records], dtype=np.float64)
            seconds, nats = curves[..., 1].mean(axis=0), curves[..., 2]
            ax.fill_between(seconds, nats.min(axis=0), nats.max(axis=0), color=colours[model], alpha=0.25, lw=0)
            ax.plot(seconds, nats.mean(axis=0), marker, ls="-", color=colours[model], ms=5, label=model)
            told.append(f"{model}: {significant(nats[:, -1].mean())} nats after {significant(seconds[-1], 2)} s")
        # Rows in order of their number: of two that nearly coincide, one name lies above its line, one below.
        for place, row in enumerate(sorted(references, key=lambda row: row.log_likelihood)):
            if row.log_likelihood == row.log_likelihood:
                ax.axhline(row.log_likelihood, color=FAINT, lw=1, ls=(0, (3, 3)), zorder=1)
                ax.annotate(
                    row.row, (1, row.log_likelihood), xycoords=("axes fraction", "data"), ha="right",
                    va=("top", "bottom")[place % 2], fontsize=8.5, color=FAINT,
                )  # fmt: skip
                told.append(f"{row.row}: {significant(row.log_likelihood)} nats")
            else:
                told.append(UNREAD)
                ax.set_xlabel(f"reference rows {UNREAD}", fontsize=9)
        ax.set(xscale="log", ylabel="nats, validation images")
        if all(row.log_likelihood == row.log_likelihood for row in references):
            ax.set_xlabel("processor seconds of training")
        ax.grid(True)
        ax.set_axisbelow(True)
        ax.legend(loc="best", fontsize=9)
        ax.set_title(f"Parzen likelihood while training, {dataset}", loc="left")
        return picture(
            figure,
            name=f"mnist-parzen-{dataset}",
            title=f"Parzen likelihood while training on {dataset}",
            description="Mean of the seeds, with a band from the least to the largest, and dashed lines for images and "
            "centroids that no model drew. " + "; ".join(told) + ".",
        )


def _images(dataset: str, by_model: dict[str, list[Record]]) -> Picture:
    rows = (("samples", "samples"), ("nearest training images", "nearest"), ("between two latents", "between"))
    with canvas(6.6, 0.35 + 1.95 * len(by_model), nrows=len(by_model)) as (figure, axes):
        for ax, (model, records) in zip(axes[:, 0], by_model.items(), strict=True):
            payload = records[0].payload
            side, columns = int(payload["side"]), len(payload["samples"])
            images = np.concatenate([np.asarray(payload[key], dtype=np.float64) for _, key in rows])
            ax.imshow(sheet(images.reshape(-1, side, side), columns), interpolation="none", resample=False)
            ax.set_xticks([])
            middle = (side + 1) * np.arange(len(rows)) + side / 2
            ax.set_yticks(middle, [label for label, _ in rows], fontsize=8.5)
            ax.tick_params(axis="y", length=0)
            for spine in ax.spines.values():
                spine.set_visible(False)
            ax.set_title(model, loc="left")
        return picture(
            figure,
            name=f"mnist-parzen-images-{dataset}",
            title=f"What the models draw on {dataset}",
            description="For each model, of its first seed, three rows of images: "
            + "; ".join(label for label, _ in rows)
            + ". Unchosen. Models: "
            + ", ".join(by_model)
            + ".",
        )


figures.register("mnist-parzen")(
    Figure(
        name="mnist-parzen",
        title="Parzen likelihood of trained models",
        about="A band from the least to the largest seed. The dashed lines are images and centroids of k-means, which "
        "nobody trained: a curve above fresh images draws likelier averages, not better images. Below each model's "
        "samples lie the training images nearest to them, and images along an arc between two latents.",
        experiment=EXPERIMENT,
        draw=mnist_parzen,
    )
)
