"""One row a formula that a source prints wrongly: what is printed, what is right, and the mutant that shows it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from reports.store import Store
from reports.tables import Column, Table, recorded, tables
from reports.tables.claims import EXPERIMENT, report_of

_FRAME = ("deck", "slide", "printed", "correct", "claim", "mutant", "outcome", "confirmed", "commit", "cell")


def errata(store: Store, size: str | None = None) -> pd.DataFrame:
    """In the order of decks and slides. `confirmed`: the check refutes what is printed and the claim is verified."""
    rows: list[dict[str, Any]] = []
    for record in recorded(store, EXPERIMENT, size):
        found = report_of(record)
        for erratum in (found or {}).get("errata", ()):
            rows.append(
                {
                    **{name: erratum[name] for name in _FRAME[:7]},
                    "confirmed": erratum["outcome"] == "REFUTED" and bool(found and found["verified"]),
                    "commit": record.commit,
                    "cell": record.cell,
                }
            )
    frame = pd.DataFrame(rows, columns=list(_FRAME)).astype({"confirmed": bool})
    return frame.sort_values(["deck", "slide", "claim", "mutant"], ignore_index=True)


tables.register("errata")(
    Table(
        name="errata",
        title="Errata",
        about="Formulas as printed in the source text, which was read by machine: a misprint may be the extraction's. "
        "Each is a mutant of the claim, refuted by the check that confirms the correction.",
        experiment=EXPERIMENT,
        make=errata,
        columns=(
            Column("Source", lambda row: row.deck, "deck"),
            Column("Slide", lambda row: row.slide, "slide"),
            Column("As printed", lambda row: row.printed, "printed"),
            Column("Correct", lambda row: row.correct, "correct"),
            Column("Claim", lambda row: row.claim, "claim"),
            Column("Printed formula", lambda row: row.outcome or "not run", "outcome"),
        ),
    )
)
