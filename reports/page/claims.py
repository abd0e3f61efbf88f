"""Claims and errata: the tables, and for each claim its statement, evidence and mutants under a link of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.figures import figures
from reports.formula import formula
from reports.page.markup import Html, badge, data_table, join, tag
from reports.page.provenance import footnote
from reports.page.results import figure_block
from reports.record import Record
from reports.store import Store
from reports.tables import recorded, rows_of, tables
from reports.tables.claims import EXPERIMENT, mutants_of, report_of, resolution
from reports.tables.numerals import seconds

#: Letters of a piece of evidence that are shown at once; the whole of it is in the journal.
_LONGEST = 240
_KINDS = {
    "truth": "the statement",
    "mutant": "mutant",
    "printed": "as printed",
    "automatic": "automatic mutant",
    "counterexample": "counterexample",
    "boundary": "boundary case",
}


def section(store: Store, size: str | None) -> Html:
    """The table of claims, then every claim in detail."""
    table = tables["claims"]
    frame = table.make(store, size)
    records = recorded(store, EXPERIMENT, size)
    if frame.empty:
        return _empty("claims", table.title)
    links = {
        "id": lambda row: tag("a", row.id, href=f"#claim-{row.id}"),
        "verdict": lambda row: badge(row.verdict.lower(), "mixed" if row.verdict != "TRUE" else "plain"),
        "verified": lambda row: badge(row.outcome if row.verified else "not verified", _kind(row.verified)),
        "refuted": lambda row: join(_squares(row.refuted, row.mutants), f" {row.refuted} of {row.mutants}"),
    }
    reports = [(record, found) for record in records if (found := report_of(record)) is not None]
    reports.sort(key=lambda pair: (pair[1]["topic"], pair[1]["id"]))
    return tag(
        "section",
        tag("h2", table.title),
        tag("p", table.about),
        data_table(table, frame, cells=links),
        footnote(records, download="claims"),
        tag("h3", "Claim by claim"),
        [_detail(record, found) for record, found in reports],
        [_without_report(row) for row in rows_of(frame[frame.status != "ok"])],
        id="claims",
    )


def errata_section(store: Store, size: str | None) -> Html:
    """The table of what sources print wrongly, and a picture where one explains more than a line."""
    table = tables["errata"]
    frame = table.make(store, size)
    drawn = _pictures(store, size)
    pictures = tag("div", list(drawn.values()), class_="corrections") if drawn else None
    if frame.empty and not recorded(store, EXPERIMENT, size):
        return _empty("errata", table.title, pictures)
    links = {
        "claim": lambda row: join(tag("a", row.claim, href=f"#claim-{row.claim}"), _see(drawn, row.claim)),
        "outcome": lambda row: _printed(row),
        "printed": lambda row: tag("span", row.printed, class_="wrong"),
        "correct": lambda row: tag("b", row.correct),
    }
    return tag(
        "section",
        tag("h2", table.title),
        tag("p", table.about),
        data_table(table, frame, cells=links),
        footnote(recorded(store, EXPERIMENT, size), download="errata"),
        pictures,
        id="errata",
    )


def _pictures(store: Store, size: str | None) -> dict[str, Html]:
    """The figures that explain a claim and have something to show, by their names."""
    shown = {record.params.get("claim") for record in recorded(store, EXPERIMENT, size)}
    drawn = {}
    for figure in figures.values():
        if figure.claim:
            # Only a claim that was run has a place on the page.
            link = tag("a", figure.claim, href=f"#claim-{figure.claim}") if figure.claim in shown else figure.claim
            block = figure_block(figure, store, size, " Claim: ", link, ".")
            if block is not None:
                drawn[figure.name] = block
    return drawn


def _see(drawn: Mapping[str, Html], claim: str) -> Html:
    """The way from a row to the pictures of its claim."""
    names = [name for name in drawn if figures[name].claim == claim]
    return join([join(tag("br"), tag("a", "picture", href=f"#figure-{name}", class_="quiet")) for name in names])


def _empty(name: str, title: str, *more: object) -> Html:
    return tag(
        "section",
        tag("h2", title),
        tag("p", "Nothing recorded yet: ", tag("code", "implicitbench run claims")),
        *more,
        id=name,
    )


def _detail(record: Record, found: Mapping[str, Any]) -> Html:
    results = found["results"]
    mutants = mutants_of(found)
    told = badge(found["outcome"] if found["verified"] else "not verified", _kind(found["verified"]))
    refuted = sum(bool(result["passed"]) for result in mutants)
    here = tag("a", "#", href=f"#claim-{found['id']}", class_="here", aria_label=f"Link to {found['id']}")
    summary = tag("summary", tag("span", found["id"], class_="name"), told, _squares(refuted, len(mutants)), here)
    facts = [
        ("As printed", found["verdict"].lower()),
        ("Source", found["source"]),
        ("Behind it", found["primary"]),
        ("Hypotheses", "; ".join(found["hypotheses"])),
        ("Method", found["method"] + (f", α = {found['alpha']:.3g}" if found["alpha"] else "")),
        ("Resolution", _resolution(found["resolution"])),
        ("Limits", found["limits"]),
        ("Complaints", "; ".join(found["complaints"])),
    ]
    return tag(
        "details",
        summary,
        tag("p", found["says"], class_="says"),
        _formula(found),
        tag("dl", [[tag("dt", name), tag("dd", text)] for name, text in facts if text], class_="facts"),
        _trials(results),
        footnote([record]),
        id=f"claim-{found['id']}",
        class_="claim",
    )


def _without_report(row: Any) -> Html:
    """A claim whose check did not come to its end."""
    told = badge(row.status, "bad")
    return tag(
        "details",
        tag("summary", tag("span", row.id, class_="name"), told),
        tag("p", row.detail, class_="says"),
        id=f"claim-{row.id}",
        class_="claim",
    )


def _formula(found: Mapping[str, Any]) -> Html | None:
    if not found["statement"]:
        return None
    return tag("div", Html(formula(found["statement"], name=f"formula-{found['id']}")), class_="formula")


def _trials(results: list[Mapping[str, Any]]) -> Html:
    heads = [tag("th", text, scope="col") for text in ("What was checked", "Outcome", "Evidence", "Time")]
    rows = [
        tag(
            "tr",
            tag("th", tag("span", _KINDS.get(result["kind"], result["kind"]), class_="quiet"), " ", result["name"]),
            tag("td", badge(result["outcome"].lower(), _kind(result["passed"]))),
            tag("td", _evidence(result["evidence"])),
            tag("td", seconds(result["seconds"]), class_="number"),
        )
        for result in results
    ]
    inner = tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows), class_="trials")
    return tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label="Trials")


def _evidence(evidence: Mapping[str, Any]) -> Html:
    lines = [
        join(tag("span", name.replace("_", " "), class_="quiet"), " ", tag("span", _short(value), title=_title(value)))
        for name, value in evidence.items()
    ]
    return join([tag("div", line) for line in lines])


def _short(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"


def _title(value: Any) -> str | None:
    return repr(value) if isinstance(value, float) else None


def _resolution(found: Mapping[str, Any]) -> str:
    epsilon = "" if found["epsilon"] is None else f"{resolution(found['epsilon'])} of {found['spec']}"
    return "; ".join(part for part in (epsilon, found["note"]) if part)


def _squares(refuted: int, of: int) -> Html:
    """A square a mutant, filled where it was refuted."""
    marks = [tag("i", class_="killed" if place < refuted else "alive") for place in range(of)]
    return tag("span", marks, class_="squares", role="img", aria_label=f"{refuted} of {of} mutants refuted")


def _printed(row: Any) -> Html:
    """What became of the printed formula; a refutation by a check that is itself not verified proves nothing."""
    if row.outcome == "REFUTED" and not row.confirmed:
        return badge("refuted, claim not verified", "bad")
    return badge(row.outcome.lower() or "not run", _kind(row.confirmed))


def _kind(good: bool) -> str:
    return "good" if good else "bad"
