"""The Wasserstein generative adversarial network as it was first published, with clipped weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.wasserstein import critic_gap
from estimators.training import parameters
from estimators.training.registry import models


@models.register("wgan")
@dataclass(kw_only=True, eq=False, repr=False)
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

    clip: float = 0.07
    critic_steps: int = 5
    steps: int = 2000
    betas: tuple[float, float] = (0.0, 0.9)

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
