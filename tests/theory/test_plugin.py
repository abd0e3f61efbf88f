"""The pytest plugin: inert until asked, then each trial is an item, also for other people's claims and under xdist."""

import json
import subprocess
import sys
import textwrap

import pytest

from theory.claim import claims_registry

pytest_plugins = ["pytester"]

CLAIMS = """
from theory import Exact, Holds, Refuted
from theory.claim import claim

@claim("even-squares", says="(2k)² is even", source="folklore", method=Exact, topic="parity")
def even(*, square=lambda k: 4 * k * k):
    odd = [k for k in range(9) if square(k) % 2]
    return Refuted(k=odd[0]) if odd else Holds()

even.mutant("one more", square=lambda k: 4 * k * k + 1)
even.mutant("{name}", square=lambda k: {formula})
"""


@pytest.fixture
def outside(pytester):
    """A package of somebody else's whose claim has a good mutant and one that is given."""

    def write(name, formula):
        pytester.makepyfile(parity_claims=CLAIMS.format(name=name, formula=formula))
        pytester.makepyfile(
            test_parity="""
            import parity_claims
            import pytest

            @pytest.mark.claims("parity")
            def test_claim(claim_trial):
                claim_trial.require()
            """
        )

    list(claims_registry)  # scanned before the run, whose modules pytester forgets
    yield write
    claims_registry._members.pop("even-squares", None)


def run_inside(pytester, *arguments):
    """In this process: the registry is scanned already."""
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "--import-mode=prepend", *arguments)


def run(pytester, *arguments):
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--import-mode=prepend", *arguments)


def test_a_trial_that_finds_otherwise_than_recorded_fails_though_its_verdict_stays(pytester, outside):
    outside("thrice", "3 * k")
    pytester.makeini("[pytest]\nclaims_record = kept.json")
    refuted = {"outcome": "REFUTED", "evidence": {"k": 0}}
    kept = {"truth": {"outcome": "HOLDS", "evidence": {}}, "mutant: one more": refuted, "mutant: thrice": refuted}
    (pytester.path / "kept.json").write_text(json.dumps({"even-squares": kept}), encoding="utf-8")
    result = run_inside(pytester)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*'mutant: thrice' had k = 0 in the record and has 1*"])
    run_inside(pytester, "--claims-root-seed=1").assert_outcomes(passed=3)


def test_each_trial_of_an_outside_claim_is_an_item(pytester, outside):
    outside("thrice", "3 * k")
    result = run_inside(pytester, "-v")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["*even-squares-truth*PASSED*", "*even-squares-mutant: one more*PASSED*"])


def test_a_mutant_that_survives_fails_with_the_evidence(pytester, outside):
    outside("twice as much", "8 * k * k")
    result = run_inside(pytester)
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*the mutant 'twice as much' must be REFUTED and is HOLDS*"])


def test_automatic_mutants_are_items_when_asked(pytester, outside):
    outside("thrice", "3 * k")
    result = run_inside(pytester, "-v", "--claim-mutants=all")
    result.stdout.fnmatch_lines(["*even-squares-automatic: square = lambda k: 4 * 0.99 * k * k]*"])


def test_the_option_runs_claims_without_a_test_file_also_beside_each_other(pytester):
    result = run(pytester, "-v", "--claims=imle-coverage", "-n", "2", "-k", "mutant or truth")
    assert result.parseoutcomes() == {"passed": 4}
    result.stdout.fnmatch_lines(["*PASSED*claims::imle-coverage-truth*"])


def test_the_ini_option_runs_claims_by_default_and_counts_what_is_deselected(pytester):
    pytester.makeini("[pytest]\nclaims = imle-coverage")
    run(pytester, "-k", "truth").assert_outcomes(passed=1, deselected=5)


def test_a_failing_item_shows_one_sentence_and_a_wrong_name_stops(pytester, outside):
    outside("twice as much", "8 * k * k")
    result = run_inside(pytester, "--claims=parity", "test_parity.py")
    result.assert_outcomes(passed=4, failed=2)
    result.stdout.fnmatch_lines(["even-squares: the mutant 'twice as much' must be REFUTED and is HOLDS*"])
    assert run_inside(pytester, "--claims=nonsense").ret != 0


def test_unasked_the_plugin_imports_nothing_of_the_suite():
    code = """
        import sys
        import theory.pytest_plugin
        print([m for m in sys.modules if m.startswith(("theory.", "numpy", "flint", "pandas", "estimators"))])
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['theory.pytest_plugin']", "and the package's lazy __init__"
