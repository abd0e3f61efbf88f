"""The Wasserstein generative adversarial network with a gradient penalty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from estimators.models.gans.adversarial import AdversarialModel
from estimators.training import parameters
from estimators.training.registry import models


def critic_gap(scores_of_data: torch.Tensor, scores_of_samples: torch.Tensor) -> torch.Tensor:
    """mean D(G(z)) − mean D(x), scores (…, b, 1): minus the dual objective of W₁ at the critic D.

    For a 1-Lipschitz D its negative is at most W₁ of the two batches. Source: Arjovsky et al. 2017, equation 2.
    """
    return scores_of_samples.mean(dim=(-2, -1)) - scores_of_data.mean(dim=(-2, -1))


def gradient_penalty(
    critic: nn.Module, data: torch.Tensor, samples: torch.Tensor, mixing: torch.Tensor
) -> torch.Tensor:
    """mean (‖∇D(x̂)‖₂ − 1)² at x̂ = t x + (1 − t) G(z), `data`, `samples` (…, b, d), `mixing` t (…, b, 1) in [0, 1].

    Source: Gulrajani et al. 2017, equation 3.
    """
    between = (mixing * data + (1 - mixing) * samples).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (gradient.norm(dim=-1) - 1).square().mean(dim=-1)


@models.register("wgan-gp")
@dataclass(kw_only=True, eq=False, repr=False)
class WassersteinGAN(AdversarialModel):
    """The Wasserstein GAN (Arjovsky et al. 2017) with the gradient penalty of Gulrajani et al. 2017.

    The critic takes `critic_steps` steps down E D(G(z)) − E D(x) + penalty · E(‖∇D(x̂)‖ − 1)², x̂ uniform
    on the segment from a sample to a datum, for each step of the generator down −E D(G(z)). The
    argument of its own is `penalty`, at the training scale; the others are those of `AdversarialModel`.
    `history_` has `loss` (the generator's) and `critic_loss`. The critic is only pressed towards
    1-Lipschitz functions, so its loss is no certified distance.
    """

    _stacks: ClassVar[bool] = True

    penalty: float = 1.0
    critic_steps: int = 2
    steps: int = 2000
    betas: tuple[float, float] = (0.0, 0.9)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.penalty, "penalty", above=0)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        mixing = self._uniform(data.shape[-2])
        gap = critic_gap(self.critic_(data), self.critic_(samples))
        return gap + self.penalty * gradient_penalty(self.critic_, data, samples, mixing)

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return -self.critic_(samples).mean(dim=(-2, -1))
