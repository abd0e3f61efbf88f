"""A record of evidence sees what verdicts do not, and does not see what machines round differently."""

import json

import pytest

from theory.claim import claims_registry
from theory.recorded import difference, name_of, record, same
from theory.trial import trials


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (0.1 + 0.2, 0.3),
        ("[1.5000000000000001 +/- 1e-20]", "[1.5 +/- 3.00e-38]"),
        ([1, {"x": float("nan")}], [1, {"x": float("nan")}]),
        (1e-30, 2e-31),  # both are what rounding leaves of a cancellation
        (float("inf"), float("inf")),
    ],
)
def test_the_same_but_for_rounding(a, b):
    assert same(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, 2), (1.0, 1.0001), (3e-10, 0.0), ("1/2", "1/3"), ("[1.5 +/- 1e-20]", "[1.6 +/- 1e-20]"), ([1], [1, 1]),
        ({"a": 1}, {"b": 1}), (True, 1), (None, 0), ("all, n ≤ 10", "all, n ≤ 11"),
        (10**17, 10**17 + 1), (float("inf"), 1e308),
    ],
)  # fmt: skip
def test_what_is_not_the_same(a, b):
    assert not same(a, b)


def test_a_difference_names_the_trial_and_what_differs():
    result = trials(claims_registry["m-of-n-lemma"])[0].perform()
    kept = json.loads(json.dumps(record([result])))
    assert difference(result, kept) == ""
    assert difference(result, {}) == ""
    told = kept["m-of-n-lemma"]["truth"]
    told["evidence"]["outcomes"] = "all, n ≤ 9"
    assert "outcomes = 'all, n ≤ 9'" in difference(result, kept)
    told["outcome"] = "REFUTED"
    assert "was REFUTED in the record and is HOLDS" in difference(result, kept)
    del kept["m-of-n-lemma"]["truth"]
    assert "is not in the record" in difference(result, kept)


def test_every_trial_of_this_project_is_in_the_record_and_no_other(pytestconfig):
    """A trial that is gone, or a claim that was never recorded, would agree with any record."""
    kept = json.loads((pytestconfig.rootpath / pytestconfig.getini("claims_record")).read_text(encoding="utf-8"))
    ours = {name: claim for name, claim in claims_registry.items() if claim.__module__.startswith("theory.claims.")}
    assert len(ours) > 90
    assert {name: {name_of(trial) for trial in trials(claim)} for name, claim in ours.items()} == {
        name: set(found) for name, found in kept.items()
    }
