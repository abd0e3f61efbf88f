"""What docs/estimators.md promises can be imported, and a registered name stands there where no other name tells it."""

import re
from pathlib import Path

import pytest

import estimators
from estimators import divergences, memorisation_test, scores, two_sample_test
from estimators.training.registry import models

PAGE = (Path(__file__).parents[2] / "docs" / "estimators.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("registry", [divergences, scores], ids=["divergences", "scores"])
def test_every_registered_divergence_and_score_stands_in_its_table(registry):
    rows = [row for row in PAGE.splitlines() if row.startswith("|")]
    for name, member in registry.items():
        there = [row for row in rows if f"`{name}`" in row]
        called = member.function.__name__
        assert there, f"{name} is registered, and no table of docs/estimators.md says so"
        assert called in ("wasserstein_2", "prd_recall", "prd_precision") or any(
            re.search(rf"`{called}\b", row) for row in rows
        )


def test_a_model_stands_with_its_registered_name_where_that_is_not_its_own():
    for name, kind in models.items():
        own = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", kind.__name__).lower()
        promised = f"`{kind.__name__}`" if own == name else f"`{kind.__name__}` (`{name}`"
        assert promised in PAGE, f"docs/estimators.md has no {promised}"


def test_what_users_need_by_name_is_exported():
    wanted = {
        "Callback", "Checkpoint", "CheckpointError", "Diverged", "ModeCoverage", "ParzenEstimate", "Progress",
        "TestedEstimate", "TwoSampleTest", "parzen_log_densities", "rejections",
    }  # fmt: skip
    assert wanted <= set(estimators.__all__)
    assert issubclass(estimators.Diverged, ArithmeticError)
    assert issubclass(estimators.CheckpointError, ValueError)
    assert isinstance(two_sample_test([0.0, 1, 2], [3.0, 4, 5]), estimators.TwoSampleTest)
    training = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    for name in ("Diverged", "CheckpointError"):
        assert f"`{name}`" in PAGE
        assert f"`estimators.{name}`" in training


def test_a_test_prints_its_p_value():
    found = memorisation_test([0.0, 1, 2, 3], [10.0, 11, 12, 13], [0.1, 1.1, 2.1], n_permutations=19)
    assert isinstance(found, estimators.TestedEstimate)
    assert str(found) == f"1, p = {found.p_value:.3g}"
