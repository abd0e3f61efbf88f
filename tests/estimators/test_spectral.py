"""Spectral normalisation: the layer's norm against the singular values, and a run that is resumed with it."""

import numpy as np
import pytest
import torch
from torch import nn

from estimators.models.gans.minimax import MinimaxGAN
from estimators.models.gans.non_saturating import NonSaturatingGAN
from estimators.models.gans.spectral import SpectralLinear, spectrally_normalised

SMALL = {"steps": 12, "batch_size": 16, "hidden": (8, 8), "random_state": 0, "device": "cpu"}


def stream(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_layer_is_divided_by_its_largest_singular_value():
    layer = nn.utils.skip_init(nn.Linear, 7, 5)
    nn.init.normal_(layer.weight, generator=stream(1))
    nn.init.zeros_(layer.bias)
    normalised = SpectralLinear(layer, stream(2))
    x = torch.randn(20, 7, generator=stream(3))
    for _ in range(300):
        found = normalised(x)
    largest = torch.linalg.matrix_norm(layer.weight, 2)
    # The power iteration has settled to rounding: (σ₂/σ₁)^600 is below it.
    assert found.detach().numpy() == pytest.approx((layer(x) / largest).detach().numpy(), rel=1e-4, abs=1e-5)
    # One step from any direction estimates σ from below.
    first = SpectralLinear(layer, stream(4))
    assert float((first(x) / layer(x)).detach().median()) >= float(1 / largest.detach()) * (1 - 1e-5)


def test_evaluation_leaves_the_direction_alone_and_training_moves_it():
    normalised = SpectralLinear(nn.Linear(4, 3), stream())
    before = normalised.u.clone()
    normalised.eval()(torch.ones(2, 4))
    assert torch.equal(normalised.u, before)
    normalised.train()(torch.ones(2, 4))
    assert not torch.equal(normalised.u, before)


def test_every_linear_layer_is_replaced_with_its_weights():
    critic = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Sequential(nn.Linear(4, 1)))
    weights = [critic[0].weight, critic[2][0].weight]
    found = spectrally_normalised(critic, stream())
    assert [type(part) for part in (found[0], found[2][0])] == [SpectralLinear] * 2
    assert [found[0].weight, found[2][0].weight] == weights
    assert isinstance(spectrally_normalised(nn.Linear(2, 1), stream()), SpectralLinear)
    with pytest.raises(ValueError, match=r"no nn.Linear to normalise; .*spectral_norm=False"):
        spectrally_normalised(nn.Sequential(nn.ReLU()), stream())


@pytest.mark.parametrize("kind", [NonSaturatingGAN, MinimaxGAN])
def test_a_run_with_it_is_resumed_bit_for_bit_and_leaves_the_global_generator(kind, tmp_path):
    X = np.random.default_rng(0).normal(size=(50, 2))
    state = torch.get_rng_state()
    whole = kind(spectral_norm=True, **SMALL).fit(X)
    part = kind(spectral_norm=True, **SMALL).start(X)
    for _ in range(5):
        part.step()
    part.save(tmp_path / "m")
    resumed = kind.load(tmp_path / "m").resume(X)
    for key, value in whole.critic_.state_dict().items():
        assert torch.equal(value, resumed.critic_.state_dict()[key]), key
    assert np.array_equal(whole.sample(9, random_state=1), resumed.sample(9, random_state=1))
    assert torch.equal(torch.get_rng_state(), state)
    plain = kind(**SMALL).fit(X)
    assert not np.array_equal(plain.sample(9, random_state=1), whole.sample(9, random_state=1))
    # The critic is nearly 1-Lipschitz: leaky rectifiers shrink, and each layer has norm about 1.
    x = torch.randn(200, 2, generator=stream())
    y = x + 1e-2 * torch.randn(200, 2, generator=stream(1))
    with torch.no_grad():
        slopes = (whole.critic_.eval()(x) - whole.critic_(y)).abs()[:, 0] / (x - y).norm(dim=1)
    assert float(slopes.max()) < 1.5


def test_a_bad_option_is_refused_by_name():
    with pytest.raises(TypeError, match="spectral_norm is 1"):
        NonSaturatingGAN(**{**SMALL, "spectral_norm": 1}).fit(np.eye(3))
