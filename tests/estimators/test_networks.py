"""Networks: their shapes, and that their weights come from the generator that is passed in."""

import numpy as np
import pytest
import torch
from torch import nn

from estimators.networks import linear, mlp, mlp_critic, mlp_generator


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def weights(module):
    return torch.cat([weight.flatten() for weight in module.parameters()])


@pytest.mark.parametrize("make", [lambda g: mlp_generator(3, (8, 5), 4, rng=g), lambda g: mlp_critic(3, (8,), rng=g)])
def test_weights_come_from_the_generator_passed_in(make):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first, again, other = make(rng(1)), make(rng(1)), make(rng(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(weights(first), weights(again))
    assert not torch.equal(weights(first), weights(other))


def test_shapes_and_activations():
    generator = mlp_generator(3, (8, 5), 4, rng=rng())
    assert generator(torch.zeros(7, 3)).shape == (7, 4)
    assert [type(layer) for layer in generator] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]
    critic = mlp_critic(3, (8,), rng=rng())
    assert critic(torch.zeros(7, 3)).shape == (7, 1)
    assert critic[1].negative_slope == 0.2
    assert [type(layer) for layer in mlp((2, 3), rng=rng())] == [nn.Linear]


def test_the_initialisation_is_torchs_own():
    """Uniform on ±1/√n_in, by the Kolmogorov–Smirnov distance to that law and to torch's own draws."""
    from scipy.stats import ks_2samp, kstest

    layer = linear(100, 200, rng(3))
    with torch.random.fork_rng():
        torch.manual_seed(5)
        default = nn.Linear(100, 200)
    ours, theirs = (np.asarray(layer.weight.detach()).ravel() for layer in (layer, default))
    # Fixed seeds; a p-value below 1e-3 would come once in a thousand seeds from the right law.
    assert kstest(ours, "uniform", args=(-0.1, 0.2)).pvalue > 1e-3
    assert ks_2samp(ours, theirs).pvalue > 1e-3
    assert np.abs(ours).max() <= 0.1
    assert float(layer.bias.detach().abs().max()) <= 0.1
