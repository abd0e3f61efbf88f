"""Models that find a latent for each datum: the penalty of an encoder's codes, and latents of their own in the ball."""

import copy
import math

import numpy as np
import pytest
import torch

from estimators.models.glo import on_the_ball
from estimators.models.wae import SCALES, latent_penalty
from tests.estimators.test_models import data, small


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_penalty_of_codes_is_a_double_loop_over_pairs():
    codes, prior = 1 + normal(5, 3), normal(7, 3, seed=1)

    def kernel(x, y):
        squared = sum((float(a) - float(b)) ** 2 for a, b in zip(x, y, strict=True))
        return sum(2 * 3 * scale / (2 * 3 * scale + squared) for scale in SCALES)

    def among(points):
        pairs = [(x, y) for i, x in enumerate(points) for j, y in enumerate(points) if i != j]
        return sum(kernel(x, y) for x, y in pairs) / len(pairs)

    between = sum(kernel(x, y) for x in codes for y in prior) / (5 * 7)
    # Means of at most 42 values below 7, in float64.
    room = 42 * 7 * np.finfo(float).eps
    assert float(latent_penalty(codes, prior)) == pytest.approx(among(codes) + among(prior) - 2 * between, abs=room)


def test_the_penalty_is_0_in_the_mean_for_codes_of_the_prior_and_positive_for_others():
    """Unbiased: over 300 draws the mean is within 4 standard errors of 0, and that of wider codes above so many."""
    for scale, is_prior in ((1.0, True), (1.5, False)):
        codes, prior = scale * normal(300, 20, 2), normal(300, 20, 2, seed=1)
        found = np.array([float(latent_penalty(*pair)) for pair in zip(codes, prior, strict=True)])
        error = found.std(ddof=1) / math.sqrt(len(found))
        assert (abs(found.mean()) < 4 * error) == is_prior, (found.mean(), error)
        assert found.mean() > -4 * error


def test_an_autoencoder_reconstructs_and_its_penalty_draws_codes_to_the_prior():
    """The squared distance falls to less than a half; codes of weight 100 are nearer to the prior than of 0."""
    rows = [
        small("wae", random_state=0, penalty=p).set_params(steps=200, lr=1e-2).fit(data()).history_ for p in (0, 100)
    ]
    for history in rows:
        assert history[-1]["reconstruction"] < history[0]["reconstruction"] / 2
    free, drawn = (np.mean([row["mmd"] for row in history[-5:]]) for history in rows)
    assert drawn < 0.75 * free  # measured: 0.51


def test_points_beyond_the_ball_come_to_its_surface_and_others_stay():
    z = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [0.6, 0.8]])
    assert torch.equal(on_the_ball(z)[1:3], z[1:3])
    # A root and a quotient, rounded.
    assert torch.allclose(on_the_ball(z), torch.tensor([[0.6, 0.8], [0.3, 0.4], [0.0, 0.0], [0.6, 0.8]]), rtol=2e-7)


def test_a_step_moves_the_latents_of_its_data_against_their_slope():
    """P(z − latent_lr ∇/(1 + ‖∇‖)) at the weights before the step, for a minibatch; the others by no bit."""
    model = small("glo", random_state=0, latent_lr=0.3).start(data())
    before, generator, state = model.latents_.clone(), copy.deepcopy(model.generator_), model._rng.get_state()
    rng = torch.Generator()
    rng.set_state(state)
    chosen = set(torch.randperm(60, generator=rng)[:16].tolist())
    loss = model.step()["loss"]
    squares = []
    for i in range(60):
        z = before[i : i + 1].clone().requires_grad_(True)
        squared = (generator(z) - model._data[i]).square().sum()
        (slope,) = torch.autograd.grad(squared, z)
        moved = before[i] - 0.3 * slope[0] / (1 + slope.norm())
        if i not in chosen:
            assert torch.equal(model.latents_[i], before[i])
            continue
        squares.append(squared.item())
        # Float32 products of single rows and of sixteen, in latents of size 1.
        assert torch.allclose(model.latents_[i], moved / max(1.0, float(moved.norm())), rtol=0, atol=64 * 2.0**-24)
    assert loss == pytest.approx(np.mean(squares), rel=64 * 2.0**-24)


def test_latents_stay_in_the_ball_and_the_reconstruction_falls():
    model = small("glo", random_state=0).set_params(steps=200, lr=1e-2).start(data())
    largest = 0.0
    while model.step_ < 200:
        model.step()
        largest = max(largest, float(model.latents_.norm(dim=1).max()))
    assert largest <= 1 + 4 * 2.0**-24  # a quotient of a norm, rounded
    assert model.history_[-1]["loss"] < model.history_[0]["loss"] / 2
