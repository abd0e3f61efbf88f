"""The experiments that measure: question, figures, table, caveats and provenance of each."""

from __future__ import annotations

from collections.abc import Iterator

from reports.experiment import experiments
from reports.figures import Figure, figures
from reports.page.markup import Html, badge, data_table, tag
from reports.page.provenance import footnote
from reports.store import Store
from reports.svg import Picture
from reports.tables import Table, recorded, tables
from reports.tables.claims import EXPERIMENT as CLAIMS


def sections(store: Store, size: str | None) -> Iterator[Html]:
    """A section for each experiment that has tables, except the claims, which have their own; the timed ones first."""
    shown = [table for table in tables.values() if table.experiment and table.experiment != CLAIMS]
    names = dict.fromkeys(table.experiment for table in shown)
    for name in sorted(names, key=lambda name: (not experiments[name].timing, name)):
        yield _section(store, size, name, [table for table in shown if table.experiment == name])


def _section(store: Store, size: str | None, name: str, own: list[Table]) -> Html:
    experiment = experiments[name]
    records = recorded(store, name, size)
    title = own[0].title
    if not records:
        told = tag("p", "Nothing recorded yet: ", tag("code", f"implicitbench run {name}"))
        return tag("section", tag("h2", title), told, id=name)
    drawn = [figure_block(figure, store, size) for figure in figures.values() if figure.experiment == name]
    caveats = getattr(experiment, "caveats", ())
    return tag(
        "section",
        tag("h2", title),
        tag("p", experiment.question, class_="question"),
        drawn,
        [_table(table, store, size) for table in own],
        tag("h3", "Read with care") if caveats else None,
        tag("ul", [tag("li", caveat) for caveat in caveats]) if caveats else None,
        id=name,
    )


def figure_block(figure: Figure, store: Store, size: str | None, *more: object) -> Html | None:
    """The figure with its caption, which `more` ends, and its provenance; None where nothing is drawn."""
    pictures = figure.draw(store, size)
    if not pictures:
        return None
    return tag(
        "figure",
        tag("figcaption", tag("b", figure.title, "."), " ", figure.about, *more),
        tag("div", [_picture(picture) for picture in pictures], class_=f"pictures {figure.name}"),
        footnote(recorded(store, figure.experiment, size)),
        id=f"figure-{figure.name}",
    )


def _picture(picture: Picture) -> Html:
    return tag("div", Html(picture.svg), class_="frame")


def _table(table: Table, store: Store, size: str | None) -> Html:
    frame = table.make(store, size)
    marks = {"status": lambda row: _status(row.status, row.detail)}
    return Html(
        tag("h3", "Every number")
        + tag("p", table.about)
        + data_table(table, frame, cells=marks, stub=2)
        + footnote(recorded(store, table.experiment, size), download=table.name)
    )


def _status(status: str, detail: str) -> Html:
    kind = {"ok": "good", "skipped": "plain"}.get(status, "bad")
    return Html(badge(status, kind) + (tag("div", detail, class_="quiet") if detail else ""))
