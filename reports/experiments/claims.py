"""Every claim of the registry, verified: one cell a claim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reports.experiment import Cell, Experiment, Measurement, experiments
from reports.record import Status
from theory.claim import claims_registry
from theory.errata import errata
from theory.trial import ILL_FORMED
from theory.verify import ClaimReport, verify_claim

#: Which mutants run, and whether the larger sizes of each check do.
_SIZES: dict[str, dict[str, Any]] = {
    "quick": {"mutants": "hand", "deep": False},
    "standard": {"mutants": "all", "deep": False},
    "full": {"mutants": "all", "deep": True},
}


@experiments.register("claims")
class Claims(Experiment):
    """A claim's cell holds its whole report: the truth, its mutants, what the sources printed, and the resolution.

    `verified` is 1 when the true statement holds and the same check refutes every mutant, else 0
    with the complaints as detail; `refuted` of `mutants` were refuted; `resolution` is the smallest
    relative change of the formula that the check still refutes.
    """

    question = "Which claims of the field hold, and does the check that says so refute what is nearby and false?"

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del data
        for name, claim in claims_registry.items():
            yield Cell({"claim": name, **_SIZES[size]}, seed=0, modules=(claim.check_function.__module__,))

    def measure(self, cell: Cell) -> Iterator[Measurement]:
        claim = claims_registry[str(cell.params["claim"])]
        report = verify_claim(
            claim, deep=bool(cell.params["deep"]), mutants=str(cell.params["mutants"]), root_seed=cell.seed
        )
        told = {**report.as_dict(), "errata": [row.as_dict() for row in errata([report], claims=[claim])]}
        yield Measurement("verified", report.verified, detail="; ".join(report.complaints), payload=told)
        mutants = [r for r in report.of_kind("mutant", "printed", "automatic") if r.outcome != ILL_FORMED]
        yield Measurement("mutants", len(mutants))
        yield Measurement("refuted", sum(r.passed for r in mutants))
        yield _resolution(report)


def _resolution(report: ClaimReport) -> Measurement:
    if report.resolution.epsilon is None:
        why = report.resolution.note or "not measured"
        return Measurement("resolution", None, status=Status.SKIPPED, detail=why)
    return Measurement("resolution", report.resolution.epsilon, detail=report.resolution.note)
