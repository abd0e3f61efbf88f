"""Sobolev GAN: critics whose squared gradient is bounded on average."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.wasserstein import critic_gap
from estimators.training import parameters
from estimators.training.registry import models
from estimators.training.seeding import RandomState


def mean_squared_gradient(critic: nn.Module, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """Ω = ½ E‖∇D(x)‖² + ½ E‖∇D(G(z))‖², for `data` and `samples` (…, b, d): the Sobolev seminorm at μ = (P + Q)/2."""
    both = torch.cat([data, samples], dim=-2).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(both).sum(), both, create_graph=True)
    of_data, of_samples = gradient.square().sum(dim=-1).split([data.shape[-2], samples.shape[-2]], dim=-1)
    return (of_data.mean(dim=-1) + of_samples.mean(dim=-1)) / 2


@models.register("sobolev-gan")
class SobolevGAN(AdversarialModel):
    """The Sobolev GAN (Mroueh, Li, Sercu, Raj & Cheng 2018): min over G of the Sobolev metric under μ = (P + Q)/2.

    sup of E D(x) − E D(G(z)) over critics with Ω(D) = E_μ‖∇D‖² ≤ 1, by the augmented Lagrangian of
    its algorithm 1: the critic ascends E D(x) − E D(G(z)) + λ(1 − Ω) − ρ/2 (1 − Ω)², and after each of
    its steps λ ← λ − ρ(1 − Ω). Arguments of its own: `rho`, ρ. `history_` has `loss` (the generator's)
    and `critic_loss`. Attribute: multiplier_, λ.
    """

    _stacks: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = ("multiplier_",)

    def __init__(
        self,
        *,
        latent_dim: int = 4,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (64, 64),
        critic: nn.Module | None = None,
        critic_hidden: Sequence[int] | None = None,
        rho: float = 1.0,
        critic_steps: int = 2,
        steps: int = 2000,
        lr: float = 3e-3,
        critic_lr: float | None = None,
        betas: tuple[float, float] = (0.0, 0.9),
        schedule: str = "cosine",
        batch_size: int = 128,
        standardise: bool = True,
        history_every: int = 50,
        random_state: RandomState = None,
        device: str = "auto",
        precision: str = "fp32",
        verbose: bool = False,
    ):
        self.latent_dim = latent_dim
        self.generator = generator
        self.hidden = hidden
        self.critic = critic
        self.critic_hidden = critic_hidden
        self.rho = rho
        self.critic_steps = critic_steps
        self.steps = steps
        self.lr = lr
        self.critic_lr = critic_lr
        self.betas = betas
        self.schedule = schedule
        self.batch_size = batch_size
        self.standardise = standardise
        self.history_every = history_every
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.verbose = verbose

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
