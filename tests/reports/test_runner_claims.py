"""Claims as cells of a run."""

from __future__ import annotations

import pytest

from reports import provenance
from reports.experiments.claims import Claims
from reports.runner import run
from reports.store import Store
from theory.claim import claims_registry
from theory.verify import verify_claim

NAME = "imle-coverage"


def test_a_claims_cell_holds_what_its_verification_finds(tmp_path):
    summary = run("claims", output=tmp_path, jobs=1, select={"claim": NAME})
    assert (summary.planned, summary.measured, summary.ok) == (1, 1, True)
    records = {record.metric: record for record in Store(tmp_path).records("claims")}
    report = verify_claim(NAME, resolution_budget=0)
    assert records["verified"].value == report.verified == 1
    assert records["mutants"].value == records["refuted"].value == len(report.of_kind("mutant", "printed"))
    told = records["verified"].payload
    assert told["id"] == NAME
    assert [(r["name"], r["outcome"]) for r in told["results"]] == [(r.name, r.outcome) for r in report.results]
    assert {row["claim"] for row in told["errata"]} <= {NAME}


@pytest.mark.parametrize("size", ["quick", "standard", "full"])
def test_every_claim_is_one_cell(size):
    cells = list(Claims().cells(size, {}))
    assert [cell.params["claim"] for cell in cells] == list(claims_registry)
    assert all(cell.params["deep"] == (size == "full") for cell in cells)


def test_a_claims_key_holds_its_own_source_and_not_its_neighbours():
    cells = {str(cell.params["claim"]): cell for cell in Claims().cells("quick", {})}
    modules = {name: cell.modules[0].replace(".", "/") for name, cell in cells.items()}
    for name, cell in cells.items():
        closure = provenance.source_closure((Claims.__module__, *cell.modules))
        assert modules[name] in closure
        assert "theory/verify" in closure
        assert "reports/runner" not in closure
    assert modules["gan-value-jsd"] not in provenance.source_closure((Claims.__module__, *cells[NAME].modules))
