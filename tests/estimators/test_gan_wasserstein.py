"""WGAN-GP: its losses are the formulas, bounded by the true distance for a Lipschitz critic."""

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance
from torch import nn

from estimators.models.gans.wasserstein import WassersteinGAN, critic_gap, gradient_penalty
from tests.estimators import naive_models as naive

#: Relative agreement of two float64 sums of fewer than 100 terms in different orders.
SUM_ROUNDING = 100 * np.finfo(np.float64).eps


def batches(n=6, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(torch.from_numpy(rng.normal(size=(n, d))) for _ in range(2))


def test_the_gap_is_the_difference_of_means():
    real, fake = batches(d=1)
    assert float(critic_gap(real, fake)) == pytest.approx(float(fake.mean() - real.mean()), rel=SUM_ROUNDING)


def test_a_lipschitz_critic_bounds_the_distance_from_below():
    """On the line ±|x − a| is 1-Lipschitz, so minus its gap is at most W₁; for a shift, −x attains it."""
    for seed in range(20):
        real, fake = batches(n=15, d=1, seed=seed)
        distance = wasserstein_distance(real[:, 0].numpy(), fake[:, 0].numpy())
        for a in np.linspace(-2, 2, 9):
            for sign in (1, -1):
                gap = critic_gap(sign * (real - a).abs(), sign * (fake - a).abs())
                assert -float(gap) <= distance * (1 + SUM_ROUNDING)
        assert -float(critic_gap(-real, -(real + 0.75))) == pytest.approx(0.75, rel=SUM_ROUNDING)


def test_the_penalty_is_the_squared_excess_of_the_slope():
    real, fake = batches()
    mixing = torch.from_numpy(np.random.default_rng(1).random((6, 1)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        curved = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    unit = nn.Linear(3, 1).double()
    with torch.no_grad():
        unit.weight.copy_(torch.tensor([[0.6, 0.0, 0.8]]))
    assert float(gradient_penalty(unit, real, fake, mixing).detach()) < SUM_ROUNDING
    total = 0.0
    for x, y, t in zip(real.numpy(), fake.numpy(), mixing.numpy(), strict=True):
        slope = naive.central_differences(
            lambda s: float(curved(torch.from_numpy(s)[None]).detach()), t * x + (1 - t) * y, step=2.0**-17
        )
        total += (np.linalg.norm(slope) - 1) ** 2
    # Differences are right to about 1e-10, and so are squares of numbers near 1.
    assert float(gradient_penalty(curved, real, fake, mixing).detach()) == pytest.approx(total / 6, rel=1e-8)


def test_the_critic_is_pressed_towards_slope_one():
    """After training, the mean slope half-way between data and samples is within a factor of two of 1."""
    X = np.random.default_rng(0).normal(size=(300, 2)) + 3.0
    model = WassersteinGAN(penalty=10.0, steps=150, hidden=(16,), random_state=0, device="cpu").start(X)
    for _ in range(150):
        model.step()
    data = model._data[:128]
    samples = model.generator_(model._latents(128, model._rng)).detach()
    between = (0.5 * data + 0.5 * samples).requires_grad_(True)
    (slope,) = torch.autograd.grad(model.critic_(between).sum(), between)
    assert 0.5 < float(slope.norm(dim=1).mean()) < 2.0


def test_the_critic_takes_its_steps():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = WassersteinGAN(steps=5, hidden=(8,), critic_steps=4, random_state=0, device="cpu").start(X)
    model.step()
    assert {state["step"].item() for state in model.critic_optimiser_.state.values()} == {4.0}
    assert {state["step"].item() for state in model.optimiser_.state.values()} == {1.0}


def test_bad_parameters_of_its_own():
    with pytest.raises(ValueError, match="penalty"):
        WassersteinGAN(penalty=0.0, steps=1).fit(np.zeros((3, 2)))
