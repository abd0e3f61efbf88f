"""The generative adversarial network with the non-saturating generator loss, and R1."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import nn
from torch.nn.functional import softplus

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.spectral import spectrally_normalised
from estimators.training import parameters
from estimators.training.registry import models
from estimators.training.seeding import RandomState


def discriminator_loss(scores_of_data: torch.Tensor, scores_of_samples: torch.Tensor) -> torch.Tensor:
    """−mean log D(x) − mean log(1 − D(G(z))) with D = sigmoid(score), scores (…, b, 1): minus the GAN's value.

    At the optimum D = p/(p + q) it is log 4 − 2 JSD(p, q), in nats. Source: Goodfellow et al. 2014, equation 1.
    """
    return softplus(-scores_of_data).mean(dim=(-2, -1)) + softplus(scores_of_samples).mean(dim=(-2, -1))


def non_saturating_loss(scores_of_samples: torch.Tensor) -> torch.Tensor:
    """−mean log D(G(z)) with D = sigmoid(score), scores (…, b, 1): its gradient does not vanish where D is sure.

    Source: Goodfellow et al. 2014, section 3, in place of mean log(1 − D(G(z))).
    """
    return softplus(-scores_of_samples).mean(dim=(-2, -1))


def r1_penalty(critic: Callable[[torch.Tensor], torch.Tensor], data: torch.Tensor) -> torch.Tensor:
    """½ mean ‖∇D(x)‖² of the critic's score at the data (…, b, d). Source: Mescheder et al. 2018, equation 9."""
    data = data.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(data).sum(), data, create_graph=True)
    return 0.5 * gradient.square().sum(dim=-1).mean(dim=-1)


@models.register("non-saturating-gan")
class NonSaturatingGAN(AdversarialModel):
    """The generative adversarial network (Goodfellow et al. 2014) with the non-saturating loss.

    The critic descends −E log D(x) − E log(1 − D(G(z))) + r1 · ½ E‖∇D(x)‖², the generator
    −E log D(G(z)); D is the sigmoid of the critic's score. Arguments of its own: `r1`, the weight of
    the gradient penalty at the training scale (Mescheder et al. 2018); 0 is the model as it was first
    published, which trains worse on digits; `spectral_norm`, which divides each linear layer of the critic by its
    largest singular value (Miyato et al. 2018; see `SpectralLinear`). The others are those of `AdversarialModel`.
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
        r1: float = 1.0,
        spectral_norm: bool = False,
        critic_steps: int = 1,
        steps: int = 4000,
        lr: float = 3e-3,
        critic_lr: float | None = None,
        betas: tuple[float, float] = (0.5, 0.99),
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
        self.r1 = r1
        self.spectral_norm = spectral_norm
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
        parameters.real(self.r1, "r1", least=0)
        if not isinstance(self.spectral_norm, bool):
            raise TypeError(f"spectral_norm is {self.spectral_norm!r}; give True or False")

    def _build_networks(self, rng: torch.Generator) -> None:
        super()._build_networks(rng)
        if self.spectral_norm:
            self.critic_ = spectrally_normalised(self.critic_, rng)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        loss = discriminator_loss(self.critic_(data), self.critic_(samples))
        return loss + self.r1 * r1_penalty(self.critic_, data) if self.r1 else loss

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return non_saturating_loss(self.critic_(samples))
