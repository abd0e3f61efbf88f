"""The entropic GAN: its loss against certified transport, what it finds where that is known, and its named score."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from estimators import EntropicGAN, Gaussian, entropic_transport, gaussian_entropic_bound
from estimators.losses import entropic_loss

SMALL = {"steps": 5, "batch_size": 16, "hidden": (8,), "random_state": 0, "device": "cpu"}


def test_the_loss_is_the_certified_entropic_transport():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(9, 3)) + 1
    found = entropic_loss(torch.from_numpy(x), torch.from_numpy(y), 0.7, 1e-10, 10_000)
    exact = entropic_transport(x, y, epsilon=0.7, p=2)
    # The primal value with KL; what a missed mass of 1e-10 moves is far below the certificate's width.
    assert abs(float(found) - exact.value) <= exact.certificate.gap + 1e-9


def test_the_gradient_is_that_of_the_value():
    rng = np.random.default_rng(1)
    x, y = torch.from_numpy(rng.normal(size=(6, 2))), torch.from_numpy(rng.normal(size=(5, 2)))

    def value(moved):
        return float(entropic_loss(x, moved, 0.5, 1e-12, 10_000))

    at = y.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(entropic_loss(x, at, 0.5, 1e-12, 10_000), at)
    step = torch.zeros_like(y)
    step[2, 1] = 1e-4
    # Central differences err by the third derivative times 1e-8, and by 1e-12/1e-4.
    assert float(slope[2, 1]) == pytest.approx((value(y + step) - value(y - step)) / 2e-4, abs=1e-6)


def test_a_linear_generator_of_gaussian_data_finds_the_deconvolved_covariance():
    """GGᵀ = Σ − (λ/2) I at the optimum (claim `entropic-tightness-gaussian`), in two dimensions, where batches do."""
    rng = np.random.default_rng(0)
    variances = np.array([4.0, 1.5])
    X = rng.normal(size=(4000, 2)) * np.sqrt(variances)
    generator = nn.Linear(2, 2)
    with torch.no_grad():
        generator.weight.copy_(torch.tensor([[1.0, 0.3], [-0.3, 1.0]]))
        generator.bias.fill_(0.5)
    model = EntropicGAN(
        latent_dim=2, generator=generator, temperature=1.0, standardise=False, steps=150, batch_size=256, lr=5e-2,
        random_state=0, device="cpu",
    ).fit(X)  # fmt: skip
    slope = model.generator_.weight.detach().double().numpy()
    # A batch of 256 couples too well, and shrinks it by some hundredths; N(0, Σ) itself would be off by ½.
    assert np.abs(slope @ slope.T - np.diag(variances - 0.5)).max() < 0.3
    best = gaussian_entropic_bound(Gaussian(np.zeros(2), variances), np.diag(np.sqrt(variances - 0.5)), temperature=1.0)
    found = gaussian_entropic_bound(
        Gaussian(np.zeros(2), variances), slope, model.generator_.bias.detach().numpy(), temperature=1.0
    )
    assert best.value - 0.05 < found.value <= best.value + 1e-9


def test_the_score_is_a_bound_in_the_units_of_the_data():
    rng = np.random.default_rng(2)
    X = 1000 * rng.normal(size=(200, 2))
    model = EntropicGAN(temperature=0.5, **SMALL).fit(X)
    assert model.temperature_ == pytest.approx(0.5 * np.mean(np.var(X, axis=0)), rel=1e-12)
    bound = model.surrogate_log_likelihood(X[:50], n_latents=40, random_state=3)
    images = model.sample(40, random_state=3)
    assert np.array_equal(bound.images, images)
    # The mixture's own log-density, which the bound is to stay below.
    gaps = ((X[:50, None] - images[None]) ** 2).sum(axis=2) / model.temperature_
    exact = np.log(np.exp(-gaps).mean(axis=1)).mean() - math.log(math.pi * model.temperature_)
    assert bound.estimate.value <= exact + 1e-9
    assert bound.estimate.bound == "lower"
    assert not hasattr(model, "log_prob")


@pytest.mark.parametrize(("parameter", "value"), [("temperature", 0.0), ("temperature", -1.0), ("max_iter", 0)])
def test_bad_parameters_of_its_own_are_refused_by_name(parameter, value):
    with pytest.raises(ValueError, match=parameter):
        EntropicGAN(**{**SMALL, parameter: value}).fit(np.eye(3))


@pytest.mark.parametrize("d", [2, 30])
def test_the_temperature_grows_with_the_features_unless_it_is_given(d):
    X = np.random.default_rng(0).normal(size=(80, d))
    chosen, given = (EntropicGAN(temperature=t, **SMALL).fit(X) for t in (None, 0.025 * d))
    assert chosen.temperature_ == given.temperature_
    assert np.array_equal(chosen.sample(5, random_state=0), given.sample(5, random_state=0))
