"""The page of an audit: verdict, pictures, every number, and what it does not say, in one file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from reports.auditing import pictures
from reports.auditing.neighbours import Near, nearest
from reports.auditing.result import Audit, shown_value
from reports.page.document import shell
from reports.page.markup import Html, badge, data_table, join, tag
from reports.page.provenance import short_commit
from reports.provenance import commit, machine, versions
from reports.svg import Picture
from reports.tables import Column, Table, rows_of
from reports.tables.numerals import missing, significant

#: Pairs shown of nearest neighbours and of data badly covered, and the rows that are searched for them.
_PAIRS, _SEARCHED = 10, 5000

_TITLES = {
    "input": ("Input", "Whether test and data are rows of one law, as all else takes them to be."),
    "test": ("Tests", "One family: p-values are adjusted by Holm, and a perfect sampler fails any with probability at "
             "most the level."),
    "divergence": ("Divergences", "Between laws, from equally many rows of each; beside, the same of real rows."),
    "coverage and quality": ("Coverage and quality", "Shares in balls of neighbours, clusters and features."),
    "likelihood": ("Likelihood", "Of held-out rows; without a density by windows, which is no likelihood."),
    "power": ("Power", "With how much certainty this many rows show a mode that was dropped whole."),
}  # fmt: skip
_LINKS = (("verdict", "Verdict"), ("pictures", "Pictures"), ("numbers", "Numbers"), ("care", "Read with care"))


def document(audit: Audit) -> str:
    """The page as HTML. The same audit gives the same text."""
    near = nearest(audit.material, _PAIRS, _SEARCHED)
    body = [_verdict(audit), _pictures(audit, near), _numbers(audit), _care(audit), _origin(audit)]
    return shell("implicitbench audit", (*_LINKS, ("provenance", "Provenance")), body)


def fragment(audit: Audit) -> str:
    """Verdict and tables, for a notebook."""
    kind = "bad" if audit.defects else "good"
    found = [tag("li", str(defect)) for defect in audit.defects]
    return tag(
        "div", tag("p", badge(audit.verdict, kind)), tag("ul", found) if found else None, _doubts(audit),
        list(_tables(audit)),
    )  # fmt: skip


def _doubts(audit: Audit) -> list[Html]:
    return [tag("p", tag("strong", "Look first: "), doubt) for doubt in audit.doubts]


def _verdict(audit: Audit) -> Html:
    cards = [
        tag(
            "article",
            tag("h2", "Defect"),
            tag("p", tag("strong", defect.name), class_="figure"),
            tag("p", defect.says),
            tag("p", f"By {defect.by}; p = {defect.p_value:.2g} after Holm's correction.", class_="quiet"),
            class_="card bad",
        )
        for defect in audit.defects
    ]
    count = len(audit.defects)
    title = (
        f"{count} defect{'s' if count > 1 else ''}" if count else "No defect seen" if audit.made else "Nothing tested"
    )
    if not cards:
        told = (
            f"at {audit.level:.3g} for all tests together." if audit.made else "No test could be made; each says why."
        )
        lost = f"{', '.join(audit.failed)} could not be made, and saw nothing." if audit.made and audit.failed else None
        cards = [
            tag("article", tag("h2", "Verdict"), tag("p", tag("strong", title), class_="figure"), tag("p", told),
                tag("p", lost) if lost else None, tag("p", _missed(audit)) if audit.made else None,
                class_="card" if audit.failed else "card good")
        ]  # fmt: skip
    facts = [[tag("dt", word), tag("dd", told)] for word, told in audit.facts.items()]
    heading = tag("h1", f"Audit of {audit.material.origins[0]}: {title.lower()}")
    return tag("section", heading, _doubts(audit), tag("div", cards, class_="cards"), tag("h3", "What was compared"),
               tag("dl", facts, class_="facts"), id="verdict")  # fmt: skip


def _missed(audit: Audit) -> str:
    """What a dropped mode had to hold to be seen, as Power says it."""
    power = [row for row in rows_of(audit.frame) if row.section == "power"]
    chances = (f"{re.findall('[0-9]+%', row.name)[0]} with probability {row.value:.2f}" for row in power)
    return f"With this many rows a dropped mode, alone in its cell, is seen if it is of {', of '.join(chances)}."


def _pictures(audit: Audit, near: Near) -> Html:
    drawn = [
        _figure(pictures.embedding(audit), "Crosses mark cells with too few samples."),
        _figure(pictures.cells(audit), "Crosses as above: fewer samples than chance allows, by Fisher's exact test."),
        _figure(pictures.distances(near), "A sampler that copies lies to the left of real rows, an unlike one right."),
        *(_figure(shown, "Distances are those of the features.") for shown in pictures.image_pairs(audit, near)),
    ]
    pairs = None if audit.material.shape else _pair_tables(near)
    return tag("section", tag("h2", "Pictures"), drawn, pairs, id="pictures")


def _figure(shown: Picture, about: str) -> Html:
    caption = tag("figcaption", tag("b", shown.title, "."), " ", about)
    return tag("figure", caption, tag("div", tag("div", Html(shown.svg), class_="frame"), class_="pictures"))


def _pair_tables(near: Near) -> Html:
    real = "test row" if near.of_test else "training row"
    parts = (
        ("The samples nearest to training rows", "sample", "training row", near.closest, near.their_row,
         near.closest_distances),
        ("The data worst covered", real, "nearest sample", near.worst, near.their_sample, near.worst_distances),
    )  # fmt: skip
    made = []
    for title, first, second, left, right, far in parts:
        head = tag("tr", [tag("th", word, scope="col") for word in (first, second, "distance")])
        body = [
            tag("tr", tag("td", int(a)), tag("td", int(b)), tag("td", f"{c:.4g}"))
            for a, b, c in zip(left, right, far, strict=True)
        ]
        table = tag("table", tag("thead", head), tag("tbody", body), class_="trials")
        made.append(join(tag("h3", title), tag("p", "Rows by number, from 0."), tag("div", table, class_="scroll")))
    return join(made)


def _numbers(audit: Audit) -> Html:
    return tag("section", tag("h2", "Every number"), list(_tables(audit)), id="numbers")


def _tables(audit: Audit) -> Iterator[Html]:
    for section, part in audit.frame.groupby("section", sort=False):
        title, about = _TITLES[str(section)]
        frame = part.drop(columns="section").reset_index(drop=True)
        name = f"audit-{str(section).split()[0]}"
        table = Table(name, title, about, "", lambda *_, frame=frame: frame, _columns(str(section)))
        yield join(tag("h3", title), tag("p", about), data_table(table, frame, cells={"status": _status}))


@cache
def _columns(section: str) -> tuple[Column, ...]:
    name = Column("", lambda row: row.name, "name")
    value = Column("value", lambda row: "–" if missing(row.value) else shown_value(row), "value", numeric=True)
    unit = Column("unit", lambda row: row.unit if isinstance(row.unit, str) else "", "unit")
    told = Column("", lambda row: row.status, "status")
    detail = Column("how, and what else", _detail, "detail")
    if section == "test":
        p = Column("p", lambda row: significant(row.p_value), "p_value", numeric=True)
        adjusted = Column("adjusted", lambda row: significant(row.adjusted), "adjusted", numeric=True)
        return name, p, adjusted, told, value, detail
    if section == "power":
        return name, value, detail
    floor = Column("perfect sampler", lambda row: significant(row.floor), "floor", numeric=True)
    return name, value, floor, unit, told, detail


def _detail(row: Any) -> str:
    return "; ".join(part for part in (row.method, row.detail) if isinstance(part, str) and part)


def _status(row: Any) -> Html:
    if isinstance(row.finding, str) and row.finding:
        return badge(row.finding, "bad")
    if row.status != "ok":
        return badge(row.status, "plain" if row.status == "skipped" else "mixed")
    return badge("passed", "good") if not missing(row.p_value) else badge("ok", "plain")


def _care(audit: Audit) -> Html:
    from theory.claim import claims_registry

    rows = [
        tag(
            "li",
            tag("p", caveat.says),
            tag("p", "Claim ", tag("code", caveat.claim), ": ", claims_registry[caveat.claim].says, " Verify it: ",
                tag("code", f"implicitbench verify {caveat.claim}"), class_="quiet"),
            id=f"claim-{caveat.claim}",
        )
        for caveat in audit.caveats
    ]  # fmt: skip
    return tag("section", tag("h2", "Read with care"), tag("ul", rows), id="care")


def _origin(audit: Audit) -> Html:
    here = machine()
    rows = {
        "Commit": short_commit(commit()),
        "Machine": f"{here['cpu']}, {here['threads']} threads, {here['system']} {here['architecture']}",
        "Versions": ", ".join(f"{name} {number}" for name, number in versions().items()),
        "Settings": ", ".join(f"{name} {value}" for name, value in audit.settings.items()),
    }
    facts = [[tag("dt", word), tag("dd", told)] for word, told in rows.items()]
    return tag("section", tag("h2", "Provenance"), tag("dl", facts, class_="facts"), id="provenance")
