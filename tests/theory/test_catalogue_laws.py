"""Laws that every registered claim obeys, and the frozen table of error slots."""

import math

import pytest

from theory.claim import Claim, Statistical, claims_registry
from theory.mutation import automatic_mutants
from theory.slots import ALPHA_PER_SLOT, ALPHA_TOTAL, SLOTS, claim_alpha
from theory.uncheckable import UNCHECKABLE

CLAIMS = list(claims_registry.values())
each_claim = pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)


@each_claim
def test_a_claim_is_told_in_full(claim: Claim):
    assert claim.says, "the statement in words"
    assert claim.statement, "one formula"
    assert claim.source, "where it was stated"
    assert (claim.check_function.__doc__ or "").strip(), "how it is checked"


@each_claim
def test_a_claim_can_fail(claim: Claim):
    assert claim.mutants
    if claim.verdict != "TRUE":
        assert claim.counterexamples
    if claim.verdict == "CONDITIONAL":
        assert claim.hypotheses, "a conditional claim names the hypothesis that its source leaves out"


@each_claim
def test_the_statement_is_set_by_mathtext(claim: Claim):
    from matplotlib.mathtext import MathTextParser

    MathTextParser("path").parse(f"${claim.statement}$")


@each_claim
def test_printed_formulas_say_what_is_right(claim: Claim):
    for mutant in claim.mutants:
        if mutant.where:
            assert mutant.printed
            assert mutant.correct
            assert mutant.printed != mutant.correct


@each_claim
def test_equivalents_name_automatic_mutants(claim: Claim):
    assert set(claim.equivalents) <= {changed.name for changed in automatic_mutants(claim)}


def test_the_error_budget_is_spent_by_slots_and_nothing_else():
    taken = [slot for slot in SLOTS if slot]
    assert len(SLOTS) == 32
    assert len(set(taken)) == len(taken)
    # A sum of 32 equal floats: within 32 ulps.
    assert math.fsum([ALPHA_PER_SLOT] * 32) == pytest.approx(ALPHA_TOTAL, rel=32 * 2.0**-52)
    for claim in CLAIMS:
        if Statistical in claim.methods and claim.__module__.startswith("theory.claims."):
            assert claim.id in SLOTS
            assert claim.setting().alpha == ALPHA_PER_SLOT
        elif Statistical not in claim.methods:
            assert claim.setting().alpha == 0
    spending = {claim.id for claim in CLAIMS if Statistical in claim.methods}
    assert set(taken) == spending


def test_a_level_outside_the_table_is_stated_once():
    assert claim_alpha("somebody-elses", 0.01) == 0.01
    for name, stated in (("somebody-elses", None), ("somebody-elses", 2.0), ("order-inversion", 0.01)):
        with pytest.raises(ValueError, match=name):
            claim_alpha(name, stated)


def test_statements_that_are_cited_have_a_reason_and_a_place():
    assert len({entry.name for entry in UNCHECKABLE}) == len(UNCHECKABLE)
    for entry in UNCHECKABLE:
        assert entry.reason
        assert entry.where
