"""Generators with few weights, whose laws have densities: what training finds can be held to what it should find."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import ndtri
from torch import nn

from estimators.measures import Gaussian, Mixture


class LocationScale(nn.Module):
    """z ↦ shift + scale·z, (b, d) to (b, d): N(shift, scale² I). What is not `trained` keeps its value.

    `trained` names "shift", "scale" or both. The scale is kept by its logarithm, and so positive.
    """

    def __init__(self, shift: Sequence[float], scale: float = 1.0, *, trained: Sequence[str] = ("shift", "scale")):
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift, dtype=torch.float32), requires_grad="shift" in trained)
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)), requires_grad="scale" in trained)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Samples (b, d) of latents (b, d)."""
        return self.shift + self.log_scale.exp() * z

    def law(self) -> Gaussian:
        """The normal law of the samples."""
        shift = self.shift.detach().double().numpy()
        return Gaussian(shift, math.exp(2 * float(self.log_scale.detach())) * np.eye(len(shift)))


class NormalMixture(nn.Module):
    """(z₁, z₂) ↦ μ_k + σ_k z₁ with k chosen by z₂, (b, 2) to (b, 1): Σ w_k N(μ_k, σ_k²) on the line, the w_k fixed.

    z₂ lies between the quantiles of N(0, 1) at the sums of the weights; centres and scales are trained.
    """

    def __init__(self, centres: Sequence[float], scales: Sequence[float], weights: Sequence[float]):
        super().__init__()
        self.centres = nn.Parameter(torch.tensor(centres, dtype=torch.float32))
        self.log_scales = nn.Parameter(torch.tensor(scales, dtype=torch.float32).log())
        self.weights = tuple(float(w) for w in weights)
        ends = torch.from_numpy(ndtri(np.cumsum(self.weights)[:-1])).float()
        self.register_buffer("ends", ends)
        self.ends: torch.Tensor

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Samples (b, 1) of latents (b, 2)."""
        k = torch.bucketize(z[:, 1].contiguous(), self.ends)
        return (self.centres[k] + self.log_scales.exp()[k] * z[:, 0])[:, None]

    def law(self) -> Mixture:
        """The mixture that the samples follow."""
        centres, scales = (w.detach().double().numpy() for w in (self.centres, self.log_scales.exp()))
        return Mixture(self.weights, [Gaussian(m, s**2) for m, s in zip(centres, scales, strict=True)])
