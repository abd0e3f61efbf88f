"""Models whose likelihood has a lower bound and no value: the bound is one, and it is no farther than it should be."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from estimators.training.evidence import EvidenceBound
from estimators.training.registry import models
from tests.estimators.test_explicit_models import moons, small

BOUNDED = [name for name in models if issubclass(models[name], EvidenceBound)]


@pytest.mark.parametrize("name", BOUNDED)
def test_a_bound_says_so_and_is_repeated_by_its_seed(name):
    X = moons(100)
    model = small(models[name]).fit(X)
    bound = model.evidence_bound(X, n_draws=4)
    assert bound.bound == "lower"
    assert str(bound).startswith("≥")
    assert bound.value == model.evidence_by_row(X, n_draws=4).mean()
    assert bound.value == model.evidence_bound(X, n_draws=4, random_state=0).value
    assert bound.value != model.evidence_bound(X, n_draws=4, random_state=1).value
    with pytest.raises(ValueError, match="n_draws"):
        model.evidence_bound(X, n_draws=0)
    with pytest.raises(ValueError, match="fitted to 2"):
        model.evidence_bound(X[:, :1])


def test_a_linear_vae_is_bounded_by_its_gaussian():
    """With an affine decoder p(x) = N(b, WWᵀ + σ²I): below it at one draw, at it within 4 standard errors at 2000."""
    X = moons(200)
    model = small(models["vae"], hidden=(), latent_dim=2, steps=400, lr=1e-2).fit(X)
    (layer,) = model.generator_
    variance = math.exp(2 * model.observation_.log_scale().item())
    weight = layer.weight.detach().double().numpy()
    law = stats.multivariate_normal(layer.bias.detach().double().numpy(), weight @ weight.T + variance * np.eye(2))
    scale = model.standardisation_.scale
    truth = law.logpdf((X - model.standardisation_.centre) / scale) - 2 * math.log(scale)
    one, many = (model.evidence_by_row(X, n_draws=n) for n in (1, 2000))
    assert one.mean() < truth.mean()
    apart = many - truth
    assert abs(apart.mean()) < 4 * apart.std() / math.sqrt(len(X))
    assert one.mean() < many.mean() < truth.mean() + 4 * apart.std() / math.sqrt(len(X))


def test_the_bound_of_diffusion_is_below_the_entropy_and_near_it_for_a_gaussian():
    """On N(0, 1) the best model loses nothing: the bound on fresh rows is below −h, and near it.

    Its steps back are those of the noise, so that all it loses is what 400 steps of training leave: within 0.2 nats
    (measured over three seeds: 0.05 to 0.07).
    """
    rng = np.random.default_rng(0)
    X, fresh = rng.normal(size=(1000, 1)), rng.normal(size=(400, 1))
    model = small(models["ddpm"], n_times=20, steps=400, hidden=(32, 32)).fit(X)
    rows = model.evidence_by_row(fresh, n_draws=16)
    truth = stats.norm.logpdf(fresh[:, 0])
    error = (rows - truth).std() / math.sqrt(len(fresh))
    assert -0.2 < (rows - truth).mean() < 3 * error


def test_the_prior_term_of_diffusion_is_the_closed_form_where_noise_leaves_much_of_the_signal():
    """With β = 0.2, 0.3 the bound has KL(N(√ᾱ₂ x, 1 − ᾱ₂) ‖ N(0, 1)), ᾱ₂ = 0.56, besides what two steps lose.

    A denoiser that is 0 has x̂_0 = x_t/√ᾱ_t, so that every term is a Gaussian's in closed form: with g the factor of
    ε in the mean of p(x_{t−1}|x_t) less that of q, E g² ε² = g². Held within 4 standard errors of 20 000 draws a row.
    """
    model = small(models["ddpm"], n_times=2, standardise=False).start(np.array([[1.0], [-1.0]]))
    model.reach_ = math.inf  # no clipping, which has no closed form
    with torch.no_grad():
        for weight in model.denoiser_.parameters():
            weight.zero_()
    beta, kept = [0.0, 0.2, 0.3], [1.0, 0.8, 0.56]
    model._beta = torch.tensor(beta, dtype=torch.float64)
    model._alpha_bar = (1 - model._beta).cumprod(dim=0)
    x = np.array([-1.5, 0.0, 2.0])
    n_draws = 20_000
    prior = stats.norm(math.sqrt(kept[2]) * x, math.sqrt(1 - kept[2]))
    to_normal = -prior.entropy() + 0.5 * (math.log(2 * math.pi) + prior.var() + prior.mean() ** 2)
    of_data = math.sqrt(kept[1]) * beta[2] / (1 - kept[2])
    ratio = (1 - kept[1]) / (1 - kept[2])  # of the variance of q(x_1|x_2, x) to β_2
    # x̂_0 − x = √((1 − ᾱ_t)/ᾱ_t) ε; the last step has the mean x̂_0.
    second = of_data**2 * (1 - kept[2]) / kept[2] / beta[2]
    first = (1 - kept[1]) / kept[1] / beta[1]
    middle = 0.5 * (ratio - 1 - math.log(ratio) + second)
    last = -0.5 * (math.log(2 * math.pi * beta[1]) + first)
    error = math.sqrt(0.5 * (first**2 + second**2) / n_draws)  # Var ε² = 2
    found = model.evidence_by_row(x[:, None], n_draws=n_draws)
    assert to_normal.min() > 8 * error  # a bound without the term would be seen
    assert np.abs(found - (-to_normal - middle + last)).max() < 4 * error
