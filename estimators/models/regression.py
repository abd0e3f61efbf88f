"""Least squares: one output for an input, its conditional mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from estimators.models.imle import imle_loss
from estimators.training.conditional import ConditionalModel
from estimators.training.descent import adam, descend
from estimators.training.registry import models
from estimators.training.seeding import Streams


@models.register("regression")
@dataclass(kw_only=True, eq=False, repr=False)
class Regression(ConditionalModel):
    """Regression by a network: min over θ of E ‖x − T_θ(c, 0)‖², at best the conditional mean E[X | c].

    Its n samples for an input are n times the same output, so that its squared error is the least that one answer
    can have and its diversity is 0: the row that models of the whole law are read against. The generator takes
    (c, z) as theirs does, at z = 0. Source: Gauss 1809; claim `gaussian-l2-regression`. `history_` has `loss`, the
    mean squared error a datum at the training scale.
    """

    latent_dim: int = 1

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _latents(self, n: int, rng: Streams) -> torch.Tensor:  # noqa: ARG002
        return torch.zeros(n, self.latent_dim, device=self.device_)

    def _step(self, lr: float) -> dict[str, float]:
        given, data = self._pairs()
        loss = imle_loss(data, self.generator_(given, self._latents(len(data), self._rng)), 1)
        descend(self.optimiser_, loss, lr)
        return {"loss": float(loss.detach())}
