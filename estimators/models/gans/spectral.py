"""Spectral normalisation of a critic: every linear layer divided by its largest singular value."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import linear, normalize


class SpectralLinear(nn.Module):
    """x ↦ W x/σ(W) + b, σ(W) estimated by one step of power iteration a call in training (Miyato et al. 2018).

    With u ← normalised W v, v ← normalised Wᵀu: σ ≈ uᵀWv, from below, and exact once u has settled. The estimate's
    gradient is taken with u and v held. `u` is a buffer: it is saved, resumed and left alone in evaluation. Torch's
    own parametrisation would draw its first u from the global generator, and cannot be pickled.
    """

    def __init__(self, layer: nn.Linear, rng: torch.Generator):
        super().__init__()
        self.weight = layer.weight
        self.bias = layer.bias
        drawn = torch.randn(layer.out_features, generator=rng).to(layer.weight)
        self.register_buffer("u", normalize(drawn, dim=0))
        self.u: torch.Tensor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The normalised layer at x (b, n_in), (b, n_out)."""
        with torch.no_grad():
            v = normalize(self.weight.T @ self.u, dim=0)
            u = normalize(self.weight @ v, dim=0)
            if self.training:
                self.u = u
        return linear(x, self.weight / (u @ self.weight @ v), self.bias)


def spectrally_normalised(critic: nn.Module, rng: torch.Generator) -> nn.Module:
    """`critic` with each `nn.Linear` in it replaced by a `SpectralLinear` of the same weights; changed in place.

    The product of the layers is then 1-Lipschitz, up to the error of the power iteration, if what stands between
    them is. Raises ValueError where there is no linear layer to normalise.
    """
    if isinstance(critic, nn.Linear):
        return SpectralLinear(critic, rng)
    layers = [(part, name, child) for part in critic.modules() for name, child in part.named_children()]
    found = [(part, name, child) for part, name, child in layers if isinstance(child, nn.Linear)]
    if not found:
        raise ValueError("critic has no nn.Linear to normalise; give one that has, or spectral_norm=False")
    for part, name, child in found:
        setattr(part, name, SpectralLinear(child, rng))
    return critic
