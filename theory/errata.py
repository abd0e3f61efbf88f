"""The errata of the sources: what was printed, what is right, and the mutant that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from theory.claim import Claim, Mutant, claims_registry
from theory.sources import Place
from theory.trial import Result
from theory.verify import ClaimReport

#: The decks were read as extracted text.
CAVEAT = "as printed in the source text"


@dataclass(frozen=True)
class Erratum:
    """One wrong formula of one source; `outcome` and `evidence` are those of the mutant, "" and {} until it ran."""

    where: Place
    printed: str
    correct: str
    claim: str
    mutant: str
    outcome: str = ""
    evidence: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "deck": self.where.deck.title,
            "slide": self.where.heading,
            "printed": self.printed,
            "correct": self.correct,
            "claim": self.claim,
            "mutant": self.mutant,
            "outcome": self.outcome,
            "evidence": self.evidence or {},
        }


def errata(found: Iterable[ClaimReport] = (), *, claims: Iterable[Claim] | None = None) -> list[Erratum]:
    """A row for each place that prints a formula which a `.printed` mutant refutes, in the order of decks and slides.

    `found`: reports whose results fill in outcome and evidence. `claims`: by default the registry's.
    """
    results: dict[tuple[str, str], Result] = {
        (result.claim, result.name): result for report in found for result in report.of_kind("printed")
    }
    rows = []
    for claim in claims_registry.values() if claims is None else claims:
        for mutant in claim.mutants:
            for place in mutant.where:
                rows.append(_row(claim, mutant, place, results.get((claim.id, mutant.name))))
    return sorted(rows, key=lambda row: (row.where.deck.title, row.where.heading, row.claim, row.mutant))


def _row(claim: Claim, mutant: Mutant, place: Place, result: Result | None) -> Erratum:
    outcome, evidence = (result.outcome, result.evidence) if result else ("", {})
    return Erratum(place, mutant.printed, mutant.correct, claim.id, mutant.name, outcome, evidence)
