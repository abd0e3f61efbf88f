"""Conditional models: what they learn for each input, and what a wrong input is told."""

import numpy as np
import pytest
import torch
from torch import nn

from estimators.models.conditional_imle import ConditionalIMLE
from estimators.models.gans.conditional import ConditionalGAN
from estimators.models.regression import Regression
from estimators.training.conditional import ConditionalModel
from estimators.training.registry import models

SMALL = {"steps": 5, "batch_size": 16, "hidden": (8,), "random_state": 0, "device": "cpu"}
NAMES = [name for name in models if issubclass(models[name], ConditionalModel)]


def fork(n=600, seed=0):
    """x = c or −c, each with probability ½, blurred a little: the conditional mean is 0 for every c."""
    rng = np.random.default_rng(seed)
    C = rng.uniform(0.5, 1.0, size=(n, 1))
    return np.where(rng.random((n, 1)) < 0.5, C, -C) + 0.02 * rng.normal(size=(n, 1)), C


def test_conditional_imle_finds_both_branches_and_regression_their_mean():
    X, C = fork()
    trained = {"steps": 400, "hidden": (32, 32), "random_state": 0, "device": "cpu", "lr": 1e-2}
    drawn = ConditionalIMLE(**trained).fit(X, given=C).sample(400, given=[[0.6], [0.9]], random_state=1)
    for samples, c in zip(drawn[..., 0], (0.6, 0.9), strict=True):
        # Within 0.15, seven of the blur's deviations: a law that ignores c has 0.5 there, standard error 0.025
        # (measured over three seeds: 0.75 to 0.81); of the near ones a lost branch has none (measured: 0.49 to 0.51).
        near = np.abs(np.abs(samples) - c) < 0.15
        assert near.mean() > 0.6, (c, near.mean())
        assert 0.2 < (samples[near] > 0).mean() < 0.8
    mean = Regression(**trained).fit(X, given=C).sample(3, given=[[0.6], [0.9]])
    assert np.ptp(mean, axis=1).max() < 64 * np.finfo(np.float32).eps  # equal rows, rounded as they lie
    assert (
        np.abs(mean).max() < 0.35
    )  # 600 signs of size 0.75: a standard error of 0.03 overall, more where few are near


@pytest.mark.parametrize("name", NAMES)
def test_several_inputs_have_their_samples_in_their_order(name):
    X, C = fork(60)
    model = models[name](**SMALL).fit(X, given=C)
    several = model.sample(7, given=C[:3], random_state=2)
    assert several.shape == (3, 7, 1)
    # The first input's samples use the first latents, whatever comes after; products of more rows are rounded anew.
    alone = model.sample(7, given=C[0], random_state=2)
    assert np.abs(alone - several[0]).max() < 64 * np.finfo(np.float32).eps
    assert np.abs(several[0] - several[1]).max() > 1e-3  # another input: far beyond rounding (measured: at least 0.03)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_input_is_told_by_name(name):
    X, C = fork(60)
    model = models[name](**SMALL)
    with pytest.raises(TypeError, match=r"given is missing.*pass given=C"):
        model.fit(X)
    with pytest.raises(ValueError, match="given has 59 rows and X has 60"):
        model.fit(X, given=C[1:])
    with pytest.raises(ValueError, match=r"given has nan in row 3"):
        model.fit(X, given=np.where(np.arange(60)[:, None] == 3, np.nan, C))
    assert not hasattr(model, "generator_")
    model.fit(X, given=C)
    with pytest.raises(TypeError, match=r"given is missing: pass the input \(1,\)"):
        model.sample(3)
    for bad in (np.zeros(2), np.zeros((4, 2)), np.zeros((2, 2, 1))):
        with pytest.raises(ValueError, match="given has shape"):
            model.sample(3, given=bad)
    with pytest.raises(ValueError, match=r"given has inf in row 0, column 0 \(1 such rows\)"):
        model.sample(3, given=[np.inf])
    with pytest.raises(ValueError, match="give at least 1 row and"):
        model.sample(3, given=np.zeros((0, 1)))


@pytest.mark.parametrize("name", NAMES)
def test_a_refused_start_leaves_no_inputs_behind(name):
    X, C = fork(60)
    model = models[name](**SMALL)
    with pytest.raises(ValueError, match="steps is 0"):
        model.set_params(steps=0).fit(X, given=C)
    assert not hasattr(model, "_inputs")
    model.set_params(steps=2).fit(X, given=C)
    with pytest.raises(ValueError, match="not the data that this run began with"):
        model.resume(X, given=C[::-1])
    assert not hasattr(model, "_inputs")
    assert not hasattr(model, "_given")


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_part_of_the_run(name, tmp_path):
    X, C = fork(60)
    model = models[name](**SMALL).start(X, given=C)
    model.step()
    model.save(tmp_path / "m")
    loaded = models[name].load(tmp_path / "m")
    with pytest.raises(ValueError, match=r"or given, shape \(60, 1\), is not the data that this run began with"):
        loaded.resume(X, given=C[::-1])
    resumed = loaded.resume(X, given=C).sample(4, given=[0.7], random_state=0)
    assert np.array_equal(resumed, models[name](**SMALL).fit(X, given=C).sample(4, given=[0.7], random_state=0))


@pytest.mark.parametrize("name", NAMES)
def test_the_units_of_the_inputs_do_not_matter(name):
    X, C = fork(60)
    # A power of two and a shift that costs float64 three bits: the same unit inputs in float32, and so the same run.
    scaled = 1024 * C + 4096
    plain, moved = (models[name](**SMALL).fit(X, given=given) for given in (C, scaled))
    first = plain.sample(50, given=C[5], random_state=1)
    assert np.array_equal(first, moved.sample(50, given=scaled[5], random_state=1))


def test_each_datum_is_assigned_the_nearest_of_its_own_samples():
    X, C = fork(40)
    model = ConditionalIMLE(n_samples=6, n_assigned=25, standardise=False, **SMALL).start(X, given=C)
    state = model._rng.get_state()
    model.outer_step()
    rng = torch.Generator()
    rng.set_state(state)
    rows = torch.randperm(40, generator=rng)[:25]
    z = torch.randn(25 * 6, 8, generator=rng).view(25, 6, 8)
    found = []
    for place, row in enumerate(rows.tolist()):
        with torch.no_grad():
            c = torch.tensor(C[row : row + 1], dtype=torch.float32).repeat(6, 1)
            gaps = (model.generator_(c, z[place]).numpy() - X[row].astype(np.float32)) ** 2
        nearest = gaps.sum(axis=1).argmin()
        assert torch.equal(model.latents_[place], z[place, nearest])
        found.append(float(gaps.sum(axis=1)[nearest]))
    assert torch.equal(model.assigned_, rows)
    assert model.objective_ == pytest.approx(np.mean(found), rel=1e-5)  # float32 distances


def test_one_sample_an_input_is_least_squares():
    """Nothing is chosen: a step descends the gradient of the mean of ‖x − G(c, z)‖² at the one latent of each row."""
    X, C = fork(40)
    model = ConditionalIMLE(n_samples=1, standardise=False, **SMALL).start(X, given=C)
    model.outer_step()
    rng = torch.Generator()
    rng.set_state(model._rng.get_state())
    chosen = torch.randperm(40, generator=rng)[:16]
    rows = model.assigned_[chosen]
    outputs = model.generator_(model._given[rows], model.latents_[chosen])
    squared = (outputs - model._data[rows]).square().sum(dim=1).mean()
    expected = torch.autograd.grad(squared, list(model.generator_.parameters()))
    model.step()
    for weight, slope in zip(model.generator_.parameters(), expected, strict=True):
        # The same sums of 16 float32 terms, in an order that may differ.
        assert torch.allclose(weight.grad, slope, rtol=0, atol=16 * 2.0**-24 * float(slope.abs().max() + 1))


def test_the_nearest_sample_is_found_in_the_space_of_the_features():
    """φ keeps the first of two coordinates: the second is not learnt, and φ gets the data's own units."""
    rng = np.random.default_rng(0)
    X, C = rng.normal(size=(80, 2)) * 5 + 100, rng.normal(size=(80, 1))
    seen = []

    def first(x):
        seen.append(x.detach().mean(dim=0))
        return x[:, :1]

    model = ConditionalIMLE(features=first, **{**SMALL, "steps": 60, "lr": 1e-2}).fit(X, given=C)
    assert abs(float(seen[-2][0]) - 100) < 10  # the data's rows come before the samples'; 8 standard errors
    last = model.generator_.net[-1]
    fresh = ConditionalIMLE(features=first, **SMALL).start(X, given=C).generator_.net[-1]
    assert torch.equal(last.weight[1], fresh.weight[1])
    assert not torch.equal(last.weight[0], fresh.weight[0])


def test_a_module_of_features_is_copied_and_its_weights_stay():
    X, C = fork(40)
    phi = nn.Sequential(nn.Linear(1, 3), nn.Tanh())
    before = phi[0].weight.clone()
    model = ConditionalIMLE(features=phi, **SMALL).fit(X, given=C)
    assert torch.equal(phi[0].weight, before)
    assert torch.equal(model._phi[0].weight, before)
    assert phi[0].weight.requires_grad


@pytest.mark.parametrize(
    ("model", "parameter", "value", "error"),
    [
        (ConditionalIMLE, "n_samples", 0, ValueError), (ConditionalIMLE, "n_assigned", 0, ValueError),
        (ConditionalIMLE, "inner_steps", 1.5, TypeError), (ConditionalIMLE, "features", "lpips", TypeError),
        (ConditionalIMLE, "features", lambda x: x.sum(), ValueError),
        (ConditionalIMLE, "features", lambda x: x[:1], ValueError),
        (ConditionalGAN, "l1", -1.0, ValueError), (ConditionalGAN, "r1", -1.0, ValueError),
        (ConditionalGAN, "critic", nn.Linear(1, 1), ValueError), (ConditionalGAN, "critic", "mlp", TypeError),
        (ConditionalGAN, "critic_steps", 0, ValueError), (ConditionalGAN, "critic_hidden", (0,), ValueError),
    ],
)  # fmt: skip
def test_bad_parameters_of_their_own_are_refused_by_name(model, parameter, value, error):
    X, C = fork(40)
    with pytest.raises(error, match=parameter):
        model(**{**SMALL, parameter: value}).fit(X, given=C)


def test_the_critic_sees_the_input_and_l1_draws_to_the_datum():
    X, C = fork(40)

    class Blind(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(1, 1)
            self.seen = 0

        def forward(self, c, x):
            assert c.shape[1] == x.shape[1] == 1
            self.seen += 1
            return self.layer(x)

    plain = ConditionalGAN(critic=Blind(), r1=0.0, **SMALL).fit(X, given=C)
    assert plain.critic_.seen > 15  # three calls a step, besides the probe
    heavy = ConditionalGAN(l1=1e6, **SMALL).start(X, given=C)
    loss = heavy.step()["loss"]
    # Of a loss above a million times the mean deviation, the adversarial part is some log 2.
    assert loss > 1e5
