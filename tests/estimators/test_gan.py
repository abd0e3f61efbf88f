"""Adversarial models: their losses are the formulas, and their gradients are right."""

import math

import numpy as np
import pytest
import torch
from scipy.special import rel_entr
from torch import nn

from estimators.models.gans.non_saturating import (
    NonSaturatingGAN,
    discriminator_loss,
    non_saturating_loss,
    r1_penalty,
)
from tests.estimators import naive_models as naive

#: Relative agreement of two float64 sums of fewer than 100 terms, each through exp and log.
SUM_ROUNDING = 200 * np.finfo(np.float64).eps


def scores(n, seed):
    return torch.from_numpy(np.random.default_rng(seed).normal(scale=3.0, size=(n, 1)))


def test_the_losses_equal_their_naive_twins():
    for seed in range(20):
        real, fake = scores(9, seed), scores(13, seed + 100)
        expected = naive.discriminator_loss(real[:, 0], fake[:, 0])
        assert float(discriminator_loss(real, fake)) == pytest.approx(expected, rel=SUM_ROUNDING)
        expected = naive.non_saturating_loss(fake[:, 0])
        assert float(non_saturating_loss(fake)) == pytest.approx(expected, rel=SUM_ROUNDING)


def test_the_losses_stay_finite_where_the_sigmoid_is_0_or_1():
    sure = torch.tensor([[1e4], [-1e4]], dtype=torch.float64)
    assert float(non_saturating_loss(sure)) == 5e3  # (0 + 10⁴)/2, where log(sigmoid) would be −∞
    assert float(discriminator_loss(sure, sure)) == 1e4


def test_the_optimal_discriminator_reaches_log4_minus_twice_the_jsd():
    """Two laws on eight atoms, each repeated by its weight; D = p/(p + q) (Goodfellow et al. 2014, proposition 1)."""
    rng = np.random.default_rng(0)
    counts_p, counts_q = rng.integers(1, 20, size=(2, 8))
    p, q = counts_p / counts_p.sum(), counts_q / counts_q.sum()
    score = torch.from_numpy(np.log(p / q))[:, None]
    real = score.repeat_interleave(torch.from_numpy(counts_p), dim=0)
    fake = score.repeat_interleave(torch.from_numpy(counts_q), dim=0)
    jsd = 0.5 * (rel_entr(p, (p + q) / 2) + rel_entr(q, (p + q) / 2)).sum()
    at_best = float(discriminator_loss(real, fake))
    assert at_best == pytest.approx(math.log(4) - 2 * jsd, rel=SUM_ROUNDING)
    for seed in range(20):
        moved = scores(8, seed) / 10
        there = real + moved.repeat_interleave(torch.from_numpy(counts_p), dim=0)
        here = fake + moved.repeat_interleave(torch.from_numpy(counts_q), dim=0)
        assert float(discriminator_loss(there, here)) > at_best


def test_the_gradients_equal_central_differences():
    real, fake = scores(5, 0), scores(6, 1)
    for loss, at in ((lambda s: discriminator_loss(s, fake), real), (non_saturating_loss, fake)):
        point = at.clone().requires_grad_(True)
        loss(point).backward()
        h = 2.0**-17
        numeric = naive.central_differences(lambda s, f=loss: float(f(torch.from_numpy(s))), at.numpy(), step=h)
        # Truncation h²/6 · max|f'''| < 2e-12 (softplus has |f'''| < 0.1), rounding ε·|loss|/h with |loss| < 10.
        assert np.abs(point.grad.numpy() - numeric).max() < 2e-12 + 10 * np.finfo(np.float64).eps / h


def test_the_non_saturating_gradient_survives_a_sure_critic():
    """At score s the gradient is sigmoid(s) − 1 → −1 as s → −∞; that of log(1 − D), −sigmoid(s), vanishes."""
    for score in (-5.0, -20.0, -100.0):
        at = torch.tensor([[score]], dtype=torch.float64, requires_grad=True)
        non_saturating_loss(at).backward()
        assert at.grad.item() == pytest.approx(naive.sigmoid(score) - 1.0, rel=SUM_ROUNDING)
        assert at.grad.item() < -0.99


def test_r1_is_half_the_squared_gradient():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        linear = nn.Linear(3, 1).double()
        curved = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    data = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3)))
    expected = 0.5 * float(linear.weight.detach().square().sum())
    assert float(r1_penalty(linear, data).detach()) == pytest.approx(expected, rel=SUM_ROUNDING)
    h = 2.0**-17
    squared = 0.0
    for x in data.numpy():
        slope = naive.central_differences(lambda s: float(curved(torch.from_numpy(s)[None]).detach()), x, step=h)
        squared += (slope**2).sum()
    # Differences are right to about 1e-10, and the squares of numbers below 1 keep that.
    assert float(r1_penalty(curved, data).detach()) == pytest.approx(0.5 * squared / 6, rel=1e-8)


def test_r1_reaches_the_weights_of_the_critic():
    X = np.random.default_rng(0).normal(size=(40, 2))
    sizes = {"steps": 5, "hidden": (8,), "random_state": 0, "device": "cpu"}
    plain, penalised = (NonSaturatingGAN(r1=r1, **sizes).fit(X) for r1 in (0, 10))
    assert not torch.equal(plain.critic_[0].weight, penalised.critic_[0].weight)


def test_the_penalty_weighs_one_unless_it_is_told():
    # ½ E‖∇D‖² with weight 1: the penalty at γ = 1 of Mescheder et al.
    plain = NonSaturatingGAN()
    assert (plain.r1, plain.critic_steps) == (1.0, 1)


def test_a_step_moves_each_network_by_its_own_loss_alone():
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = NonSaturatingGAN(steps=5, hidden=(8,), critic_steps=3, random_state=0, device="cpu").start(X)
    model.step()
    steps = [state["step"].item() for state in model.critic_optimiser_.state.values()]
    assert steps == [3.0] * 4
    assert [state["step"].item() for state in model.optimiser_.state.values()] == [1.0] * 4
    # The generator's step leaves no gradient in the critic beyond that of the critic's own last step.
    before = [weight.grad.clone() for weight in model.critic_.parameters()]
    samples = model.generator_(torch.zeros(4, 4))
    from estimators.training.descent import descend

    descend(model.optimiser_, model._generator_loss(samples), 1e-3)
    assert all(torch.equal(weight.grad, kept) for weight, kept in zip(model.critic_.parameters(), before, strict=True))


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [
        ("critic", "mlp", TypeError),
        ("critic", nn.Linear(2, 2), ValueError),
        ("critic_hidden", (0,), ValueError),
        ("critic_lr", 0, ValueError),
        ("critic_steps", 0, ValueError),
        ("r1", -1.0, ValueError),
    ],
)
def test_bad_parameters_of_its_own(parameter, value, error):
    with pytest.raises(error, match=parameter):
        NonSaturatingGAN(steps=1).set_params(**{parameter: value}).fit(np.zeros((3, 2)))


def test_a_critic_of_ones_own_is_copied_and_kept(tmp_path):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        own = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    before = own[0].weight.clone()
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = NonSaturatingGAN(critic=own, steps=5, hidden=(8,), random_state=0, device="cpu").fit(X)
    assert torch.equal(own[0].weight, before)
    assert not torch.equal(model.critic_[0].weight, before)
    model.save(tmp_path / "m")
    with pytest.raises(TypeError, match="critic=…"):
        NonSaturatingGAN.load(tmp_path / "m")
    loaded = NonSaturatingGAN.load(tmp_path / "m", critic=own)
    assert torch.equal(loaded.critic_[0].weight, model.critic_[0].weight)
