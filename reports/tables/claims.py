"""One row a claim: whether it is verified, what was refuted beside it, and how sharp the check is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from reports.record import Record, Status
from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.numerals import NONE, missing, raised, seconds
from theory.trial import ILL_FORMED

EXPERIMENT = "claims"
_FRAME = (
    "id", "topic", "says", "method", "verdict", "priority", "verified", "outcome", "mutants", "refuted",
    "counterexamples", "resolution", "seconds", "complaints", "source", "status", "detail", "seed", "commit",
    "machine", "cell",
)  # fmt: skip
#: The kinds of a result that must be refuted because something false was said.
MUTANTS = ("mutant", "printed", "automatic")


def claims(store: Store, size: str | None = None) -> pd.DataFrame:
    """A row for each claim that was run, in the order of topics; one whose check died is there with its status."""
    rows: dict[str, dict[str, Any]] = {}
    for record in recorded(store, EXPERIMENT, size):
        found = report_of(record)
        if found is not None:
            rows[record.cell] = _row(record, found)
        elif record.status is not Status.OK and record.cell not in rows:
            rows[record.cell] = _died(record)
    frame = pd.DataFrame(list(rows.values()), columns=list(_FRAME))
    frame = frame.astype({"verified": bool, "mutants": int, "refuted": int, "resolution": float, "seconds": float})
    return frame.sort_values(["topic", "id"], ignore_index=True)


def report_of(record: Record) -> Mapping[str, Any] | None:
    """The whole report of a claim (`theory.verify.ClaimReport.as_dict`), if it is this record that carries it."""
    return record.payload if isinstance(record.payload, dict) and "results" in record.payload else None


def mutants_of(found: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The results of the false statements; an automatic change that leaves no formula is none."""
    return [r for r in found["results"] if r["kind"] in MUTANTS and r["outcome"] != ILL_FORMED]


def _row(record: Record, found: Mapping[str, Any]) -> dict[str, Any]:
    mutants = mutants_of(found)
    epsilon = found["resolution"]["epsilon"]
    return {
        **{name: found[name] for name in ("id", "topic", "says", "method", "verdict", "priority", "source")},
        "verified": found["verified"],
        "outcome": found["outcome"],
        "mutants": len(mutants),
        "refuted": sum(bool(result["passed"]) for result in mutants),
        "counterexamples": sum(result["kind"] in ("counterexample", "boundary") for result in found["results"]),
        "resolution": math.nan if epsilon is None else epsilon,
        "seconds": found["seconds"],
        "complaints": "; ".join(found["complaints"]),
        "status": str(record.status),
        "detail": record.detail,
        **_provenance(record),
    }


def _died(record: Record) -> dict[str, Any]:
    return {
        **dict.fromkeys(_FRAME, ""),
        "id": str(record.params.get("claim", "")),
        "verified": False,
        "outcome": "not run to its end",
        "mutants": 0,
        "refuted": 0,
        "counterexamples": 0,
        "resolution": math.nan,
        "seconds": record.seconds,
        "complaints": record.detail,
        "status": str(record.status),
        "detail": record.detail,
        **_provenance(record),
    }


def _provenance(record: Record) -> dict[str, Any]:
    machine = record.machine.get("fingerprint", "")
    return {"seed": record.seed, "commit": record.commit, "machine": machine, "cell": record.cell}


def resolution(value: float) -> str:
    """The smallest refuted relative change, as a power of ten."""
    return NONE if missing(value) else f"10{raised(round(math.log10(value)))}"


tables.register("claims")(
    Table(
        name="claims",
        title="Claims",
        about="A claim is verified when its true statement holds and the same check, with the same sizes, tolerances "
        "and seeds, refutes every mutant. Resolution is the smallest relative change of the formula that the check "
        "still refutes.",
        experiment=EXPERIMENT,
        make=claims,
        columns=(
            Column("Claim", lambda row: row.id, "id"),
            Column("Topic", lambda row: row.topic, "topic"),
            Column("Statement", lambda row: row.says, "says"),
            Column("As printed", lambda row: row.verdict, "verdict", about="what the sources' own wording deserves"),
            Column("Method", lambda row: row.method, "method"),
            Column("Outcome", lambda row: row.outcome if row.verified else f"{row.outcome}, NOT VERIFIED", "verified"),
            Column("Refuted", lambda row: f"{row.refuted} of {row.mutants}", "refuted", True),
            Column("Resolution", lambda row: resolution(row.resolution), "resolution", True),
            Column("Time", lambda row: seconds(row.seconds), "seconds", True),
        ),
    )
)
