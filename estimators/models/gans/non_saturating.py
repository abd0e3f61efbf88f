"""The generative adversarial network with the non-saturating generator loss, and R1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import softplus

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.spectral import spectrally_normalised
from estimators.training import parameters
from estimators.training.registry import models


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
@dataclass(kw_only=True, eq=False, repr=False)
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

    r1: float = 1.0
    spectral_norm: bool = False

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
