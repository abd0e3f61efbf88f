"""IMLE, plain and weighted, against maximum likelihood: the parameter and the nats lost against m."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures import Figure, figures
from reports.record import Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import rows_of
from reports.tables.imle_and_likelihood import EXPERIMENT
from reports.tables.imle_and_likelihood import imle_and_likelihood as frame_of


def imle_and_likelihood(store: Store, size: str | None = None) -> list[Picture]:
    """One picture: above, a panel a family with its parameter; below, the nats lost."""
    frame = frame_of(store, size)
    frame = frame[frame.status == str(Status.OK)].dropna(subset=["parameter"])
    if not len(frame):
        return []
    families = list(dict.fromkeys(frame.family))
    with canvas(2.9 * len(families) + 0.5, 5.2, nrows=2, ncols=len(families), sharex="col") as (figure, axes):
        for place, family in enumerate(families):
            part = frame[frame.family == family]
            top, bottom = axes[:, place]
            top.axhline(part.maximum_likelihood.iloc[0], color=FAINT, lw=1, ls=(0, (4, 3)))
            bottom.axhline(0, color=FAINT, lw=1, ls=(0, (4, 3)))
            for number, model in enumerate(sorted(part.model.unique())):
                rows = part[part.model == model].sort_values("m")
                _lines(top, rows, "parameter", "predicted", number, model)
                _lines(bottom, rows, "nats_lost", "nats_lost_predicted", number, model)
            for ax in (top, bottom):
                ax.set_xscale("log", base=2)
                ax.grid(True)
                ax.set_axisbelow(True)
            top.set_title(family, loc="left")
            top.set_ylabel(part.what.iloc[0])
            bottom.set_ylabel("nats a datum lost")
            bottom.set_xlabel("m, samples an outer step")
        axes[0, 0].legend(fontsize=8)
        words = "; ".join(
            f"{r.family}, {r.model}, m = {r.m}: {r.parameter:.3f}, predicted {r.predicted:.3f}, most likely "
            f"{r.maximum_likelihood:.3f}, {r.nats_lost:.3f} nats lost"
            for r in rows_of(frame)
        )
        return [
            picture(
                figure,
                name="imle-and-likelihood",
                title="What a trained IMLE finds beside maximum likelihood",
                description="Marks: trained; hollow marks: predicted by quadrature; dashed: maximum likelihood. "
                f"{words}.",
            )
        ]


def _lines(ax: Any, rows: pd.DataFrame, what: str, predicted: str, number: int, model: str) -> None:
    ax.plot(rows.m, rows[predicted], color=SERIES[number], lw=1, marker=MARKERS[number], ms=7, mfc="none")
    ax.errorbar(
        rows.m, rows[what], yerr=2 * rows[f"{what}_stderr"].fillna(0.0), color=SERIES[number], marker=MARKERS[number],
        ms=4, lw=0, elinewidth=1.2, label=model,
    )  # fmt: skip


figures.register("imle-and-likelihood")(
    Figure(
        name="imle-and-likelihood",
        title="IMLE and maximum likelihood",
        about="Filled marks: as trained, ± two standard errors over the seeds; hollow marks and lines: where the "
        "expected gradient is zero, by quadrature; dashed: maximum likelihood. Plain IMLE is too wide for many samples "
        "and too narrow for few; the weights come back to the likelihood as the samples grow, "
        "and with few of them do worse.",
        experiment=EXPERIMENT,
        draw=imle_and_likelihood,
    )
)
