"""Recall against queries per second: up and to the right is better."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.figures import Figure, figures
from reports.store import Store
from reports.svg import FAINT, MARKERS, SERIES, Picture, canvas, picture
from reports.tables import rows_of
from reports.tables.nearest_neighbours import EXPERIMENT, nearest_neighbours
from reports.tables.numerals import count, share, significant


def recall_speed(store: Store, size: str | None = None) -> list[Picture]:
    """One picture a data set: a point a setting, a bar from the slowest to the fastest repetition, and the frontier."""
    frame = nearest_neighbours(store, size).dropna(subset=["recall", "qps"])
    searches = {name: place for place, name in enumerate(sorted(frame.search.unique(), key=_ours_first))}
    return [_panel(str(name), part, searches) for name, part in frame.groupby("dataset", sort=True)]


def _ours_first(name: str) -> tuple[bool, str]:
    return not name.startswith("knn "), name


def _panel(dataset: str, frame: pd.DataFrame, searches: dict[str, int]) -> Picture:
    name = f"recall-{dataset}"
    tips: dict[str, str] = {}
    with canvas(6.4, 4.6) as (figure, axes):
        ax = axes[0, 0]
        ax.set_yscale("log")
        ax.grid(True, which="major", axis="both")
        _frontier(ax, frame)
        for search, part in frame.sort_values("recall").groupby("search", sort=False):
            _series(ax, str(search), part, searches[str(search)], tips)
        low = float(frame.recall.min())
        ax.set_xlim(max(-0.02, low - 0.06 * (1.04 - low)), 1 + 0.04 * (1.04 - low))
        ax.set_title(_title(frame), loc="left")
        ax.set_xlabel("recall of the 10 nearest")
        ax.set_ylabel("queries per second, one thread")
        figure.legend(*_ordered(ax, searches), loc="outside lower center", ncols=3, fontsize=9, handletextpad=0.4)
        ax.set_axisbelow(True)
        return picture(
            figure, name=name, title=f"Recall and speed on {dataset}", description=_words(dataset, frame), tips=tips
        )


def _series(ax: Any, search: str, part: pd.DataFrame, place: int, tips: dict[str, str]) -> None:
    colour, marker = SERIES[place % len(SERIES)], MARKERS[place % len(MARKERS)]
    ours = bool(part.ours.iloc[0])
    reach = [part.qps - part.qps_slowest, part.qps_fastest - part.qps]
    ax.errorbar(part.recall, part.qps, yerr=reach, fmt="none", ecolor=colour, elinewidth=1.1, zorder=3)
    ax.plot(part.recall, part.qps, color=colour, lw=2.0 if ours else 1.0, alpha=0.9 if ours else 0.55, zorder=2)
    for number, row in enumerate(rows_of(part)):
        drawn = ax.plot(
            [row.recall],
            [row.qps],
            marker,
            color=colour,
            ms=7.5 if ours else 5.5,
            mec=colour,
            zorder=4,
            label=search if number == 0 else None,
        )
        gid = f"tip-{place}-{number}"
        drawn[0].set_gid(gid)
        settings = f" · {row.settings}" if row.settings else ""
        tips[gid] = f"{search}{settings}: recall {share(row.recall)}, {significant(row.qps)} queries/s"


def _frontier(ax: Any, frame: pd.DataFrame) -> None:
    best = frame[frame.frontier].sort_values(["recall", "qps"], ascending=[True, False])
    ax.step(best.recall, best.qps, where="pre", color=FAINT, lw=6, alpha=0.22, zorder=1, solid_capstyle="round")
    if len(best) > 1:
        first = best.iloc[0]
        ax.annotate(
            "frontier", (first.recall, first.qps), xytext=(2, 9), textcoords="offset points", color=FAINT, fontsize=9
        )


def _ordered(ax: Any, searches: dict[str, int]) -> tuple[list[Any], list[str]]:
    handles, labels = ax.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: searches[labels[i]])
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
        about="Each point is one setting of one search, with a bar from its slowest to its fastest repetition. Up and "
        "to the right is better; the grey band joins the settings that nothing beats in both.",
        experiment=EXPERIMENT,
        draw=recall_speed,
    )
)
