"""Recall against queries per second: up and to the right is better."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from reports.figures import Figure, figures
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import rows_of
from reports.tables.nearest_neighbours import EXPERIMENT, nearest_neighbours
from reports.tables.numerals import count, share, significant

#: 1 + ε of the stretched axis: ε = 0.004 puts 1 as far beyond 0.99 as 0.99 is beyond 0.96.
_BEYOND = 1.004
#: Half a marker beyond 1.
_END = 1.0007
_TICKS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


def recall_speed(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a data set and number of threads: a point a setting, a bar over the repetitions, and the frontier."""
    frame = nearest_neighbours(store, size).dropna(subset=["recall", "qps"])
    # Ours and the others count apart: each has all colours to itself, ours filled and theirs hollow.
    ours = sorted(frame.search[frame.ours].unique())
    others = sorted(frame.search[~frame.ours].unique())
    searches = {name: place for group in (ours, others) for place, name in enumerate(group)}
    return [_panel(str(name), part, searches) for (name, _), part in frame.groupby(["dataset", "threads"], sort=True)]


def _panel(dataset: str, frame: pd.DataFrame, searches: dict[str, int]) -> Picture:
    threads = f"{frame.threads.iloc[0]:.0f} threads" if frame.threads.iloc[0] > 1 else "one thread"
    name = f"recall-{dataset}" + ("" if threads == "one thread" else f"-{threads.replace(' ', '-')}")
    tips: dict[str, str] = {}
    with canvas(6.4, 4.6) as (figure, axes):
        ax = axes[0, 0]
        ax.set_yscale("log")
        ax.grid(True, which="major", axis="both")
        _frontier(ax, frame)
        for search, part in frame.sort_values("recall").groupby("search", sort=False):
            _series(ax, str(search), part, searches[str(search)], tips)
        _stretch(ax, float(frame.recall.min()))
        ax.set_title(_title(frame), loc="left")
        ax.set_xlabel("recall of the 10 nearest")
        ax.set_ylabel(f"queries per second, {threads}")
        figure.legend(*_ordered(ax), loc="outside lower center", ncols=3, fontsize=9, handletextpad=0.4)
        ax.set_axisbelow(True)
        return picture(
            figure,
            name=name,
            title=f"Recall and speed on {dataset}" + ("" if threads == "one thread" else f", {threads}"),
            description=_words(dataset, frame),
            tips=tips,
        )


def _series(ax: Any, search: str, part: pd.DataFrame, place: int, tips: dict[str, str]) -> None:
    ours = bool(part.ours.iloc[0])
    colour = SERIES[place % len(SERIES)]
    # The others' shapes are shifted, so that what shares a colour with one of ours differs in shape as well.
    marker = MARKERS[(place + (0 if ours else 3) + place // len(MARKERS)) % len(MARKERS)]
    reach = [part.qps - part.qps_slowest, part.qps_fastest - part.qps]
    ax.errorbar(part.recall, part.qps, yerr=reach, fmt="none", ecolor=colour, elinewidth=1.1, zorder=3)
    ax.plot(part.recall, part.qps, color=colour, lw=2.0 if ours else 1.0, alpha=0.9 if ours else 0.55, zorder=2)
    for number, row in enumerate(rows_of(part)):
        drawn = ax.plot(
            [row.recall],
            [row.qps],
            marker,
            color=colour,
            ms=7.5 if ours else 6.0,
            mec=colour,
            mfc=colour if ours else "none",
            mew=1.4,
            zorder=4,
            label=search if number == 0 else None,
        )
        gid = f"tip-{len(tips)}"
        drawn[0].set_gid(gid)
        settings = f" · {row.settings}" if row.settings else ""
        tips[gid] = f"{search}{settings}: recall {share(row.recall)}, {significant(row.qps)} queries/s"


def _stretch(ax: Any, low: float) -> None:
    """The axis of recall r drawn at −log(1 + ε − r): 0.9 to 0.99 takes as much room as 0 to 0.9, and 1 is there."""
    ax.set_xscale(
        "function", functions=(lambda r: -np.log(_BEYOND - np.minimum(r, _END)), lambda x: _BEYOND - np.exp(-x))
    )
    shown = [tick for tick in _TICKS if tick >= low]
    left = max((tick for tick in _TICKS if tick <= low), default=0.0)
    ax.set_xticks([left, *shown] if left not in shown else shown)
    ax.set_xticks([], minor=True)
    ax.xaxis.set_major_formatter(lambda r, _: f"{r:g}")
    ax.set_xlim(left - 0.02, _END)


def _frontier(ax: Any, frame: pd.DataFrame) -> None:
    best = frame[frame.frontier].sort_values(["recall", "qps"], ascending=[True, False])
    ax.step(best.recall, best.qps, where="pre", color=FAINT, lw=6, alpha=0.22, zorder=1, solid_capstyle="round")
    if len(best) > 1:
        first = best.iloc[0]
        ax.annotate(
            "frontier", (first.recall, first.qps), xytext=(2, 9), textcoords="offset points", color=FAINT, fontsize=9
        )


def _ordered(ax: Any) -> tuple[list[Any], list[str]]:
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: (not labels[i].startswith("knn "), labels[i]))
    return [handles[i] for i in order], [labels[i] for i in order]


def _title(frame: pd.DataFrame) -> str:
    row = frame.iloc[0]
    return f"{row.dataset}: {count(row.rows)} rows × {row.dimensions:.0f}, {row.queries:.0f} queries"


def _words(dataset: str, frame: pd.DataFrame) -> str:
    best = frame[frame.frontier].sort_values("recall")
    points = "; ".join(
        f"{row.search} {row.settings}".strip() + f" at recall {share(row.recall)} and {significant(row.qps)} per second"
        for row in rows_of(best)
    )
    return (
        f"Scatter plot of {len(frame)} settings of {frame.search.nunique()} searches on {dataset}, recall against "
        f"queries per second on a logarithmic axis. On the frontier: {points}."
    )


figures.register("recall-speed")(
    Figure(
        name="recall-speed",
        title="Recall against queries per second",
        about="Each point is one setting of one search, ours filled and the others hollow, with a bar from its slowest "
        "to its fastest repetition. Up and to the right is better; the grey band joins the settings that nothing "
        "beats in both, judged on other queries than those drawn. Recall is stretched towards 1, where differences "
        "matter.",
        experiment=EXPERIMENT,
        draw=recall_speed,
    )
)
