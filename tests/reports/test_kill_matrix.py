"""The published record of the claims: every trial is a row, and what was not verified is said and fails the command."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from reports.kill_matrix import MATRIX, SEEDS, main, reason
from theory.claim import Exact, Holds, Refuted, claim, claims_registry
from theory.trial import ILL_FORMED, Result, last_line

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"


@pytest.fixture
def guest():
    """A claim with two automatic mutants, one of them equivalent, and a mutant that survives."""

    @claim("a-guest", says="2 · 0 = 0", source="folklore", method=Exact)
    def twice_nothing(*, product=lambda two: 2 * 0 * two, less=lambda two: two - 1):
        """By looking."""
        return Holds() if product(2) == 0 and less(2) == 1 else Refuted(product=product(2), less=less(2))

    twice_nothing.mutant("nothing taken off", less=lambda two: two)
    yield twice_nothing
    claims_registry._members.pop("a-guest")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_trial_is_a_row_and_every_seed_another(tmp_path):
    assert main(["imle-coverage", "--output", str(tmp_path), "--root-seeds", "2"]) == 0
    found, seeds = rows(tmp_path / "kill-matrix.csv"), rows(tmp_path / "root-seeds.csv")
    told = json.loads((tmp_path / "verify.json").read_text(encoding="utf-8"))
    assert tuple(found[0]) == MATRIX
    assert tuple(seeds[0]) == SEEDS
    assert sum(row["kind"] == "mutant" for row in found) == len(claims_registry["imle-coverage"].mutants)
    assert len(found) == told["ill_formed"] + sum(kind["run"] for kind in told["trials"].values())
    assert (told["claims"], told["verified"], told["unverified"]) == (1, 1, [])
    assert told["by_claim"]["imle-coverage"]["resolution"] == 1e-12
    assert seeds[0]["root_seed"] != seeds[1]["root_seed"]
    assert [row["verified"] for row in seeds] == ["1", "1"]


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (lambda two: 1 / (two - two), "divides by 0"),
        (lambda two: [0][two], "a subscript out of range"),
        (lambda two: range(two * 1.5), "no whole number"),
        (lambda two: two(), "another kind"),
    ],
)
def test_a_change_that_leaves_no_formula_says_why(formula, words):
    try:
        formula(2)
    except Exception as error:
        told = {"error": last_line(error)}
    result = Result("a-guest", "automatic", "", "REFUTED", ILL_FORMED, True, told, 0.0)
    assert words in reason(result)
    assert told["error"] in reason(result)
    assert reason(replace(result, outcome="REFUTED")) == ""


def test_deep_has_files_of_its_own_and_draws_no_seed(tmp_path):
    assert main(["imle-coverage", "--output", str(tmp_path), "--deep"]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kill-matrix-deep.csv", "verify-deep.json"]


def test_a_survivor_is_told_in_every_file_and_makes_the_command_fail(tmp_path, guest):
    guest.mutant("three", less=lambda two: 3 - two)  # 3 − 2 = 1 survives
    guest.equivalent("product = lambda two: 2 * 1.01 * 0 * two", "nothing times anything")
    guest.equivalent("product = lambda two: 2 * 0.99 * 0 * two", "nothing times anything")
    assert main(["a-guest", "--output", str(tmp_path), "--root-seeds", "1"]) == 1
    survivors = [row for row in rows(tmp_path / "kill-matrix.csv") if row["outcome"] != row["expected"]]
    assert [(row["name"], row["outcome"]) for row in survivors] == [("three", "HOLDS")]
    told = json.loads((tmp_path / "verify.json").read_text(encoding="utf-8"))
    assert told["verified"] == 0
    assert "three" in told["unverified"][0]
    assert (told["equivalent"], set(told["equivalents"]["a-guest"].values())) == (2, {"nothing times anything"})
    assert told["trials"]["mutant"] == {"run": 2, "as_expected": 1}
    (seed,) = rows(tmp_path / "root-seeds.csv")
    assert (seed["verified"], seed["trials"], seed["as_expected"]) == ("0", "3", "2")
    assert "three" in seed["complaints"]


@pytest.mark.parametrize("suffix", ["", "-deep"])
def test_in_what_is_published_every_trial_is_as_expected(suffix):
    found = rows(PUBLISHED / f"kill-matrix{suffix}.csv")
    assert [row for row in found if row["outcome"] not in (row["expected"], "ILL-FORMED")] == []
    told = json.loads((PUBLISHED / f"verify{suffix}.json").read_text(encoding="utf-8"))
    assert told["verified"] == told["claims"] == len({row["claim"] for row in found})
    assert told["share_equivalent"] <= 0.05
    assert not told["commit"].endswith("+dirty")


def test_in_what_is_published_every_root_seed_verifies_every_claim():
    seeds = rows(PUBLISHED / "root-seeds.csv")
    assert len({row["root_seed"] for row in seeds}) == len(seeds) >= 10
    assert all(row["verified"] == row["claims"] and not row["complaints"] for row in seeds)
