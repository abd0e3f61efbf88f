"""A generator trained on the total variation: a critic between −½ and ½."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn

from estimators.models.gans.adversarial import AdversarialModel
from estimators.models.gans.non_saturating import r1_penalty
from estimators.training import parameters
from estimators.training.registry import models
from estimators.training.seeding import RandomState


def bounded_gap(scores_of_data: torch.Tensor, scores_of_samples: torch.Tensor) -> torch.Tensor:
    """E f(x) − E f(G(z)) for f = ½ tanh(score) in (−½, ½), scores (…, b, 1): at most TV of the two batches.

    sup over |f| ≤ ½ of E_P f − E_Q f = sup_A P(A) − Q(A) = TV(P, Q), in [0, 1]: indicators shifted by ½ attain
    it. Source: Müller 1997, Integral probability metrics and their generating classes of functions.
    """
    of_data, of_samples = torch.tanh(scores_of_data), torch.tanh(scores_of_samples)
    return (of_data.mean(dim=(-2, -1)) - of_samples.mean(dim=(-2, -1))) / 2


@models.register("tv-gan")
class TotalVariationGAN(AdversarialModel):
    """The adversarial network whose critics are all functions into [−½, ½], so that its value is TV.

    min over G, max over f of E f(x) − E f(G(z)), f = ½ tanh(D), less r1 · ½ E‖∇D(x)‖² for the critic.
    TV of laws without a common support is 1 wherever they lie, and tanh is flat where D is sure: as
    for the saturating GAN, the generator then has no gradient to follow, and r1, which keeps D gentle,
    is what makes it train. The argument of its own is `r1`, the weight of that penalty. `history_` has
    `loss` (the generator's) and `critic_loss`. Source: Müller 1997, of whose classes of functions this is one.
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

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        loss = -bounded_gap(self.critic_(data), self.critic_(samples))
        return loss + self.r1 * r1_penalty(self.critic_, data) if self.r1 else loss

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return -torch.tanh(self.critic_(samples)).mean(dim=(-2, -1)) / 2
