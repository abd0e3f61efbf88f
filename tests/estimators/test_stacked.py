"""Seeds and rates that are trained together answer as those that are trained alone, up to rounding."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from estimators.models.gans.non_saturating import NonSaturatingGAN
from estimators.models.imle import IMLE
from estimators.training.callbacks import Callback, Checkpoint
from estimators.training.checkpoint import CheckpointError
from estimators.training.implicit_model import ImplicitModel
from estimators.training.loop import Diverged
from estimators.training.registry import models
from estimators.training.stacked import StackedSeeds
from tests.estimators.test_models import data, small, without_clock

STACKED = [name for name in models if vars(models[name]).get("_stacks", False)]
ALONE = [name for name in models if name not in STACKED]

#: In float64 a batched product and a single one differ by some 1e-15, terms added in another order. Adam moves a weight
#: by lr·g/(|g| + 1e-8), which makes at most lr·1e-15/1e-8 = 1e-9 of it in each of 23 steps at lr ≤ 1e-2, and training
#: may double a difference every few steps.
ROOM = 1e-7
#: The last offset of this critic moves no distance between features: all of its gradient is rounding, of a product form
#: whose weights are inverse distances, some 1e-13, of which Adam makes lr·1e-13/1e-8 = 1e-7 in each of 46 steps.
ROOM_OF = {"cramer-gan": 1e-5}
#: The losses of a first step in float32, before any weight has moved: 64 ulps, for sums of some hundred terms.
FIRST = 64 * 2.0**-23


def gan(**parameters):
    sizes = {"steps": 23, "batch_size": 16, "hidden": (8, 8), "history_every": 10, "device": "cpu", "random_state": 3}
    return NonSaturatingGAN(**sizes | parameters)


def hold_weights(member, alone, name):
    """The weights of a member of a stack are those of the model trained alone, up to `ROOM`."""
    for network in alone._networks:
        pairs = zip(getattr(member, network).parameters(), getattr(alone, network).parameters(), strict=True)
        for ours, theirs in pairs:
            assert (ours - theirs).abs().max() <= ROOM_OF.get(name, ROOM), network


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", STACKED)
def test_each_seed_answers_as_alone(name):
    X = data()
    stack = StackedSeeds(small(name, random_state=5), n_seeds=2).fit(X)
    assert stack.seeds_ == [5, 6]
    for seed, member in zip(stack.seeds_, stack.members_, strict=True):
        alone = small(name, random_state=seed).fit(X)
        assert type(member) is type(alone)
        assert member.get_params() == alone.get_params()
        hold_weights(member, alone, name)
        for ours, theirs in zip(member.history_, alone.history_, strict=True):
            assert ours.keys() == theirs.keys()
            for key in ours.keys() - {"seconds"}:
                assert ours[key] == pytest.approx(theirs[key], rel=100 * ROOM, abs=100 * ROOM), key
        assert (member.step_, member.outer_step_, member.stopped_by_) == (23, alone.outer_step_, "steps")
    assert not np.array_equal(stack.members_[0].sample(9, random_state=0), stack.members_[1].sample(9, random_state=0))


@pytest.mark.parametrize("name", STACKED)
def test_a_resumed_stack_is_bitwise_the_uninterrupted_one(name, tmp_path):
    X = data()
    whole = StackedSeeds(small(name, random_state=1), n_seeds=2).fit(X)
    part = StackedSeeds(small(name, random_state=1), n_seeds=2).start(X)
    for _ in range(9):
        part.step()
    part.save(tmp_path / "runs")
    resumed = StackedSeeds.load(tmp_path / "runs")
    assert (resumed.step_, resumed.seeds_) == (9, [1, 2])
    resumed.resume(X)
    for ours, theirs in zip(resumed.members_, whole.members_, strict=True):
        assert without_clock(ours.history_) == without_clock(theirs.history_)
    assert np.array_equal(resumed.sample(9, random_state=0), whole.sample(9, random_state=0))


@pytest.mark.parametrize("name", STACKED)
def test_the_first_losses_are_those_of_each_seed_alone(name):
    X = data()
    stack = StackedSeeds(small(name, random_state=5), n_seeds=2).start(X)
    stack.step()
    for s in range(2):
        alone = small(name, random_state=5 + s).start(X).step()
        assert stack.losses_.keys() == alone.keys()
        for key, value in alone.items():
            assert stack.losses_[key][s] == pytest.approx(value, rel=FIRST, abs=FIRST), key


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", STACKED)
def test_a_member_goes_on_alone(name, tmp_path):
    """Saved after the stack's first steps, a member holds its optimisers and latents, and goes on by itself."""
    X = data()
    stack = StackedSeeds(small(name, random_state=1), n_seeds=2).fit(X, callbacks=[EndAt(9)])
    stack.members_[1].save(tmp_path / "one")
    alone = ImplicitModel.load(tmp_path / "one").resume(X)
    whole = small(name, random_state=2).fit(X)
    for network in whole._networks:
        pairs = zip(getattr(alone, network).parameters(), getattr(whole, network).parameters(), strict=True)
        for ours, theirs in pairs:
            assert (ours - theirs).abs().max() <= ROOM_OF.get(name, ROOM), network


class EndAt(Callback):
    """Ends a fit after this many steps and writes down what it is told."""

    def __init__(self, step):
        self.at = step
        self.losses = []

    def step(self, model, losses):
        self.losses.append(losses)
        return model.step_ == self.at


@pytest.mark.parametrize("name", ALONE)
def test_a_model_without_a_stacked_form_says_what_to_do(name):
    with pytest.raises(ValueError, match=r"no stacked form; fit it once for each seed instead"):
        StackedSeeds(models[name](), n_seeds=3).fit(data())


def test_a_subclass_says_by_itself_that_its_step_stacks():
    class Mine(IMLE):
        """A step that nobody has looked at."""

    with pytest.raises(ValueError, match="Mine, whose step has no stacked form"):
        StackedSeeds(Mine()).fit(data())


def test_callbacks_see_the_stack_and_the_mean_of_each_loss(tmp_path):
    watching = EndAt(5)
    stack = StackedSeeds(gan(), n_seeds=2).fit(data(), callbacks=[watching, Checkpoint(tmp_path / "runs", every=2)])
    by_hand = StackedSeeds(gan(), n_seeds=2).start(data())
    for told in watching.losses:
        assert by_hand.step() == told == {name: by_hand.losses_[name].mean() for name in told}
    assert stack.stopped_by_ == "EndAt"
    assert StackedSeeds.load(tmp_path / "runs").step_ == 5
    assert [row["seed"] for row in StackedSeeds(gan(), n_seeds=2).fit(data()).history_] == [3, 3, 3, 4, 4, 4]


def test_samples_are_those_of_the_members_and_the_model_is_untouched():
    model = gan()
    stack = clone(StackedSeeds(model, n_seeds=2)).fit(data())
    assert not hasattr(model, "generator_")
    samples = stack.sample(7, random_state=4)
    assert samples.shape == (2, 7, 3)
    for member, own in zip(stack.members_, samples, strict=True):
        assert np.array_equal(member.sample(7, random_state=4), own)


def test_members_own_their_weights_after_the_fit():
    """A view would keep the weights of all seeds alive in each, and in each of their files."""
    stack = StackedSeeds(gan(), n_seeds=2).fit(data())
    weights = [weight for member in stack.members_ for weight in member.generator_.parameters()]
    assert all(weight.untyped_storage().nbytes() == weight.numel() * 4 for weight in weights)
    assert not any(hasattr(member, "_data") for member in stack.members_)


def test_a_module_that_does_not_stack_is_named():
    own = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    with pytest.raises(ValueError, match="generator holds BatchNorm1d, which has no stacked form"):
        StackedSeeds(gan(latent_dim=2, generator=own)).fit(data())


def test_a_flow_that_cannot_be_mapped_over_seeds_says_so():
    with pytest.raises(ValueError, match="density holds FlowDensity, which has no stacked form"):
        StackedSeeds(small("triangular-flow", univariate="neural"), n_seeds=2).fit(data())


@pytest.mark.usefixtures("float64")
def test_a_perceptron_of_ones_own_is_stacked():
    own = nn.Sequential(nn.Linear(2, 8, bias=False), nn.Sequential(nn.Tanh(), nn.Linear(8, 3)))
    stack = StackedSeeds(gan(latent_dim=2, generator=own), n_seeds=2).fit(data())
    alone = gan(latent_dim=2, generator=own, random_state=4).fit(data())
    for ours, theirs in zip(stack.members_[1].generator_.parameters(), alone.generator_.parameters(), strict=True):
        assert (ours - theirs).abs().max() <= ROOM


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", STACKED)
def test_each_rate_answers_as_alone(name):
    X, own = data(), models[name]().lr
    rates = (own / 4, own)
    stack = StackedSeeds(small(name, random_state=5), n_seeds=1, rates=rates).fit(X)
    assert stack.seeds_ == [5, 5]
    ends = []
    for rate, member in zip(rates, stack.members_, strict=True):
        alone = small(name, random_state=5, lr=rate).fit(X)
        assert member.get_params() == alone.get_params()
        assert [row["lr"] for row in member.history_] == [row["lr"] for row in alone.history_]
        for optimiser in alone._optimisers:
            ours, theirs = (getattr(one, optimiser).param_groups[0]["lr"] for one in (member, alone))
            assert ours == pytest.approx(theirs, rel=1e-15)
        for network in alone._networks:
            pairs = zip(getattr(member, network).parameters(), getattr(alone, network).parameters(), strict=True)
            for ours, theirs in pairs:
                assert (ours - theirs).abs().max() <= ROOM_OF.get(name, ROOM), network
        ends.append(next(getattr(member, alone._networks[0]).parameters()))
    assert not torch.equal(*ends)


def test_a_stack_of_rates_goes_on_from_its_file(tmp_path):
    X, rates = data(), [1e-2, 1e-4]
    whole = StackedSeeds(gan(), n_seeds=2, rates=rates).fit(X)
    assert [(member.seed_, member.lr) for member in whole.members_] == [(3, 1e-2), (4, 1e-2), (3, 1e-4), (4, 1e-4)]
    part = StackedSeeds(gan(), n_seeds=2, rates=rates).start(X)
    for _ in range(9):
        part.step()
    part.save(tmp_path / "runs")
    resumed = StackedSeeds.load(tmp_path / "runs")
    assert (resumed.n_seeds, resumed.rates, resumed.seeds_) == (2, rates, [3, 4, 3, 4])
    resumed.resume(X)
    assert np.array_equal(resumed.sample(9, random_state=0), whole.sample(9, random_state=0))


@pytest.mark.parametrize(
    ("rates", "error", "told"),
    [((), ValueError, "rates is empty"), ((1e-2, 0.0), ValueError, r"rates\[1\] is 0"), (1e-2, TypeError, "a sequence"),
     (("fast",), TypeError, r"rates\[0\]"), ((1e-2, 1e-3, 1e-2), ValueError, r"rates\[2\] is 0.01 again")],
)  # fmt: skip
def test_bad_rates_are_refused(rates, error, told):
    with pytest.raises(error, match=told):
        StackedSeeds(gan(), rates=rates).fit(data())


def test_rates_may_be_an_array_and_a_step_beyond_the_budget_moves_nothing():
    stack = StackedSeeds(gan(steps=1), n_seeds=1, rates=np.logspace(-3, -2, 2)).start(data())
    assert [member.lr for member in stack.members_] == [1e-3, 1e-2]
    stack.step()
    before = stack.sample(9, random_state=0)
    stack.step()
    assert np.array_equal(stack.sample(9, random_state=0), before)


def test_a_rate_may_be_a_number_of_numpy():
    assert gan(lr=np.float32(1e-3), critic_lr=np.float32(1e-3)).fit(data()).history_[-1]["step"] == 23


def test_a_seed_that_diverges_is_named():
    stack = StackedSeeds(gan(), n_seeds=3).start(data())
    with torch.no_grad():
        next(stack.members_[1].critic_.parameters())[0, 0] = float("nan")
    with pytest.raises(Diverged, match=r"seed 4: (critic_)?loss is nan .*lower lr"):
        stack.step()


def test_the_remedy_of_a_seed_that_diverges_is_kept(monkeypatch):
    def refuse(losses, *, step, lr):  # noqa: ARG001
        raise Diverged("loss is odd", step=step, lr=lr, remedy="raise floor")

    stack = StackedSeeds(gan(), n_seeds=2).start(data())
    monkeypatch.setattr("estimators.training.loop.require_finite", refuse)
    with pytest.raises(Diverged, match=r"seed 3: loss is odd at step 0 .*: raise floor$") as caught:
        stack.step()
    assert caught.value.remedy == "raise floor"


def test_what_seeds_have_after_the_start_is_refused_before_it():
    stack = StackedSeeds(gan(), n_seeds=2)
    for name in ("step_", "outer_step_", "lr_now", "history_"):
        with pytest.raises(NotFittedError, match=r"call fit\(X\) first"):
            getattr(stack, name)
    for call in (stack.outer_due, stack.outer_step):
        with pytest.raises(NotFittedError, match=r"call start\(X\)"):
            call()


@pytest.mark.parametrize(("n_seeds", "error"), [(0, ValueError), (2.0, TypeError)])
def test_a_bad_number_of_seeds_is_refused(n_seeds, error):
    with pytest.raises(error, match="n_seeds is"):
        StackedSeeds(gan(), n_seeds=n_seeds).fit(data())


def test_what_is_no_model_or_no_stack_is_refused(tmp_path):
    with pytest.raises(TypeError, match="give an ImplicitModel"):
        StackedSeeds(nn.Linear(2, 3)).fit(data())
    gan().fit(data()).save(tmp_path / "one")
    with pytest.raises(CheckpointError, match=r"holds a NonSaturatingGAN; call ImplicitModel\.load"):
        StackedSeeds.load(tmp_path / "one")
    with pytest.raises(NotFittedError, match=r"call fit\(X\) first"):
        StackedSeeds(gan()).sample(3)
    with pytest.raises(NotFittedError, match=r"call start\(X\)"):
        StackedSeeds(gan()).step()
    with pytest.raises(ValueError, match="not the data that this run began with"):
        StackedSeeds(gan(), n_seeds=2).fit(data()).resume(data() + 1)
