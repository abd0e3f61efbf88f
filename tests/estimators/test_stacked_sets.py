"""Data sets that are trained on together answer as those that are trained on alone, up to rounding."""

import numpy as np
import pytest
import torch

from estimators.models.gans.non_saturating import NonSaturatingGAN
from estimators.training.loop import Diverged
from estimators.training.stacked import StackedSeeds
from tests.estimators.test_models import data, small, without_clock
from tests.estimators.test_stacked import STACKED, gan, hold_weights


def two_sets():
    """Of other scales and centres, so that each needs its own standardisation."""
    return np.stack([data(), 3 * data()[::-1] + 1])


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", STACKED)
def test_each_set_answers_as_alone(name):
    sets = two_sets()
    stack = StackedSeeds(small(name, random_state=5), n_seeds=1).fit(sets)
    assert stack.seeds_ == [5, 5]
    for X, member in zip(sets, stack.members_, strict=True):
        alone = small(name, random_state=5).fit(X)
        assert member.data_fingerprint_ == alone.data_fingerprint_
        assert np.array_equal(member.standardisation_.centre, alone.standardisation_.centre)
        hold_weights(member, alone, name)


def test_members_come_by_set_then_rate_then_seed_and_go_on_from_their_file(tmp_path):
    sets, rates = two_sets(), [1e-2, 1e-4]
    whole = StackedSeeds(gan(), n_seeds=3, rates=rates).fit(sets)
    assert [member.lr for member in whole.members_] == ([1e-2] * 3 + [1e-4] * 3) * 2
    assert whole.seeds_ == [3, 4, 5] * 4
    assert [member.data_fingerprint_ for member in whole.members_] == [
        NonSaturatingGAN(steps=1, device="cpu").start(X).data_fingerprint_ for X in sets for _ in range(6)
    ]
    part = StackedSeeds(gan(), n_seeds=3, rates=rates).start(sets)
    for _ in range(9):
        part.step()
    part.save(tmp_path / "runs")
    resumed = StackedSeeds.load(tmp_path / "runs")
    assert (resumed.n_seeds, resumed.rates, resumed.seeds_) == (3, rates, whole.seeds_)
    with pytest.raises(ValueError, match=r"X, shape \(2, 60, 3\), is not the data that this run began with"):
        resumed.resume(sets[::-1])
    resumed.resume(sets)
    for ours, theirs in zip(resumed.members_, whole.members_, strict=True):
        assert without_clock(ours.history_) == without_clock(theirs.history_)


def test_sets_that_are_the_same_or_none_are_refused():
    X = data()
    with pytest.raises(ValueError, match=r"X, shape \(2, 60, 3\), holds the same data twice; give each once"):
        StackedSeeds(gan(), n_seeds=2).fit(np.stack([X, X]))
    with pytest.raises(ValueError, match="holds no data set"):
        StackedSeeds(gan(), n_seeds=2).fit(np.empty((0, 60, 3)))
    with pytest.raises(
        ValueError, match=r"X, shape \(60, 8, 8\), is 60 data sets of 8 rows; .*X.reshape\(len\(X\), -1\)"
    ):
        StackedSeeds(gan(), n_seeds=2).fit(np.ones((60, 8, 8)))
    with pytest.raises(ValueError, match="X is not an array: its rows differ in length"):
        StackedSeeds(gan(), n_seeds=2).fit([X, X[1:]])
    spoilt = two_sets()
    spoilt[1, 7, 0] = np.nan
    with pytest.raises(ValueError, match=r"X\[1\].*row 7"):
        StackedSeeds(gan(), n_seeds=2).fit(spoilt)


def test_rows_of_the_history_and_what_diverges_name_the_set_where_there_are_several():
    sets = two_sets()
    rows = StackedSeeds(gan(steps=10), n_seeds=2).fit(sets).history_
    assert [(row["set"], row["seed"]) for row in rows] == [(0, 3), (0, 4), (1, 3), (1, 4)]
    assert "set" not in StackedSeeds(gan(steps=10), n_seeds=2).fit(sets[0]).history_[0]
    stack = StackedSeeds(gan(), n_seeds=2).start(sets)
    with torch.no_grad():
        next(stack.members_[3].generator_.parameters()).fill_(np.nan)
    with pytest.raises(Diverged, match="seed 4 of set 1: "):
        stack.step()
