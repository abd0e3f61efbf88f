"""The page of the series over commits: what got worse, a table of all, and each in detail under a link of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reports.history.plot import plot, sparkline, words
from reports.history.series import Series
from reports.page.document import shell
from reports.page.markup import Html, badge, data_table, join, tag
from reports.page.provenance import short_commit
from reports.tables import Column, Table
from reports.tables.numerals import significant

_FRAME = (
    "name", "source", "machine", "unit", "commits", "first", "last", "change", "regressions", "worse_at",
    "first_commit", "last_commit",
)  # fmt: skip


def frame_of(series: Sequence[Series]) -> pd.DataFrame:
    """A row a series: where it began, where it stands, and the commits at which it got worse."""
    rows = [
        (
            one.name, one.source, one.where, one.unit, len(one.points), one.points[0].value, one.points[-1].value,
            one.points[-1].value / one.points[0].value - 1 if one.points[0].value and len(one.points) > 1 else np.nan,
            len(one.regressions), " ".join(step.commit for step in one.regressions),
            one.points[0].commit, one.points[-1].commit,
        )
        for one in series
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(_FRAME))


def _percent(value: float) -> str:
    return "–" if value != value else f"{100 * value:+.1f} %".replace("-", "−")


table = Table(
    name="history",
    title="Over commits",
    about="Each benchmark of asv, and what the journal has of several commits. Regressions of asv's series are those "
    "that asv found; of the journal's, steps whose ranges of repetitions lie apart.",
    experiment="",
    make=lambda store, size: frame_of([]),  # noqa: ARG005 - its rows come from asv besides, so the page makes them
    columns=(
        Column("Series", lambda row: row.name, "name"),
        Column("From", lambda row: row.source, "source"),
        Column("Machine", lambda row: row.machine, "machine"),
        Column("Unit", lambda row: row.unit, "unit"),
        Column("Commits", lambda row: str(row.commits), "commits", numeric=True),
        Column("First", lambda row: significant(row.first), "first", numeric=True),
        Column("Last", lambda row: significant(row.last), "last", numeric=True),
        Column("Change", lambda row: _percent(row.change), "change", numeric=True),
        Column("Regressions", lambda row: str(row.regressions), "regressions", numeric=True),
    ),
)


def document(series: Sequence[Series]) -> str:
    """The page as HTML; the same series give the same text."""
    frame = frame_of(series)
    known = {(one.name, one.source, one.where): one for one in series}

    def named(row: Any) -> Html:
        one = known[row.name, row.source, row.machine]
        return join(tag("a", row.name, href=f"#series-{_key(one)}"), tag("br"), sparkline(one))

    cells = {
        "name": named,
        "regressions": lambda row: badge(str(row.regressions), "bad") if row.regressions else "0",
    }
    worse = [one for one in series if one.regressions]
    sections = [
        tag(
            "section",
            tag("h1", "Over commits: what got slower, and since when"),
            tag("p", f"{len(series)} series, {len(worse)} with a regression."),
            tag("ul", [_worse(one) for one in worse]) if worse else None,
            id="regressions",
        ),
        tag(
            "section",
            tag("h2", table.title),
            tag("p", table.about),
            data_table(table, frame, cells=cells),
            _files(),
            id="series",
        ),
        tag("section", tag("h2", "Each in detail"), [_detail(one) for one in series], id="details"),
    ]
    links = (("regressions", "Regressions"), ("series", "Series"), ("details", "Details"))
    return shell("implicitbench: over commits", links, sections)


def _key(one: Series) -> str:
    """Short, and the same on every page that has the series."""
    return hashlib.sha256("\n".join((one.source, one.where, one.name)).encode()).hexdigest()[:12]


def _worse(one: Series) -> Html:
    told = [
        join(
            f" {significant(step.was)} → {significant(step.became)} {one.unit} at ",
            tag("code", short_commit(step.commit)[:12]),
            f" (after {short_commit(step.before)[:12]})" if step.before else None,
        )
        for step in one.regressions
    ]
    return tag("li", tag("a", one.name, href=f"#series-{_key(one)}"), ":", told)


def _detail(one: Series) -> Html:
    key = _key(one)
    told = badge(f"{len(one.regressions)} worse", "bad") if one.regressions else None
    here = tag("a", "#", href=f"#series-{key}", class_="here", aria_label=f"Link to {one.name}")
    heads = [tag("th", text, scope="col", class_=kind) for text, kind in (("Commit", None), (one.unit, "number"))]
    rows = [
        tag(
            "tr", tag("th", tag("code", short_commit(p.commit)), scope="row"), tag("td", repr(p.value), class_="number")
        )
        for p in one.points
    ]
    values = tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows), class_="trials")
    return tag(
        "details",
        tag("summary", tag("span", one.name, class_="name"), told, here),
        tag("p", words(one), class_="quiet"),
        tag("div", plot(one, f"plot-{key}"), class_="frame"),
        tag("div", values, class_="scroll", tabindex="0", role="region", aria_label=f"Values of {one.name}"),
        id=f"series-{key}",
        class_="claim",
    )


def _files() -> Html:
    files = [
        tag("a", ending.upper(), href=f"tables/history.{ending}", download=True, class_="file")
        for ending in ("csv", "md", "tex", "html")
    ]
    return tag("p", files, class_="footnote")
