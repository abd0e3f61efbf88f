"""The whole document: style, sections and script in one file, without a single request to anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from reports.page import claims, provenance, results, summary
from reports.page.markup import Html, join, tag
from reports.store import Store

#: What a browser may do with the page: nothing but show it.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
_LINKS = (
    ("claims", "Claims"),
    ("errata", "Errata"),
    ("nearest-neighbours", "Nearest neighbours"),
    ("implicit-models", "Models"),
    ("contents", "All sections"),
    ("provenance", "Provenance"),
)


def document(store: Store, size: str | None = None) -> str:
    """The page as HTML. The same store gives the same text."""
    records = store.records(size=size)
    sections = [
        summary.section(store, size),
        _contents(),
        claims.section(store, size),
        claims.errata_section(store, size),
        *results.sections(store, size),
        provenance.section(records),
    ]
    return shell("implicitbench: what is true, what is good, what is fast", _LINKS, sections)


def _contents() -> Html:
    """A link to every section of measurements; the summary and the menu name the first ones only."""
    items = [tag("li", tag("a", title, href=f"#{name}")) for name, title in results.links()]
    return tag("nav", tag("h2", "What was measured"), tag("ul", items), id="contents", aria_label="Measurements")


def shell(title: str, links: Sequence[tuple[str, str]], sections: Sequence[Html]) -> str:
    """A whole page of `sections`, with a menu of (id, text) `links`; it needs nothing beside it."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("title", title),
        tag("style", Html(_asset("page.css"))),
    )
    body = tag(
        "body",
        tag("a", "To the contents", href="#main", class_="skip"),
        _header(links),
        tag("main", sections, id="main"),
        tag("script", Html(_asset("page.js"))),
    )
    return "<!doctype html>\n" + tag("html", head, "\n", body, lang="en") + "\n"


def _header(links: Sequence[tuple[str, str]]) -> Html:
    menu = tag("nav", [tag("a", text, href=f"#{target}") for target, text in links], aria_label="Sections")
    theme = tag("button", "Light / dark", type="button", id="theme", hidden=True)
    return tag("header", tag("a", "implicitbench", href="#main", class_="mark"), menu, theme)


def _asset(name: str) -> str:
    return join(Html((files("reports.page") / name).read_text(encoding="utf-8")))
