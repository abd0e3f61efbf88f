"""Least squares: one output for an input, its conditional mean."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from estimators.models.imle import imle_loss
from estimators.training import parameters
from estimators.training.conditional import ConditionalModel
from estimators.training.descent import adam, descend
from estimators.training.registry import models
from estimators.training.seeding import RandomState, Streams


@models.register("regression")
class Regression(ConditionalModel):
    """Regression by a network: min over θ of E ‖x − T_θ(c, 0)‖², at best the conditional mean E[X | c].

    Its n samples for an input are n times the same output, so that its squared error is the least that one answer
    can have and its diversity is 0: the row that models of the whole law are read against. The generator takes
    (c, z) as theirs does, at z = 0. Source: Gauss 1809; claim `gaussian-l2-regression`. The argument of its own
    is `betas`, Adam's decay rates. `history_` has `loss`, the mean squared error a datum at the training scale.
    """

    def __init__(
        self,
        *,
        latent_dim: int = 1,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (128, 128),
        steps: int = 2000,
        lr: float = 3e-3,
        betas: tuple[float, float] = (0.9, 0.99),
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
        self.steps = steps
        self.lr = lr
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
        parameters.decay_rates(self.betas, "betas")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _latents(self, n: int, rng: Streams) -> torch.Tensor:  # noqa: ARG002
        return torch.zeros(n, self.latent_dim, device=self.device_)

    def _step(self, lr: float) -> dict[str, float]:
        given, data = self._pairs()
        loss = imle_loss(data, self.generator_(given, self._latents(len(data), self._rng)), 1)
        descend(self.optimiser_, loss, lr)
        return {"loss": float(loss.detach())}
