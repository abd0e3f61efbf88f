"""Generative moment matching: a generator trained on a kernel distance, without a critic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.losses import energy_loss, mmd_loss
from estimators.training import parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.registry import models

#: Data whose pairwise distances give the median; their number, and so the work, is bounded.
MEDIAN_OF = 1000


@models.register("gmmn")
@dataclass(kw_only=True, eq=False, repr=False)
class GMMN(ImplicitModel):
    """The generative moment matching network (Li, Swersky & Zemel 2015; Dziugaite, Roy & Ghahramani 2015).

    Each step draws `batch_size` data and as many samples and descends an unbiased estimate of a
    squared kernel distance between them by Adam. Arguments of its own
        kernel: "gaussian", the mean of `n_widths` Gaussian kernels, the first as wide as `widest`
            times the median distance between data and each other half as wide as the one before; or
            "energy", the energy distance, which has no width.
    `history_` has `loss`, the estimate; near the end it is negative about as often as positive.
    Attribute after `start`: median_distance_, in units of the training scale.
    """

    _stacks: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = ("median_distance_",)

    kernel: str = "gaussian"
    widest: float = 1.0
    n_widths: int = 6
    steps: int = 4000
    lr: float = 1e-2

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.batch_size, "batch_size", least=2)  # an unbiased estimate needs a pair
        parameters.choice(self.kernel, "kernel", ("gaussian", "energy"))
        parameters.real(self.widest, "widest", above=0)
        parameters.count(self.n_widths, "n_widths")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _reset(self) -> None:
        some = torch.randperm(len(self._data), generator=self._rng)[:MEDIAN_OF].to(self.device_)
        distances = torch.pdist(self._data[some])
        apart = distances[distances > 0]
        self.median_distance_ = float(apart.median()) if len(apart) else 1.0

    def _step(self, lr: float) -> Losses:
        data = self._minibatch()
        samples = self.generator_(self._latents(self.batch_size, self._rng))
        if self.kernel == "energy":
            loss = energy_loss(data, samples)
        else:
            loss = mmd_loss(data, samples, self.widest * self.median_distance_, self.n_widths)
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach()}
