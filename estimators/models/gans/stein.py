"""Stein GAN: the critic is a log-density, and the samples follow its Stein gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.non_saturating import r1_penalty
from estimators.models.gans.wasserstein import critic_gap
from estimators.training import parameters
from estimators.training.registry import models


def stein_direction(samples: torch.Tensor, score: torch.Tensor, bandwidth: float = 1.0) -> torch.Tensor:
    """φ(xᵢ) = (1/n) Σⱼ k(xⱼ, xᵢ) s(xⱼ) + ∇_{xⱼ} k(xⱼ, xᵢ), for `samples` and their `score` s = ∇ log p, (…, n, d).

    k is Gaussian, exp(−‖x − y‖²/h), with h = (`bandwidth` · median)² / log(n + 1), the median over the
    pairs; 1 is the paper's heuristic. φ is the direction in the unit ball of the kernel's space that
    lowers KL(samples, p) fastest. Source: Liu & Wang 2016, equation 8.
    """
    n = samples.shape[-2]
    apart = samples[..., None, :, :] - samples[..., :, None, :]  # [j, i] = xᵢ − xⱼ
    squared = apart.square().sum(dim=-1)
    h = torch.ones_like(squared[..., :1, :1])
    if n > 1:
        row, column = torch.triu_indices(n, n, offset=1, device=samples.device)
        median = squared[..., row, column].median(dim=-1).values[..., None, None]
        h = torch.where(median > 0, bandwidth**2 * median / math.log(n + 1), h)
    kernel = (-squared / h).exp()
    repulsion = (kernel[..., None] * apart).sum(dim=-3) * (2 / h)
    return (kernel @ score + repulsion) / n


@models.register("stein-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class SteinGAN(AdversarialModel):
    """The Stein GAN (Wang & Liu 2016; Feng, Wang & Liu 2017): amortised Stein variational gradient descent.

    The critic D is an unnormalised log-density and ascends E D(x) − E D(G(z)) − r1 · ½ E‖∇D(x)‖², the
    gradient of its likelihood with the samples in the place of its partition function. The generator
    moves its samples along the Stein direction φ of D: it descends ½ E‖G(z) − y‖² at y = G(z) + φ held
    fixed. The repulsion in φ is what keeps the samples apart; at the paper's bandwidth, the median
    distance, it keeps those of separate modes out of them all. Arguments of its own
        bandwidth: width of the kernel, in multiples of the median distance in a batch.
        r1: weight of the gradient penalty on the data (Mescheder et al. 2018).
    `history_` has `loss`, ½ E‖φ‖², and `critic_loss`.
    """

    _stacks: ClassVar[bool] = True

    bandwidth: float = 0.03
    r1: float = 0.1

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.bandwidth, "bandwidth", above=0)
        parameters.real(self.r1, "r1", least=0)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        loss = critic_gap(self.critic_(data), self.critic_(samples))
        return loss + self.r1 * r1_penalty(self.critic_, data) if self.r1 else loss

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        at = samples.detach().requires_grad_(True)
        (score,) = torch.autograd.grad(self.critic_(at).sum(), at)
        at = at.detach()
        moved = at + stein_direction(at, score, self.bandwidth)
        return 0.5 * (samples - moved).square().sum(dim=-1).mean(dim=-1)
