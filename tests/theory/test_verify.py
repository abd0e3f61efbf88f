"""Verification tells a sound claim from a broken one, and says which and why."""

import json
import operator

import numpy as np
import pytest

from theory.claim import Exact, Holds, Inconclusive, Refuted, Statistical, claim, claims_registry
from theory.errata import errata
from theory.exact import Q
from theory.outcome import all_hold, encode
from theory.sources import YU
from theory.trial import trials
from theory.verify import reports, selected, table, unverified, verify_claim


@pytest.fixture
def square():
    """A claim outside the registry's scan: (a + b)² = a² + 2ab + b²."""

    @claim("square", says="(a + b)² expands", source=YU.slide("Squares"), method=Exact, topic="algebra")
    def check(*, expansion=lambda a, b: a * a + 2 * a * b + b * b):
        for a in range(-3, 4):
            for b in range(-3, 4):
                if expansion(a, b) != (a + b) ** 2:
                    return Refuted(a=a, b=b, stated=expansion(a, b))
        return Holds(pairs=49)

    yield check
    claims_registry._members.pop("square")


def test_a_sound_claim_is_verified_with_every_automatic_mutant_accounted_for(square):
    square.mutant("no cross term", expansion=lambda a, b: a * a + b * b)
    square.equivalent("expansion = lambda b, a: a * a + 2 * a * b + b * b", "the formula is symmetric")
    report = verify_claim(square, mutants="all")
    assert report.verified, report.complaints
    assert report.outcome == "HOLDS"
    assert report.resolution.epsilon == 1e-12
    assert len(report.of_kind("automatic")) >= 8
    assert report.line().startswith("square")
    assert json.loads(json.dumps(report.as_dict()))["verified"] is True


def test_a_broken_formula_is_not_verified_and_shows_the_evidence(square):
    square.mutant("no cross term", expansion=lambda a, b: a * a + b * b)
    square.check_function.__kwdefaults__["expansion"] = lambda a, b: a * a + 3 * a * b + b * b
    report = verify_claim(square)
    assert not report.verified
    assert "NOT VERIFIED" in report.line()
    assert "the true statement must be HOLDS and is REFUTED (a = -3, b = -3, stated = 45)" in unverified([report])[0]


def test_a_check_that_cannot_fail_is_caught_by_its_mutant(square):
    square.mutant("the same again", expansion=lambda a, b: (a + b) * (a + b))
    report = verify_claim(square)
    assert report.outcome == "HOLDS"
    assert not report.verified
    assert "the mutant 'the same again' must be REFUTED and is HOLDS" in report.complaints[0]


def test_a_claim_without_a_mutant_is_not_verified(square):
    assert "has no mutant" in verify_claim(square).complaints[0]


def test_an_exception_is_a_failure_with_its_last_line(square):
    square.mutant("a division by zero", expansion=lambda a, b: 1 / 0)
    assert "ZeroDivisionError: division by zero" in verify_claim(square).complaints[0]


def test_an_undecided_check_is_a_failure():
    @claim("undecided", says="?", source="nobody", method=Exact)
    def check(*, formula=1):
        return Inconclusive(radius=1) if formula == 1 else Refuted()

    check.mutant("two", formula=2)
    try:
        assert "must be HOLDS and is INCONCLUSIVE (radius = 1)" in verify_claim(check).complaints[0]
    finally:
        claims_registry._members.pop("undecided")


def test_a_conditional_claim_must_run_its_counterexample():
    @claim("conditional", says="x² ≥ x for whole x", source="nobody", method=Exact, verdict="CONDITIONAL")
    def check(*, relation=operator.ge):
        bad = [x for x in range(-9, 9) if not relation(x * x, x)]
        return Refuted(x=bad[0]) if bad else Holds()

    try:
        check.mutant("strict", relation=operator.gt)
        assert "runs no counterexample" in verify_claim(check).complaints[0]

        @check.counterexample("a half is not whole")
        def half():
            return Holds() if Q(1, 4) >= Q(1, 2) else Refuted(x=Q(1, 2))

        report = verify_claim(check)
        assert report.verified
        assert report.of_kind("counterexample")[0].evidence == {"x": "1/2"}
        assert report.resolution.epsilon is None
    finally:
        claims_registry._members.pop("conditional")


def test_a_stale_equivalent_is_reported(square):
    square.mutant("no cross term", expansion=lambda a, b: a * a + b * b)
    square.equivalent("expansion = gone", "it was there once")
    assert any("is no automatic mutant" in complaint for complaint in verify_claim(square, mutants="all").complaints)
    with pytest.raises(ValueError, match="say why"):
        square.equivalent("expansion = gone", " ")


def test_specs_and_names_are_checked_at_the_door(square):
    with pytest.raises(TypeError, match="square has no spec expnsion; its specs are expansion"):
        square.mutant("typo", expnsion=1)
    with pytest.raises(ValueError, match="replaces no spec"):
        square.mutant("nothing")
    square.mutant("twice", expansion=lambda a, b: 0)
    with pytest.raises(ValueError, match="already has a mutant"):
        square.mutant("twice", expansion=lambda a, b: 1)
    with pytest.raises(TypeError, match="no spec sides"):
        square.check(sides=2)
    with pytest.raises(ValueError, match="verdict='MAYBE'"):
        claim("x", says="", source="", method=Exact, verdict="MAYBE")
    with pytest.raises(ValueError, match="priority='P9'"):
        claim("x", says="", source="", method=Exact, priority="P9")
    with pytest.raises(TypeError, match="keyword-only specs"):
        claim("x", says="", source="", method=Exact)(lambda: Holds())


CLAIMED = """
from theory.claim import Exact, Holds, claim

@claim("told-twice", says="", source="", method=Exact)
def check(*, formula=1):
    return Holds()
"""


@pytest.fixture
def run_file(tmp_path):
    """Runs a file under a name."""

    def run(text, name, file="my_claims.py"):
        (tmp_path / file).write_text(text, encoding="utf-8")
        exec(compile(text, tmp_path / file, "exec"), {"__name__": name})

    yield run
    claims_registry._members.pop("told-twice", None)


def test_two_claims_of_one_name_are_told_with_both_places(run_file):
    run_file(CLAIMED, "first")
    run_file(CLAIMED, "first")  # run again, as by a reload
    run_file("\n" + CLAIMED, "first")  # and after an edit above it
    both = r"two claims are called 'told-twice': check \(.*my_claims.py:5\) and check \(.*others.py:4\); rename one"
    with pytest.raises(ValueError, match=both):
        run_file(CLAIMED, "second", "others.py")
    with pytest.raises(ValueError, match=r"told-twice': check \(.*my_claims.py:5\) and check \(.*my_claims.py:4\)"):
        run_file(2 * CLAIMED, "first")


def test_a_topic_is_the_name_of_the_file_also_of_a_script(run_file):
    run_file(CLAIMED, "__main__")
    assert claims_registry.present("told-twice").topic == "my-claims"
    claims_registry._members.pop("told-twice")
    exec(CLAIMED, {"__name__": "__main__"})
    assert claims_registry.present("told-twice").topic == "interactive"


def test_a_check_must_return_an_outcome(square):
    square.mutant("returns nothing", expansion=lambda a, b: 0)
    square.check_function = lambda *, expansion=0: True
    assert "a check returns Holds, Refuted or Inconclusive, not True" in verify_claim(square).complaints[0]


def test_a_check_that_asks_an_outcome_whether_it_is_true_is_no_ill_formed_mutant(square):
    def careless(*, expansion=lambda a, b: a + b):
        return Holds(right=expansion(1, 2) == 3 or bool(Refuted()))

    square.check_function = careless
    found = verify_claim(square, mutants="all")
    outcomes = {result.outcome for result in found.of_kind("automatic")}
    assert "ERROR" in outcomes
    assert "ILL-FORMED" not in outcomes


def test_an_outcome_is_no_truth_value():
    with pytest.raises(TypeError, match="is not a truth value"):
        bool(Refuted())


def test_a_conjunction_is_as_strong_as_its_weakest_part():
    assert isinstance(all_hold([Holds(a=1), Holds(b=2)], c=3), Holds)
    assert all_hold([Holds(a=1), Holds(b=2)], c=3).evidence == {"parts": 2, "a": 1, "b": 2, "c": 3}
    assert all_hold([Holds(r=0.1, x="p"), Holds(r=0.3, x="q")]).evidence == {"parts": 2, "r": 0.3}
    assert all_hold([all_hold([Holds(), Holds()]), Holds()]).evidence == {"parts": 3}
    assert isinstance(all_hold([Inconclusive(), Holds()]), Inconclusive)
    assert isinstance(all_hold([Inconclusive(), Refuted()]), Refuted)
    assert isinstance(all_hold([]), Inconclusive)
    rest = iter([Refuted(), Holds()])
    all_hold(rest)
    assert len(list(rest)) == 1, "nothing runs beyond the first refutation"


def test_evidence_is_json_with_rationals_and_balls_as_text():
    from flint import arb

    evidence = {
        "q": Q(3, 7), "ball": arb(1) / 3, "x": np.float64(0.5), "v": np.arange(3), "inf": float("inf"),
        "set": {2, 1}, "long": np.zeros(100), "in": Holds(n=1), 5: (None, True),
    }  # fmt: skip
    encoded = json.loads(json.dumps(encode(evidence)))
    assert encoded["q"] == "3/7"
    assert "+/-" in encoded["ball"]
    assert encoded["v"] == [0, 1, 2]
    assert encoded["inf"] == "inf"
    assert encoded["set"] == [1, 2]
    assert encoded["long"] == "array(100,) in [0.0, 0.0]"
    assert encoded["in"] == {"outcome": "HOLDS", "evidence": {"n": 1}}
    assert encoded["5"] == [None, True]


def test_draws_depend_on_seed_claim_and_stream_alone(square):
    setting = square.setting(root_seed=1)
    first = setting.rng().random(3)
    assert np.array_equal(first, square.setting(root_seed=1).rng().random(3))
    assert (square.setting().root_seed, verify_claim("imle-coverage", resolution_budget=0).root_seed) == (0, 0)
    assert not np.array_equal(first, square.setting(root_seed=2).rng().random(3))
    assert not np.array_equal(first, setting.rng(stream=1).random(3))
    assert setting.size(1, deep=2) == 1
    assert square.setting(deep=True).size(1, deep=2) == 2


def test_a_statistical_claim_needs_a_slot_or_a_level_of_its_own():
    @claim("coin", says="fair", source="nobody", method=Statistical, alpha=0.01)
    def check(setting, *, p=0.5):
        return Holds(alpha=setting.alpha)

    try:
        assert check().evidence == {"alpha": 0.01}
        check.stated_alpha = None
        with pytest.raises(ValueError, match="has no slot"):
            check()
    finally:
        claims_registry._members.pop("coin")


def test_errata_rows_come_from_printed_mutants(square):
    square.printed(
        "the cross term once", where=YU.slide("Squares"), printed="a² + ab + b²", correct="a² + 2ab + b²",
        expansion=lambda a, b: a * a + a * b + b * b,
    )  # fmt: skip
    (before,) = errata(claims=[square])
    assert (before.outcome, before.printed, before.where) == ("", "a² + ab + b²", YU.slide("Squares"))
    (after,) = errata([verify_claim(square)], claims=[square])
    assert after.as_dict()["outcome"] == "REFUTED"
    assert after.as_dict()["evidence"] == {"a": -3, "b": -3, "stated": 27}


def test_claims_are_selected_by_id_and_topic_and_a_wrong_name_lists_them():
    assert [c.id for c in selected("imle-coverage")] == ["imle-coverage"]
    assert "imle-coverage" in [c.id for c in selected("imle-guarantees")]
    with pytest.raises(ValueError, match=r"^no claim or topic is called nonsense; topics: .*imle-guarantees"):
        selected("nonsense")
    with pytest.raises(ValueError, match="mutants='some'"):
        verify_claim("imle-coverage", mutants="some")


def test_progress_hears_of_every_result(square):
    square.mutant("no cross term", expansion=lambda a, b: a * a + b * b)
    heard = []
    verify_claim(square, progress=heard.append)
    assert [result.kind for result in heard] == ["truth", "mutant"]
    assert len(trials(square)) == 2
    assert table(reports("imle-coverage")).columns[0] == "id"
