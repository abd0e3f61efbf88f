"""The Wasserstein generative adversarial network as it was first published, with clipped weights."""

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


@models.register("wgan")
class ClippedWassersteinGAN(AdversarialModel):
    """The Wasserstein GAN of Arjovsky, Chintala & Bottou 2017, algorithm 1: every weight of the critic in [−c, c].

    The critic takes `critic_steps` steps down E D(G(z)) − E D(x), each followed by clipping, for each
    step of the generator down −E D(G(z)). The critic is then K-Lipschitz for a K that c, the widths
    and the depth decide, and the gap is at most K·W₁; K is not computed. The argument of its own is
    `clip`, c; the published 0.01 fits deep networks of many weights, and makes a small critic almost
    constant. Adam stands for the paper's RMSProp, which is Adam without its first average (betas[0] = 0).
    `history_` has `loss` (the generator's) and `critic_loss`.
    """

    _stacks: ClassVar[bool] = True

    def __init__(
        self,
        *,
        latent_dim: int = 4,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (128, 128),
        critic: nn.Module | None = None,
        critic_hidden: Sequence[int] | None = None,
        clip: float = 0.07,
        critic_steps: int = 5,
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
        self.clip = clip
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
        parameters.real(self.clip, "clip", above=0)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        return critic_gap(self.critic_(data), self.critic_(samples))

    def _after_critic_step(self) -> None:
        with torch.no_grad():
            for weight in self.critic_.parameters():
                weight.clamp_(-self.clip, self.clip)

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return -self.critic_(samples).mean(dim=(-2, -1))
