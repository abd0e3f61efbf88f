"""The generative adversarial network as it was first stated: one value, a minimum over G of a maximum over D."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch.nn.functional import softplus

from estimators.models.gans.non_saturating import NonSaturatingGAN
from estimators.training.registry import models


def saturating_loss(scores_of_samples: torch.Tensor) -> torch.Tensor:
    """mean log(1 − D(G(z))) with D = sigmoid(score), scores (…, b, 1): the generator's part of the value, in nats.

    Its gradient in the score is −D(G(z)), which vanishes where the critic is sure.
    Source: Goodfellow et al. 2014, equation 1.
    """
    return -softplus(scores_of_samples).mean(dim=(-2, -1))


@models.register("minimax-gan")
class MinimaxGAN(NonSaturatingGAN):
    """The generative adversarial network (Goodfellow et al. 2014) by gradient descent–ascent on its value.

    min over G, max over D of E log D(x) + E log(1 − D(G(z))), less r1 · ½ E‖∇D(x)‖² for the critic. At
    the best D the generator descends 2 JSD − log 4; against a sure critic its gradient vanishes, which
    `NonSaturatingGAN` mends. The arguments and `history_` are those of `NonSaturatingGAN`.
    """

    _stacks: ClassVar[bool] = True

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return saturating_loss(self.critic_(samples))
