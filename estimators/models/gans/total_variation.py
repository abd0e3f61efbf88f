"""A generator trained on the total variation: a critic between −½ and ½."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.non_saturating import r1_penalty
from estimators.training import parameters
from estimators.training.registry import models


def bounded_gap(scores_of_data: torch.Tensor, scores_of_samples: torch.Tensor) -> torch.Tensor:
    """E f(x) − E f(G(z)) for f = ½ tanh(score) in (−½, ½), scores (…, b, 1): at most TV of the two batches.

    sup over |f| ≤ ½ of E_P f − E_Q f = sup_A P(A) − Q(A) = TV(P, Q), in [0, 1]: indicators shifted by ½ attain
    it. Source: Müller 1997, Integral probability metrics and their generating classes of functions.
    """
    of_data, of_samples = torch.tanh(scores_of_data), torch.tanh(scores_of_samples)
    return (of_data.mean(dim=(-2, -1)) - of_samples.mean(dim=(-2, -1))) / 2


@models.register("tv-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class TotalVariationGAN(AdversarialModel):
    """The adversarial network whose critics are all functions into [−½, ½], so that its value is TV.

    min over G, max over f of E f(x) − E f(G(z)), f = ½ tanh(D), less r1 · ½ E‖∇D(x)‖² for the critic.
    TV of laws without a common support is 1 wherever they lie, and tanh is flat where D is sure: as
    for the saturating GAN, the generator then has no gradient to follow, and r1, which keeps D gentle,
    is what makes it train. The argument of its own is `r1`, the weight of that penalty. `history_` has
    `loss` (the generator's) and `critic_loss`. Source: Müller 1997, of whose classes of functions this is one.
    """

    _stacks: ClassVar[bool] = True

    r1: float = 1.0

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.r1, "r1", least=0)

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        loss = -bounded_gap(self.critic_(data), self.critic_(samples))
        return loss + self.r1 * r1_penalty(self.critic_, data) if self.r1 else loss

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return -torch.tanh(self.critic_(samples)).mean(dim=(-2, -1)) / 2
