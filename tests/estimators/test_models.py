"""The laws that every registered model obeys."""

import inspect
import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import nn

from estimators.training.evidence import EvidenceBound
from estimators.training.explicit_model import ExplicitModel
from estimators.training.implicit_model import ImplicitModel
from estimators.training.registry import models

#: A conditional model obeys the same laws once it has its inputs.
pytestmark = pytest.mark.usefixtures("inputs_of_conditional_models")

NAMES = list(models)

#: Few steps on narrow networks; 23 steps end inside an outer step and inside a row of the history.
SMALL = {"steps": 23, "batch_size": 16, "hidden": (8, 8), "history_every": 10, "device": "cpu"}
OWN = {
    "n_samples": 32, "inner_steps": 7, "n_components": 3, "n_hidden": 8, "n_times": 5, "n_transforms": 2, "n_bins": 3,
}  # fmt: skip
#: One Gaussian is in closed form: no seed has a part in it.
WITHOUT_CHANCE = ("gaussian",)


def known(name):
    """The constructor arguments of the model `name`."""
    return inspect.signature(models[name]).parameters


#: The models that are a generator of samples, which a user may give.
WITH_GENERATOR = [name for name in NAMES if "generator" in known(name)]
WITHOUT_GENERATOR = [name for name in NAMES if "generator" not in known(name)]


def network(model):
    """The network that draws the samples."""
    return getattr(model, model._networks[0])


def small(name, **parameters):
    """The model `name` at test size; sizes that it does not have are left out."""
    return models[name](**{key: value for key, value in (SMALL | OWN).items() if key in known(name)}, **parameters)


def data(n=60, d=3):
    """Two separated clouds, so that there is something to learn; float64."""
    rng = np.random.default_rng(7)
    return rng.normal(size=(n, d)) + np.where(rng.random((n, 1)) < 0.5, 4.0, -4.0)


class OfLatents(nn.Sequential):
    """A generator of the latents alone, which come last whether the model is conditional or not."""

    def forward(self, *inputs):
        return super().forward(inputs[-1])


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_a_scikit_learn_estimator(name):
    model = small(name, random_state=3)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert set(known(name)) == set(model.get_params())
    assert all(p.kind is p.KEYWORD_ONLY for p in known(name).values())
    copied.set_params(steps=5)
    assert copied.steps == 5
    before = model.get_params()
    assert model.fit(data(), np.zeros(60)) is model
    assert model.get_params() == before
    assert not hasattr(clone(model), model._networks[0])


@pytest.mark.parametrize("name", NAMES)
def test_every_default_is_accepted_and_documented(name):
    model = models[name]()
    model._check_parameters()
    documented = "".join(kind.__doc__ or "" for kind in models[name].__mro__ if issubclass(kind, ImplicitModel))
    assert [parameter for parameter in model.get_params() if parameter not in documented] == []


@pytest.mark.parametrize("name", NAMES)
def test_only_an_explicit_model_has_a_density(name):
    """Of the others a score is named: a Parzen window, or a bound where there is one."""
    explicit = issubclass(models[name], ExplicitModel)
    assert hasattr(models[name], "log_prob") == hasattr(models[name], "score") == explicit
    assert not (explicit and issubclass(models[name], EvidenceBound))


@pytest.mark.parametrize("name", NAMES)
def test_samples_have_the_shape_type_and_units_of_the_data(name):
    for dtype in (np.float32, np.float64):
        X = (data() * 1e3 + 1e5).astype(dtype)
        model = small(name, random_state=0).fit(X)
        samples = model.sample(5000, random_state=1)
        assert samples.shape == (5000, 3)
        assert samples.dtype == dtype
        # Within ten standard deviations of the data's centre: an unscaled sample would be 25 away.
        assert np.abs(samples.mean(axis=0) - X.mean(axis=0)).max() < 10 * X.std()


@pytest.mark.parametrize("name", NAMES)
def test_a_seed_fixes_the_samples_bit_by_bit(name):
    first, again, other = (small(name, random_state=seed).fit(data()).sample(40, random_state=5) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert np.array_equal(first, other) == (name in WITHOUT_CHANCE)


@pytest.mark.parametrize("name", NAMES)
def test_a_numpy_generator_and_its_recorded_seed_give_the_same_run(name):
    model = small(name, random_state=np.random.default_rng(4)).fit(data())
    again = small(name, random_state=model.seed_).fit(data())
    assert np.array_equal(model.sample(9, random_state=0), again.sample(9, random_state=0))
    unseeded = small(name).fit(data())
    repeated = small(name, random_state=unseeded.seed_).fit(data())
    assert np.array_equal(unseeded.sample(9, random_state=0), repeated.sample(9, random_state=0))


@pytest.mark.parametrize("name", NAMES)
def test_sampling_is_a_pure_function_of_its_seed(name):
    model = small(name, random_state=1).fit(data())
    first = model.sample(40, random_state=5)
    model.sample(100)
    model.sample(7, random_state=6)
    assert np.array_equal(model.sample(40, random_state=5), first)
    if name == "regression":  # has one output for an input
        return
    assert not np.array_equal(model.sample(40, random_state=6), first)
    assert not np.array_equal(model.sample(40), model.sample(40))


@pytest.mark.parametrize("name", NAMES)
def test_sampling_while_training_changes_nothing(name):
    plain, watched = (small(name, random_state=1).start(data()) for _ in range(2))
    for _ in range(23):
        plain.step()
        watched.sample(3)
        watched.step()
    assert np.array_equal(plain.sample(9, random_state=0), watched.sample(9, random_state=0))


@pytest.mark.parametrize("name", NAMES)
def test_the_global_generators_are_neither_read_nor_set(name):
    def train():
        return small(name, random_state=1).fit(data()).sample(9, random_state=2)

    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    first = train()
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    second = train()
    assert np.array_equal(first, second)
    assert torch.equal(torch.get_rng_state(), torch_before)
    for now, before in zip(np.random.get_state(), numpy_before, strict=True):  # noqa: NPY002
        assert np.array_equal(now, before)


@pytest.mark.parametrize("name", NAMES)
def test_steps_by_hand_equal_fit(name):
    fitted = small(name, random_state=1).fit(data())
    by_hand = small(name, random_state=1).start(data())
    while by_hand.step_ < by_hand.steps:
        losses = by_hand.step()
        assert all(np.isfinite(value) for value in losses.values())
    assert np.array_equal(fitted.sample(9, random_state=0), by_hand.sample(9, random_state=0))
    assert without_clock(by_hand.history_) == without_clock(fitted.history_)


@pytest.mark.parametrize("name", NAMES)
def test_history_has_the_mean_of_each_loss(name):
    by_hand = small(name, random_state=1).start(data())
    losses = [by_hand.step() for _ in range(23)]
    assert [row["step"] for row in by_hand.history_] == [10, 20, 23]
    for row, part in zip(by_hand.history_, (losses[:10], losses[10:20], losses[20:]), strict=True):
        for key in part[0]:
            # The same sum in the same order, divided once: equal to the last bit.
            assert row[key] == sum(loss[key] for loss in part) / len(part)
        assert {"step", "outer_step", "lr", "seconds"} < set(row)


@pytest.mark.parametrize("name", NAMES)
def test_save_and_load_keep_every_bit(name, tmp_path):
    model = small(name, random_state=1).fit(data())
    model.save(tmp_path / "m")
    for loaded in (models[name].load(tmp_path / "m"), ImplicitModel.load(tmp_path / "m")):
        assert type(loaded) is models[name]
        assert loaded.get_params() == model.get_params()
        assert loaded.history_ == model.history_
        assert np.array_equal(loaded.sample(40, random_state=5), model.sample(40, random_state=5))


@pytest.mark.parametrize("name", NAMES)
def test_a_fitted_model_can_be_pickled(name):
    model = small(name, random_state=1).fit(data())
    loaded = pickle.loads(pickle.dumps(model))
    assert np.array_equal(loaded.sample(9, random_state=5), model.sample(9, random_state=5))


@pytest.mark.parametrize(
    ("name", "stop"), [(name, stop) for name in NAMES for stop in ((1, 7, 13, 22) if name in WITH_GENERATOR else (13,))]
)
def test_a_resumed_run_is_bitwise_the_uninterrupted_one(name, stop, tmp_path):
    whole = small(name, random_state=1).fit(data())
    part = small(name, random_state=1).start(data())
    for _ in range(stop):
        part.step()
    part.save(tmp_path / "m")
    resumed = models[name].load(tmp_path / "m")
    assert resumed.step_ == stop
    resumed.resume(data())
    for network in whole._networks:
        for key, weight in getattr(whole, network).state_dict().items():
            assert torch.equal(weight, getattr(resumed, network).state_dict()[key]), (network, key)
    assert without_clock(resumed.history_) == without_clock(whole.history_)
    assert np.array_equal(resumed.sample(9, random_state=0), whole.sample(9, random_state=0))


@pytest.mark.parametrize("name", NAMES)
def test_resuming_on_other_data_is_refused(name, tmp_path):
    part = small(name, random_state=1).start(data())
    part.save(tmp_path / "m")
    other = data()
    other[3, 1] = np.nextafter(other[3, 1], 9)
    with pytest.raises(ValueError, match="not the data that this run began with"):
        models[name].load(tmp_path / "m").resume(other)


@pytest.mark.parametrize("name", WITH_GENERATOR)
def test_a_generator_of_ones_own_is_copied_and_trained(name, tmp_path):
    own = OfLatents(nn.Linear(2, 8), nn.Tanh(), nn.BatchNorm1d(8), nn.Linear(8, 3))
    before = {key: value.clone() for key, value in own.state_dict().items()}
    model = small(name, latent_dim=2, generator=own, random_state=1).fit(data())
    assert all(torch.equal(value, before[key]) for key, value in own.state_dict().items())
    assert not torch.equal(model.generator_[3].bias, own[3].bias)
    model.save(tmp_path / "m")
    with pytest.raises(TypeError, match=r"load.*generator=…"):
        models[name].load(tmp_path / "m")
    loaded = models[name].load(tmp_path / "m", generator=own)
    assert np.array_equal(loaded.sample(9, random_state=5), model.sample(9, random_state=5))
    with pytest.raises(ValueError, match="does not fit the generator"):
        models[name].load(tmp_path / "m", generator=OfLatents(nn.Linear(2, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_data_that_do_not_vary_are_learnt_as_a_point_mass(name):
    model = small(name, random_state=0).fit(np.full((10, 2), 5.0))
    assert np.isfinite(model.sample(10, random_state=0)).all()


def without_clock(history):
    """The rows of a history without the seconds, which no seed fixes."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in history]
