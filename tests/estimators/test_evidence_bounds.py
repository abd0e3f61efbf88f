"""Models whose likelihood has a lower bound and no value: the bound is one, and it is no farther than it should be."""

import math

import numpy as np
import pytest
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
    assert abs(apart.mean()) < 4 * apart.std() / math.sqrt(len(X)) + 1e-3  # what 2000 draws leave of the gap
    assert one.mean() < many.mean() < truth.mean() + 4 * apart.std() / math.sqrt(len(X))


def test_the_bound_of_diffusion_is_below_the_entropy_and_near_it_for_a_gaussian():
    """On N(0, 1) the best model loses nothing: the bound on fresh rows is below −h, and within a half of a nat."""
    rng = np.random.default_rng(0)
    X, fresh = rng.normal(size=(1000, 1)), rng.normal(size=(400, 1))
    model = small(models["ddpm"], n_times=20, steps=400, hidden=(32, 32)).fit(X)
    rows = model.evidence_by_row(fresh, n_draws=16)
    truth = stats.norm.logpdf(fresh[:, 0])
    error = (rows - truth).std() / math.sqrt(len(fresh))
    assert -0.5 < (rows - truth).mean() < 3 * error
