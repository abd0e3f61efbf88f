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


def links() -> Iterator[tuple[str, str]]:
    """(id, title) of every section that `sections` gives, in its order."""
    shown = [table for table in tables.values() if table.experiment and table.experiment != CLAIMS]
    titles: dict[str, str] = {}
    for table in shown:
        titles.setdefault(table.experiment, table.title)
    yield from sorted(titles.items(), key=lambda item: (not experiments[item[0]].timing, item[0]))


def sections(store: Store, size: str | None) -> Iterator[Html]:
    """A section for each experiment that has tables, except the claims, which have their own; the timed ones first."""
    for name, _ in links():
        yield _section(store, size, name, [table for table in tables.values() if table.experiment == name])


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
        [_table(table, store, size, table.title if table.title != title else "Every number") for table in own],
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


def _table(table: Table, store: Store, size: str | None, heading: str) -> Html:
    frame = table.make(store, size)
    records = [record for name in (table.experiment, *table.joins) for record in recorded(store, name, size)]
    marks = {"status": lambda row: _status(row.status, row.detail)}
    return Html(
        tag("h3", heading)
        + tag("p", table.about)
        + data_table(table, frame, cells=marks, stub=2)
        + footnote(records, download=table.name)
    )


def _status(status: str, detail: str) -> Html:
    kind = {"ok": "good", "skipped": "plain"}.get(status, "bad")
    return Html(badge(status, kind) + (tag("div", detail, class_="quiet") if detail else ""))
