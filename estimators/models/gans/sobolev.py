"""Sobolev GAN: critics whose squared gradient is bounded on average."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.wasserstein import critic_gap
from estimators.training import parameters
from estimators.training.registry import models


def mean_squared_gradient(critic: nn.Module, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """Ω = ½ E‖∇D(x)‖² + ½ E‖∇D(G(z))‖², for `data` and `samples` (…, b, d): the Sobolev seminorm at μ = (P + Q)/2."""
    both = torch.cat([data, samples], dim=-2).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(both).sum(), both, create_graph=True)
    of_data, of_samples = gradient.square().sum(dim=-1).split([data.shape[-2], samples.shape[-2]], dim=-1)
    return (of_data.mean(dim=-1) + of_samples.mean(dim=-1)) / 2


@models.register("sobolev-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class SobolevGAN(AdversarialModel):
    """The Sobolev GAN (Mroueh, Li, Sercu, Raj & Cheng 2018): min over G of the Sobolev metric under μ = (P + Q)/2.

    sup of E D(x) − E D(G(z)) over critics with Ω(D) = E_μ‖∇D‖² ≤ 1, by the augmented Lagrangian of
    its algorithm 1: the critic ascends E D(x) − E D(G(z)) + λ(1 − Ω) − ρ/2 (1 − Ω)², and after each of
    its steps λ ← λ − ρ(1 − Ω). Arguments of its own: `rho`, ρ. `history_` has `loss` (the generator's)
    and `critic_loss`. Attribute: multiplier_, λ.
    """

    _stacks: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = ("multiplier_",)

    hidden: Sequence[int] = (64, 64)
    rho: float = 1.0
    critic_steps: int = 2
    steps: int = 2000
    betas: tuple[float, float] = (0.0, 0.9)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.rho, "rho", above=0)

    def _reset(self) -> None:
        self.multiplier_ = torch.zeros((), dtype=torch.float64)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        slack = 1 - mean_squared_gradient(self.critic_, data, samples)
        self._slack = slack.detach().double().cpu()
        gap = critic_gap(self.critic_(data), self.critic_(samples))
        return gap - self.multiplier_.to(slack) * slack + self.rho / 2 * slack.square()

    def _after_critic_step(self) -> None:
        self.multiplier_ = self.multiplier_ - self.rho * self._slack

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return -self.critic_(samples).mean(dim=(-2, -1))
