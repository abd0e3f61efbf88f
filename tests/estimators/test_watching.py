"""Callbacks that score, and that tell another program."""

import sys

import numpy as np
import pytest

from estimators.training.early_stop import EarlyStop
from estimators.training.loop import Diverged
from estimators.training.stacked import StackedSeeds
from estimators.training.tensorboard import TensorBoard
from tests.estimators.test_models import data, small


class Scripted:
    """A score that returns what it was given to return, and keeps what it was asked about."""

    def __init__(self, *values):
        self.values, self.asked = list(values), []

    def __call__(self, held_out, samples):
        self.asked.append((held_out, samples))
        return self.values[len(self.asked) - 1]


def stopped(*values, best="lowest", patience=2, **more):
    stop = EarlyStop(data(12), Scripted(*values), best=best, patience=patience, every=2, **more)
    model = small("gmmn", random_state=1).fit(data(), callbacks=[stop])
    return model, stop


def test_patience_counts_scores_since_the_best():
    model, stop = stopped(5.0, 3.0, 4.0, 3.0)
    assert (model.step_, model.stopped_by_) == (8, "EarlyStop")
    assert stop.scores_ == [(2, 5.0), (4, 3.0), (6, 4.0), (8, 3.0)]
    assert (stop.best_, stop.best_step_) == (3.0, 4)


def test_a_score_that_gets_better_never_stops():
    model, stop = stopped(*range(1, 12), best="highest")
    assert (model.step_, model.stopped_by_) == (23, "steps")
    assert stop.best_step_ == 22


def test_it_scores_the_same_draws_against_the_held_out_rows_and_the_run_does_not_feel_it():
    model, stop = stopped(*range(20, 0, -1), n_samples=7, random_state=4)
    held_out, samples = stop.score.asked[-1]
    assert np.array_equal(held_out, data(12))
    assert samples.shape == (7, 3)
    plain = small("gmmn", random_state=1).fit(data())
    assert np.array_equal(plain.sample(9, random_state=0), model.sample(9, random_state=0))
    _, second = stopped(*range(20, 0, -1), n_samples=7, random_state=4)
    assert np.array_equal(second.score.asked[-1][1], samples)


def test_a_second_fit_begins_anew():
    stop = EarlyStop(data(12), Scripted(1.0, 2.0, 3.0, 4.0), best="lowest", patience=1, every=2)
    for expected in ([(2, 1.0), (4, 2.0)], [(2, 3.0), (4, 4.0)]):
        small("gmmn", random_state=1).fit(data(), callbacks=[stop])
        assert stop.scores_ == expected


@pytest.mark.parametrize(("score", "best"), [("energy-distance", None), ("recall", "highest")])
def test_registered_scores_are_taken_by_name(score, best):
    stop = EarlyStop(data(20), score, best=best, every=10)
    model = small("gmmn", random_state=1).fit(data(), callbacks=[stop])
    assert [step for step, _ in stop.scores_] == [10, 20]
    assert model.stopped_by_ == "steps"


def stack(**more):
    return StackedSeeds(small("gmmn", random_state=1), n_seeds=2, **more)


def test_stacked_seeds_stop_when_none_of_them_gets_better():
    """The second is at its best when the first has long been behind, and their mean too."""
    stop = EarlyStop(data(12), Scripted(1.0, 3.0, 5.0, 2.9, 9.0, 2.8, 9.0, 2.8), best="lowest", patience=1, every=2)
    runs = stack().fit(data(), callbacks=[stop])
    assert [step for step, _ in stop.scores_] == [2, 4, 6, 8]
    assert [score for _, score in stop.scores_] == pytest.approx([2.0, 3.95, 5.9, 5.9])
    assert (stop.best_, stop.best_step_) == (2.0, 2)
    assert (runs.step_, runs.stopped_by_) == (8, "EarlyStop")


def test_members_of_several_sets_are_scored_against_their_own():
    sets = np.stack([data(), data() + 1])
    stop = EarlyStop(sets[:, :12], Scripted(*range(100)), best="lowest", patience=1, every=2)
    runs = stack(rates=(1e-3, 1e-4)).fit(sets, callbacks=[stop])
    assert (runs.step_, runs.stopped_by_, runs.sets_) == (4, "EarlyStop", [0, 0, 0, 0, 1, 1, 1, 1])
    samples = runs.sample(12, random_state=0)
    for place, (held_out, drawn) in enumerate(stop.score.asked[-8:]):
        assert np.array_equal(held_out, sets[place // 4, :12].astype(held_out.dtype))
        assert np.array_equal(drawn, samples[place])


@pytest.mark.parametrize(("k", "told"), [(1, r"of 1 data sets, and X has 2; .*\(2, n, d\)"), (3, "of 3 data sets")])
def test_rows_of_other_sets_than_the_data_are_refused_before_the_first_step(k, told):
    held_out = np.stack([data(12)] * k)
    with pytest.raises(ValueError, match=told):
        stack().fit(np.stack([data(), data() + 1]), callbacks=[EarlyStop(held_out, every=2)])
    with pytest.raises(ValueError, match=r"of 3 data sets, and X has 1; give held_out of shape \(n, d\)"):
        small("gmmn").fit(data(), callbacks=[EarlyStop(np.stack([data(12)] * 3), every=2)])


@pytest.mark.parametrize("best", ["lowest", "highest"])
def test_a_score_that_is_no_number_is_told_and_never_the_best(best):
    with pytest.raises(Diverged, match=r"the score Scripted of EarlyStop is nan at step 4 .*give another score"):
        stopped(5.0, float("nan"), 3.0, best=best)


def test_a_conditional_model_is_refused_before_its_first_step():
    model = small("conditional-imle", random_state=1)
    with pytest.raises(ValueError, match="EarlyStop scores samples that are given nothing, and ConditionalIMLE"):
        model.fit(data(), given=data(60, 2), callbacks=[EarlyStop(data(12), every=20)])
    assert model.step_ == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"score": "recall"}, "best is None.*best='lowest'"),
        ({"score": "beauty"}, "score is 'beauty'; give a function .*energy-distance"),
        ({"best": "middle"}, "best is 'middle'"),
        ({"patience": 0}, "patience is 0"),
        ({"every": 0}, "every is 0"),
        ({"held_out": np.full((3, 2), np.nan)}, "held_out has nan in row 0"),
        ({"held_out": np.stack([data(4), data(4) * np.nan])}, r"held_out\[1\] has nan in row 0"),
        ({"held_out": [data(4), data(5)]}, "held_out has rows, or sets, of different lengths"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        EarlyStop(**{"held_out": data(12)} | arguments)


class Writer:
    """What TensorBoard's writer is told."""

    def __init__(self):
        self.told, self.flushed = [], 0

    def add_scalar(self, name, value, step):
        self.told.append((name, value, step))

    def flush(self):
        self.flushed += 1


def test_losses_and_the_learning_rate_are_written():
    writer = Writer()
    model = small("imle", random_state=1).fit(data(), callbacks=[TensorBoard(every=10, writer=writer)])
    assert [(name, step) for name, _, step in writer.told] == [
        (name, step) for step in (10, 20, 23) for name in ("loss", "objective", "lr")
    ]
    assert writer.told[-1] == ("lr", model.lr_now, 23)
    assert writer.flushed == 1


def test_without_tensorboard_the_remedy_is_told_before_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match="pip install tensorboard"):
        TensorBoard("runs")
