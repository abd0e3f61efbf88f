"""Cramér GAN: the energy distance between learnt features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn

from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models
from estimators.training.seeding import RandomState


@models.register("cramer-gan")
class CramerGAN(FeatureKernelModel):
    """The Cramér GAN (Bellemare, Danihelka, Dabney, Mohamed, Lakshminarayanan, Hoyer & Munos 2017).

    min over G, max over h of ℰ²(h(x), h(G(z))) = 2E‖h − g‖ − E‖h − h′‖ − E‖g − g′‖: D² of the base
    class at k = −‖·‖, whose sample gradients have no bias. The paper drops a term from the critic's
    loss; here both players have the whole distance.
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
        n_critic_features: int = 16,
        penalty: float = 1.0,
        critic_steps: int = 2,
        steps: int = 2000,
        lr: float = 1e-2,
        critic_lr: float | None = None,
        betas: tuple[float, float] = (0.5, 0.9),
        schedule: str = "cosine",
        batch_size: int = 128,
        standardise: bool = True,
        history_every: int = 50,
        random_state: RandomState = None,
        device: str = "auto",
        precision: str = "fp32",
        verbose: bool = False,
    ):
        super().__init__(
            latent_dim=latent_dim, generator=generator, hidden=hidden, critic=critic, critic_hidden=critic_hidden,
            n_critic_features=n_critic_features, penalty=penalty, critic_steps=critic_steps, steps=steps, lr=lr,
            critic_lr=critic_lr, betas=betas, schedule=schedule, batch_size=batch_size, standardise=standardise,
            history_every=history_every, random_state=random_state, device=device, precision=precision, verbose=verbose,
        )  # fmt: skip

    def _kernel(self, squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        inverse = squared.rsqrt()
        return -squared * inverse, -0.5 * inverse, 0.25 * inverse / squared
