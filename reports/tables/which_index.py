"""Which index? For each data set and need, the fastest of ours that meets it, and the fastest of the others."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from reports.store import Store
from reports.tables import Column, Table, rows_of, tables
from reports.tables.nearest_neighbours import EXPERIMENT, nearest_neighbours
from reports.tables.numerals import NONE, count, missing, seconds, share, significant

#: What is needed: its words, and the least recall on other queries than those scored; proved is a need of its own.
NEEDS = (("recall ≥ 90 %", 0.9), ("recall ≥ 95 %", 0.95), ("recall ≥ 99 %", 0.99), ("no neighbour missed", 1.0))
PROVED = "every answer proved"
_SIDES = ("search", "settings", "recall", "qps", "qps_slowest", "qps_fastest", "build_seconds", "peak_mib", "alike")
_FRAME = (
    "dataset", "rows", "dimensions", "threads", "need", *_SIDES, *(f"other_{name}" for name in _SIDES), "ratio", "size",
    "commit", "machine",
)  # fmt: skip


def which_index(store: Store, size: str | None = None) -> pd.DataFrame:
    """A row a data set, number of threads and need; `ratio` is our queries per second over the others'.

    `alike`: what of the same side meets the need within the fastest's own range of repetitions, and so is not told
    apart from it. A need that nothing of a side meets has no name there.
    """
    frame = nearest_neighbours(store, size)
    frame = frame[frame.qps.notna() & frame.recall.notna()]
    chosen_by = frame.recall_choosing if "recall_choosing" in frame else frame.recall
    threads = frame.threads if "threads" in frame else pd.Series(1, index=frame.index)
    rows = []
    for (dataset, used), part in frame.groupby([frame.dataset, threads]):
        for need, least in (*NEEDS, (PROVED, None)):
            # Recall is a mean of shares: the last bits of a sum of ones are no missed neighbour.
            met = part[part.certified == 1.0] if least is None else part[chosen_by[part.index] >= least - 1e-9]
            ours, others = _fastest(met[met.ours.astype(bool)]), _fastest(met[~met.ours.astype(bool)])
            first = next(rows_of(part))
            rows.append(
                {"dataset": dataset, "rows": first.rows, "dimensions": first.dimensions, "threads": used, "need": need}
                | ours
                | {f"other_{name}": value for name, value in others.items()}
                | {"ratio": ours["qps"] / others["qps"], "size": _size(store, size)}
                | {"commit": first.commit, "machine": first.machine}
            )
    return pd.DataFrame(rows, columns=list(_FRAME))


def _fastest(met: pd.DataFrame) -> dict[str, Any]:
    if met.empty:
        return dict.fromkeys(_SIDES, math.nan) | {"search": "", "settings": "", "alike": ""}
    order = met.sort_values("qps", ascending=False)
    first = next(rows_of(order))
    alike = order[(order.qps_fastest >= first.qps_slowest) & (order.search != first.search)].search.unique()
    return {name: getattr(first, name) for name in _SIDES if name != "alike"} | {"alike": ", ".join(alike)}


def _size(store: Store, size: str | None) -> str:
    from reports.tables import recorded

    found = recorded(store, EXPERIMENT, size)
    return found[0].size if found else ""


def _named(side: str) -> Any:
    def text(row: Any) -> str:
        name, settings, alike = (getattr(row, side + part) for part in ("search", "settings", "alike"))
        if not name or missing(name):
            return "none"
        told = f"{name} · {settings}" if settings and not missing(settings) else name
        return f"{told} (not told apart: {alike})" if alike and not missing(alike) else told

    return text


def _speed(side: str) -> Any:
    def text(row: Any) -> str:
        middle, low, high = (getattr(row, side + part) for part in ("qps", "qps_slowest", "qps_fastest"))
        return NONE if missing(middle) else f"{significant(middle)} ({significant(low)} – {significant(high)})"

    return text


tables.register("which-index")(
    Table(
        name="which-index",
        title="Which index?",
        about="For each need the fastest search of this package that meets it, and the fastest of the others, from the "
        "same interleaved run: queries per second, the median (slowest – fastest). Settings were chosen on other "
        "queries than those scored where the records have both. A ratio above 1 is in our favour.",
        experiment=EXPERIMENT,
        make=which_index,
        columns=(
            Column("Data", lambda row: f"{row.dataset}, {count(row.rows)} × {count(row.dimensions)}", "dataset"),
            Column("Threads", lambda row: count(row.threads), "threads", True),
            Column("Need", lambda row: row.need, "need"),
            Column("Of ours", _named(""), "search"),
            Column("Recall", lambda row: share(row.recall), "recall", True),
            Column("Queries per second", _speed(""), "qps", True),
            Column("Build", lambda row: seconds(row.build_seconds), "build_seconds", True),
            Column("Of the others", _named("other_"), "other_search"),
            Column("their queries per second", _speed("other_"), "other_qps", True),
            Column("their build", lambda row: seconds(row.other_build_seconds), "other_build_seconds", True),
            Column("Ratio", lambda row: significant(row.ratio), "ratio", True, "ours over theirs"),
        ),
    )
)
