"""Cramér GAN: the energy distance between learnt features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models
from estimators.training.seeding import RandomState


def negative_distance(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """−‖xᵢ − yⱼ‖, (n, m), for x (n, s) and y (m, s): the kernel of which D² is the squared energy distance.

    By differences, with gradient 0 where two rows coincide; torch's own `cdist` has no second derivative, which the
    gradient penalty needs.
    """
    squared = (x[:, None] - y[None]).square().sum(dim=2)
    return -squared.clamp_min(torch.finfo(squared.dtype).tiny).sqrt()


@models.register("cramer-gan")
class CramerGAN(FeatureKernelModel):
    """The Cramér GAN (Bellemare, Danihelka, Dabney, Mohamed, Lakshminarayanan, Hoyer & Munos 2017).

    min over G, max over h of ℰ²(h(x), h(G(z))) = 2E‖h − g‖ − E‖h − h′‖ − E‖g − g′‖: D² of the base
    class at k = −‖·‖, whose sample gradients have no bias. The paper drops a term from the critic's
    loss; here both players have the whole distance.
    """

    def __init__(
        self,
        *,
        latent_dim: int = 4,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (128, 128),
        critic: nn.Module | None = None,
        critic_hidden: Sequence[int] | None = None,
        n_critic_features: int = 16,
        penalty: float = 1.0,
        critic_steps: int = 2,
        steps: int = 2000,
        lr: float = 3e-3,
        critic_lr: float | None = None,
        betas: tuple[float, float] = (0.5, 0.9),
        schedule: str = "cosine",
        batch_size: int = 128,
        standardise: bool = True,
        history_every: int = 50,
        random_state: RandomState = None,
        device: str = "auto",
        verbose: bool = False,
    ):
        self.latent_dim = latent_dim
        self.generator = generator
        self.hidden = hidden
        self.critic = critic
        self.critic_hidden = critic_hidden
        self.n_critic_features = n_critic_features
        self.penalty = penalty
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
        self.verbose = verbose

    def _kernel(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return negative_distance(x, y)
