"""The first screen: what was verified, what the sources got wrong, who wins, on which machine, at which commit."""

from __future__ import annotations

import pandas as pd

from reports.experiments.implicit_models import REFERENCE
from reports.page.markup import Html, badge, join, tag
from reports.page.provenance import machine_line, short_commit
from reports.store import Store
from reports.tables import rows_of
from reports.tables.claims import claims
from reports.tables.errata import errata
from reports.tables.headline import WANTED_RECALL, largest, winners
from reports.tables.implicit_models import implicit_models
from reports.tables.nearest_neighbours import nearest_neighbours
from reports.tables.numerals import count, share, significant, with_error

#: Lines that a card of the first screen has room for.
_LINES = 4


def section(store: Store, size: str | None) -> Html:
    """Four cards, each a question with its answer and a way to the evidence, and one line of provenance."""
    cards = [
        _verified(claims(store, size)),
        _wrong(errata(store, size), claims(store, size)),
        _fast(nearest_neighbours(store, size)),
        _good(implicit_models(store, size)),
    ]
    title = tag("h1", "Implicit models and the search that trains them:", tag("br"), "what is true, good and fast")
    return tag("section", title, _where(store, size), tag("div", cards, class_="cards"), id="summary")


def _card(target: str, question: str, figure: object, unit: str, *rest: object, kind: str = "plain") -> Html:
    return tag(
        "article",
        tag("h2", tag("a", question, href=f"#{target}")),
        tag("p", tag("strong", figure), " ", tag("span", unit), class_="figure"),
        rest,
        class_=f"card {kind}",
    )


def _not_run(target: str, question: str, name: str, frame: pd.DataFrame | None = None) -> Html:
    if frame is not None and len(frame):
        return _card(target, question, "–", "nothing was measured", tag("p", frame.detail.iloc[0]), kind="bad")
    told = tag("p", "Nothing recorded yet: ", tag("code", f"implicitbench run {name}"))
    return _card(target, question, "–", "not run", told)


def _verified(frame: pd.DataFrame) -> Html:
    question = "Is the theory true?"
    if frame.empty:
        return _not_run("claims", question, "claims")
    good = int(frame.verified.sum())
    mutants = tag(
        "p",
        tag("b", f"{count(frame.refuted.sum())} of {count(frame.mutants.sum())}"),
        " mutants – false statements close by – refuted by the same checks.",
    )
    methods = frame.method.str.split(", ").explode().value_counts(sort=False)
    used = ", ".join(f"{number} {method}" for method, number in sorted(methods.items()))
    # A claim of several parts may take several methods, and then the numbers add up to more than the claims.
    how = tag("p", used + (": some take more than one method" if methods.sum() > len(frame) else ""), class_="quiet")
    failed = [tag("li", _claim(row.id), " ", row.outcome) for row in rows_of(frame[~frame.verified])][:_LINES]
    trouble = tag("ul", failed, class_="lines") if failed else None
    kind = "good" if good == len(frame) else "bad"
    pieces = (mutants, trouble, _topics(frame), how)
    return _card("claims", question, f"{good} of {len(frame)}", "claims verified", *pieces, kind=kind)


def _topics(frame: pd.DataFrame) -> Html:
    """The largest topics with their claims and mutants."""
    groups = sorted(frame.groupby("topic"), key=lambda group: (-len(group[1]), group[0]))
    rows = [
        tag(
            "tr",
            tag("th", str(topic).replace("-", " "), scope="row"),
            tag("td", f"{int(part.verified.sum())} of {len(part)}", class_="number"),
            tag("td", f"{part.refuted.sum()} of {part.mutants.sum()}", class_="number"),
        )
        for topic, part in groups[:_LINES]
    ]
    heads = [tag("th", text, scope="col") for text in ("", "verified", "mutants refuted")]
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows), class_="mini figures")
    rest = groups[_LINES:]
    return join(table, tag("p", tag("a", f"and {len(rest)} more topics", href="#claims")) if rest else None)


def _wrong(frame: pd.DataFrame, found: pd.DataFrame) -> Html:
    question = "What did the sources get wrong?"
    if found.empty:
        return _not_run("errata", question, "claims")
    formulas = frame.drop_duplicates(["claim", "mutant"])
    # The shortest of each deck: a taste of the table below.
    by_length = formulas.assign(length=formulas.printed.str.len() + formulas.correct.str.len()).sort_values("length")
    taste = by_length.drop_duplicates("deck").head(_LINES - 1)
    lines = [
        tag(
            "li",
            tag("a", row.deck, href=f"#claim-{row.claim}", class_="quiet"),
            tag("br"),
            tag("span", row.printed, class_="wrong"),
            " → ",
            tag("b", row.correct),
        )
        for row in rows_of(taste)
    ]
    more = len(formulas) - len(lines)
    rest = tag("p", tag("a", f"and {more} more", href="#errata")) if more else None
    unit = f"formula{'' if len(formulas) == 1 else 's'} wrong as printed"
    return _card("errata", question, len(formulas), unit, tag("ul", lines, class_="lines"), rest)


def _fast(frame: pd.DataFrame) -> Html:
    question = "Which search is fast?"
    part = largest(frame)
    best = winners(part) if len(part) else {}
    if not best or best["fastest"] is None:
        return _not_run("nearest-neighbours", question, "nearest-neighbours", frame)
    whose = "the others" if best["fastest"].ours else "ours"
    named = {"fastest": "fastest", "rival": f"fastest of {whose}", "proved": "fastest proved exact"}
    rows = [
        tag(
            "tr",
            tag("th", named[role], scope="row"),
            tag("td", row.search, tag("br"), tag("span", row.settings, class_="quiet")),
            tag("td", significant(row.qps), class_="number"),
            tag("td", share(row.recall), class_="number"),
        )
        for role, row in best.items()
        if row is not None
    ]
    heads = [tag("th", text, scope="col") for text in ("", "", "queries/s", "recall")]
    first = best["fastest"]
    told = tag(
        "p",
        f"{first.dataset}, {count(first.rows)} × {count(first.dimensions)}, one thread, "
        f"recall ≥ {100 * WANTED_RECALL:.0f} %",
        class_="quiet",
    )
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows), class_="mini")
    return _card("nearest-neighbours", question, significant(first.qps), f"queries/s: {first.search}", table, told)


def _good(frame: pd.DataFrame) -> Html:
    question = "Which model covers the modes?"
    measured = frame[frame.energy.notna()]
    if measured[measured.model != REFERENCE].empty:
        return _not_run("implicit-models", question, "implicit-models", frame)
    task = measured.task.iloc[0]
    part = measured[measured.task == task].sort_values(["modes", "energy"], ascending=[False, True])
    rows = [
        tag(
            "tr",
            tag("th", row.model, scope="row"),
            tag("td", significant(row.modes, 2), class_="number"),
            tag("td", share(row.high_quality), class_="number"),
            tag("td", with_error(row.energy, row.energy_stderr), class_="number"),
            class_="reference" if row.model == REFERENCE else None,
        )
        for row in rows_of(part)
    ]
    heads = [tag("th", text, scope="col") for text in ("", "modes", "good", "energy distance²")]
    best = next(rows_of(part[part.model != REFERENCE]))
    told = tag("p", f"{task}, each at its own steps, mean of {best.seeds} seeds ± standard error", class_="quiet")
    table = tag("table", tag("thead", tag("tr", heads)), tag("tbody", rows), class_="mini figures")
    unit = f"of {best.modes_of:.0f} modes: {best.model}"
    return _card("implicit-models", question, significant(best.modes, 2), unit, table, told)


def _where(store: Store, size: str | None) -> Html:
    records = store.records(size=size)
    if not records:
        return Html("")
    newest = max(records, key=lambda record: record.created)
    pieces = [
        tag("span", "Commit ", tag("code", short_commit(newest.commit))),
        tag("span", machine_line(newest)),
        tag("span", newest.created[:16].replace("T", " "), " UTC"),
        tag("span", badge(f"{newest.size} size", "plain")),
    ]
    return tag("p", join(*pieces), class_="where")


def _claim(name: str) -> Html:
    return tag("a", name, href=f"#claim-{name}")
