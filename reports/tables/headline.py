"""The figures that a reader wants first: what is verified, who is fast, and who covers the modes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.experiments.implicit_models import REFERENCE
from reports.store import Store
from reports.tables import Column, Table, rows_of, tables
from reports.tables.claims import claims
from reports.tables.errata import errata
from reports.tables.implicit_models import implicit_models
from reports.tables.nearest_neighbours import nearest_neighbours
from reports.tables.numerals import count, share, significant, with_error

#: Searches are compared among those that find at least this share of the neighbours.
WANTED_RECALL = 0.95
#: Claims that failed are named up to here: the terminal shows this line.
_NAMED = 5
_FRAME = ("name", "question", "answer", "detail", "status")


def headline(store: Store, size: str | None = None) -> pd.DataFrame:
    """Four rows: claims, errata, nearest neighbours, implicit models; `status` is `ok`, `failed` or `not run`."""
    found = claims(store, size)
    rows = [
        _claims(found),
        _errata(errata(store, size), bool(len(found))),
        _searches(nearest_neighbours(store, size)),
        _models(implicit_models(store, size)),
    ]
    return pd.DataFrame(rows, columns=list(_FRAME))


def winners(frame: pd.DataFrame) -> dict[str, Any]:
    """Of one data set's rows at `WANTED_RECALL`: the fastest search, its best rival (of the others if the fastest is
    ours, else of ours), the fastest proved one."""
    good = frame[frame.recall >= WANTED_RECALL].sort_values("qps", ascending=False)
    rivals = good[good.ours != good.ours.iloc[0]] if len(good) else good
    chosen = {"fastest": good, "rival": rivals, "proved": good[good.certified == 1.0]}
    return {name: next(rows_of(part), None) for name, part in chosen.items()}


def largest(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the data set with the most entries that was measured, on the fewest threads."""
    measured = frame.dropna(subset=["qps", "recall"])
    measured = measured[measured.threads == measured.threads.min()]
    if measured.empty:
        return measured
    entries = measured.rows * measured.dimensions
    return measured[measured.dataset == measured.dataset.iloc[int(entries.to_numpy().argmax())]]


def _claims(found: pd.DataFrame) -> tuple[str, ...]:
    question = "Is the theory true?"
    if found.empty:
        return ("claims", question, "not run", "", "not run")
    verified = int(found.verified.sum())
    detail = f"{count(found.refuted.sum())} of {count(found.mutants.sum())} mutants refuted by the same checks"
    if wanting := list(found.id[~found.verified.astype(bool)]):
        detail += f"; not verified: {', '.join(wanting[:_NAMED])}"
        detail += f" and {len(wanting) - _NAMED} more" if len(wanting) > _NAMED else ""
    status = "failed" if wanting else "ok"
    return ("claims", question, f"{verified} of {len(found)} claims verified", detail, status)


def _errata(found: pd.DataFrame, ran: bool) -> tuple[str, ...]:
    question = "What did the sources get wrong?"
    if not ran:
        return ("errata", question, "not run", "", "not run")
    formulas = len(found.drop_duplicates(["claim", "mutant"]))
    answer = f"{formulas} formula{'' if formulas == 1 else 's'} wrong as printed"
    places = f"{len(found)} place{'' if len(found) == 1 else 's'}"
    detail = (
        f"in {places} of {found.deck.nunique()} of the decks, each refuted beside its correction" if formulas else ""
    )
    return ("errata", question, answer, detail, "ok" if found.confirmed.all() else "failed")


def _searches(frame: pd.DataFrame) -> tuple[str, ...]:
    question = "Which search is fast?"
    part = largest(frame)
    best = winners(part) if len(part) else {}
    if not best or best["fastest"] is None:
        return ("nearest-neighbours", question, *_nothing(frame))
    first, rival = best["fastest"], best["rival"]
    answer = f"{_search(first)}: {significant(first.qps)} queries/s at recall {share(first.recall)}"
    whose = "the others" if first.ours else "ours"
    told = "" if rival is None else f"; the fastest of {whose} is {_search(rival)}, {significant(rival.qps)} queries/s"
    detail = (
        f"{first.dataset}, {count(first.rows)} × {count(first.dimensions)}, recall ≥ {100 * WANTED_RECALL:.0f} %{told}"
    )
    return ("nearest-neighbours", question, answer, detail, _status(frame))


def _models(frame: pd.DataFrame) -> tuple[str, ...]:
    question = "Which model covers the modes?"
    measured = frame[(frame.model != REFERENCE) & frame.energy.notna()]
    if measured.empty:
        return ("implicit-models", question, *_nothing(frame))
    task = measured.task.iloc[0]
    part = list(rows_of(measured[measured.task == task].sort_values(["modes", "energy"], ascending=[False, True])))
    first = part[0]
    answer = f"{first.model}: {significant(first.modes, 2)} of {first.modes_of:.0f} modes"
    others = [f"{row.model} {significant(row.modes, 2)}, {with_error(row.energy, row.energy_stderr)}" for row in part]
    detail = f"{task}, mean modes and squared energy distance over {first.seeds} seeds: " + "; ".join(others)
    return ("implicit-models", question, answer, detail, _status(frame))


def _nothing(frame: pd.DataFrame) -> tuple[str, str, str]:
    """What to say where nothing was measured: it failed, or was not run."""
    if frame.empty:
        return ("not run", "", "not run")
    return ("nothing was measured", str(frame.detail.iloc[0]), "failed")


def _search(row: Any) -> str:
    return f"{row.search} ({row.settings})" if row.settings else str(row.search)


def _status(frame: pd.DataFrame) -> str:
    return "ok" if frame.status.isin(("ok", "skipped")).all() else "failed"


tables.register("headline")(
    Table(
        name="headline",
        title="In short",
        about="What a reader wants first.",
        experiment="",
        make=headline,
        columns=(
            Column("Question", lambda row: row.question, "question"),
            Column("Answer", lambda row: row.answer, "answer"),
            Column("Detail", lambda row: row.detail, "detail"),
            Column("Status", lambda row: row.status, "status"),
        ),
    )
)
