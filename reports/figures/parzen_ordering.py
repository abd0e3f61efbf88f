"""Parzen likelihood by sampler, best first, with what it does not see beside it, and what the samplers draw."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from reports.experiments.parzen_ordering import REFERENCE
from reports.figures import Figure, figures
from reports.record import Record
from reports.store import Store
from reports.svg import FAINT, INK, SERIES, Picture, canvas, picture
from reports.tables import recorded, rows_of
from reports.tables.numerals import share, with_error
from reports.tables.parzen_ordering import EXPERIMENT, parzen_ordering, sampler_name

#: Column, its heading, the colour of its dots.
_PANELS = (
    ("log_likelihood", "Parzen log-likelihood", "nats", SERIES[0]),
    ("precision", "precision", "share", SERIES[2]),
    ("recall", "recall", "share", SERIES[1]),
    ("coverage", "coverage", "share", SERIES[3]),
)


def parzen(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a data set: a row a sampler, ordered by likelihood; fresh images as a dashed line."""
    frame = parzen_ordering(store, size)
    drawn: dict[tuple[str, str], Record] = {}
    for record in recorded(store, EXPERIMENT, size):
        if record.metric == "log-likelihood" and record.payload:
            drawn.setdefault((str(record.params["dataset"]), sampler_name(record)), record)
    return [
        _draw(str(dataset), part, {sampler: r for (d, sampler), r in drawn.items() if d == dataset})
        for dataset, part in frame.groupby("dataset", sort=False)
        if part.log_likelihood.notna().any()
    ]


def _draw(dataset: str, frame: pd.DataFrame, drawn: dict[str, Record]) -> Picture:
    frame = frame[frame.log_likelihood.notna()]
    samplers = list(frame.sampler)[::-1]
    widths = {"width_ratios": [1.35, 2.2, 1, 1, 1]}
    with canvas(11.2, 1.15 + 0.46 * len(samplers), ncols=5, sharey=True, gridspec_kw=widths) as (figure, axes):
        _images(axes[0, 0], samplers, drawn)
        for ax, (column, heading, unit, colour) in zip(axes[0, 1:], _PANELS, strict=True):
            _dots(ax, frame, samplers, column, colour)
            ax.set_title(heading, loc="left")
            ax.set_xlabel(unit, loc="left", fontsize=9, color=FAINT)
            if unit == "share":
                ax.set_xlim(-0.06, 1.06)
                ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        axes[0, 0].set_yticks(range(len(samplers)), samplers)
        axes[0, 0].set_ylim(-0.6, len(samplers) - 0.4)
        centres = int(frame.centres.iloc[0])
        title = f"{dataset}, {centres} images of each sampler"
        figure.suptitle(title, x=0.008, ha="left", fontsize=10.5, fontweight="bold", color=INK)
        return picture(
            figure,
            name=f"parzen-{dataset}",
            title=f"What the Parzen likelihood prefers on {dataset}",
            description=_words(dataset, frame),
        )


def _dots(ax: Any, frame: pd.DataFrame, samplers: list[str], column: str, colour: str) -> None:
    ax.grid(True, axis="x")
    ax.set_axisbelow(True)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0, labelsize=10, labelcolor=INK)
    fresh = frame[frame.sampler == REFERENCE]
    if len(fresh):
        ax.axvline(float(fresh[column].iloc[0]), color=FAINT, lw=1, ls=(0, (3, 3)), zorder=1)
    for row in rows_of(frame):
        value, error = getattr(row, column), getattr(row, f"{column}_stderr")
        if value is None or math.isnan(value):
            continue
        shade = FAINT if row.sampler == REFERENCE else colour
        if not math.isnan(error):
            ax.errorbar(value, samplers.index(row.sampler), xerr=error, color=shade, elinewidth=2, zorder=3)
        ax.plot(value, samplers.index(row.sampler), "o", color=shade, ms=7, zorder=4)


def _images(ax: Any, samplers: list[str], drawn: dict[str, Record]) -> None:
    """Some images of each sampler in its row, black on white whatever the page's colours."""
    ax.set_xlim(0, 6)
    ax.set_xticks([])
    ax.tick_params(axis="y", length=0, labelsize=10, labelcolor=INK)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for sampler, record in drawn.items():
        side, at = int(record.payload["side"]), samplers.index(sampler)
        for place, row in enumerate(np.asarray(record.payload["samples"], dtype=np.float64)[:6]):
            box = (place + 0.04, place + 0.96, at - 0.46, at + 0.46)
            image = row.reshape(side, side)
            ax.imshow(image, cmap="gray_r", vmin=0, vmax=1, extent=box, aspect="auto", interpolation="nearest")
    ax.set_xlim(0, 6)


def _words(dataset: str, frame: pd.DataFrame) -> str:
    told = [
        f"{row.sampler}: {with_error(row.log_likelihood, row.log_likelihood_stderr)} nats, precision "
        f"{share(row.precision)}, recall {share(row.recall)}, coverage {share(row.coverage)}"
        for row in rows_of(frame)
    ]
    return f"Dot plots for {dataset}, samplers by Parzen log-likelihood, highest first. " + "; ".join(told) + "."


figures.register("parzen-ordering")(
    Figure(
        name="parzen-ordering",
        title="What a Parzen likelihood prefers",
        about="Samplers by their Parzen log-likelihood, best at the top, with some of their images. The dashed line is "
        "fresh images of the data themselves: whatever lies to the right of it is said to be likelier than they are. "
        "What is lost above the line recall alone sees; below it, precision and coverage as well.",
        experiment=EXPERIMENT,
        draw=parzen,
    )
)
