"""The binned JSD of two samples of one law against the number of bins, and against the number of points."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports.figures import Figure, figures
from reports.record import Status
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import rows_of
from reports.tables.jsd_limits import EXPERIMENT, jsd_limits

#: Lines a panel: one a series colour at most.
_LINES = 5


def jsd_limits_curves(store: Store, size: str | None = None) -> list[Picture]:
    """One picture: the means, bars of two standard errors, against k for each n and against n for some k.

    Solid lines are the exact expectations of the uniform law; means of other laws are hollow, on dotted lines.
    """
    frame = jsd_limits(store, size)
    frame = frame[frame.status == str(Status.OK)].dropna(subset=["jsd"])
    if not len(frame):
        return []
    laws = sorted(frame.law.unique(), reverse=True)
    with canvas(9.6, 3.7, ncols=2, sharey=True) as (figure, axes):
        for ax, across, along in ((axes[0, 0], "k", "n"), (axes[0, 1], "n", "k")):
            ax.axhline(math.log(2), color=FAINT, lw=1, ls=(0, (4, 3)))
            # More bins than a few a row stay at log 2 for all of the sizes measured.
            values = (
                sorted(frame[along].unique())
                if along == "n"
                else sorted(frame.k[frame.k <= 4 * frame.n.max()].unique())
            )
            for place, value in enumerate(_spread(values)):
                for i, law in enumerate(laws):
                    part = frame[(frame.law == law) & (frame[along] == value)].sort_values(across)
                    _line(ax, part, across, SERIES[place], i, f"{along} = {value:,}".replace(",", "\u202f"))
            ax.set_xscale("log")
            ax.set_ylim(-0.02, 1.4 * math.log(2))  # room for the legend
            ax.grid(True)
            ax.set_axisbelow(True)
            ax.legend(fontsize=8.5, loc="upper left", ncol=3)
        axes[0, 0].set_xlabel("bins a unit of length, k")
        axes[0, 0].set_ylabel("JSD, nats")
        axes[0, 0].set_title("bins shrink at fixed n: to log 2", loc="left")
        axes[0, 1].set_xlabel("rows of each sample, n")
        axes[0, 1].set_title("samples grow at fixed bins: to 0", loc="left")
        words = "; ".join(
            f"{row.law}, n = {row.n}, k = {row.k}: {row.jsd:.3f}"
            for row in rows_of(frame[frame.k.isin(_spread(sorted(frame.k.unique())))])
        )
        return [
            picture(
                figure,
                name="jsd-limits",
                title="Binned JSD between two samples of one law",
                description="Mean JSD of the histograms against the bins a unit of length, and against the rows of "
                f"each sample; log 2 is dashed, and the truth is 0. {words}.",
            )
        ]


def _line(ax: Any, part: pd.DataFrame, across: str, colour: str, law: int, label: str) -> None:
    exact = part.dropna(subset=["expected"])
    if len(exact):
        ax.plot(exact[across], exact.expected.astype(float), "-", color=colour, lw=1.5, label=label)
    ax.errorbar(
        part[across], part.jsd.astype(float), yerr=2 * part.jsd_stderr.fillna(0.0), color=colour,
        ls="none" if len(exact) else ":", marker=MARKERS[law], ms=4, lw=1, elinewidth=1,
        mfc=colour if len(exact) else "none",
    )  # fmt: skip


def _spread(values: list[int]) -> list[int]:
    """At most five of the values, evenly spread, both ends among them."""
    if len(values) <= _LINES:
        return values
    return [values[round(i * (len(values) - 1) / (_LINES - 1))] for i in range(_LINES)]


figures.register("jsd-limits")(
    Figure(
        name="jsd-limits",
        title="Binned JSD of two samples of one law",
        about="Both samples come from one law, so that the truth is 0. Filled marks: uniform on [0, 1], mean ± two "
        "standard errors, on the line of its exact expectation; hollow marks: standard normal. The bins decide the "
        "answer: any value from 0 to log 2, the dashed line, can be had of one pair of samples.",
        experiment=EXPERIMENT,
        draw=jsd_limits_curves,
    )
)
