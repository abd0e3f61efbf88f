"""Small generators and critics, initialised from a generator of random numbers that is passed in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn


def linear(n_in: int, n_out: int, rng: torch.Generator) -> nn.Linear:
    """An affine layer: weights uniform with variance 1/(3 n_in) and biases likewise, drawn from `rng`.

    That is torch's own default initialisation, which would draw from the global generator.
    """
    # Built without values (skip_init), because the constructor draws its own from the global generator.
    skip_init: Any = nn.utils.skip_init
    layer: nn.Linear = skip_init(nn.Linear, n_in, n_out)
    bound = n_in**-0.5
    nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
    nn.init.uniform_(layer.bias, -bound, bound, generator=rng)
    return layer


def mlp(sizes: Sequence[int], *, rng: torch.Generator, slope: float = 0.0) -> nn.Sequential:
    """A multilayer perceptron z ↦ A_L σ(A_{L−1} … σ(A_1 z)), σ(t) = max(t, slope·t), from `sizes[0]` to `sizes[-1]`.

    `sizes` holds the input width, the hidden widths and the output width; two of them make an affine map.
    """
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [linear(n_in, n_out, rng), nn.LeakyReLU(slope) if slope else nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def mlp_generator(latent_dim: int, hidden: Sequence[int], n_features: int, *, rng: torch.Generator) -> nn.Sequential:
    """A generator z (b, latent_dim) ↦ x (b, n_features): rectified hidden layers, an affine output."""
    return mlp((latent_dim, *hidden, n_features), rng=rng)


def mlp_critic(n_features: int, hidden: Sequence[int], *, n_outputs: int = 1, rng: torch.Generator) -> nn.Sequential:
    """A critic x (b, n_features) ↦ (b, n_outputs), a real score that is no probability: leaky layers, slope 0.2.

    A leaky slope keeps a gradient for samples on which every rectifier would be off.
    """
    return mlp((n_features, *hidden, n_outputs), rng=rng, slope=0.2)


class SideBySide(nn.Module):
    """(u, v) ↦ net([u, v]) for u (b, k), v (b, l) and a `net` of (b, k + l): a network of one argument as of two."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """The network's value at the two, joined."""
        found: torch.Tensor = self.net(torch.cat([first, second], dim=1))
        return found


def conditional_mlp_generator(
    n_given: int, latent_dim: int, hidden: Sequence[int], n_features: int, *, rng: torch.Generator
) -> SideBySide:
    """A generator (c, z), (b, n_given) and (b, latent_dim) ↦ x (b, n_features): `mlp_generator` on both."""
    return SideBySide(mlp_generator(n_given + latent_dim, hidden, n_features, rng=rng))


def conditional_mlp_critic(n_given: int, n_features: int, hidden: Sequence[int], *, rng: torch.Generator) -> SideBySide:
    """A critic (c, x), (b, n_given) and (b, n_features) ↦ (b, 1): `mlp_critic` on both."""
    return SideBySide(mlp_critic(n_given + n_features, hidden, rng=rng))
