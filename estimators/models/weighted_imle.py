"""Weighted IMLE: the weights that make the nearest-sample objective maximum likelihood again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.models.imle import IMLE
from estimators.training import parameters
from estimators.training.held_data import own_rows
from estimators.training.registry import models


def weighted_imle_loss(data: torch.Tensor, samples: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """(1/b) Σᵢ wᵢ ‖xᵢ − x̃_σ(i)‖², for `data` and `samples` (…, b, d) and `weights` (…, b)."""
    return (weights * (samples - data).square().sum(dim=-1)).mean(dim=-1)


def likelihood_weights(mean_squared: torch.Tensor, floor: float) -> torch.Tensor:
    """wᵢ ∝ 1/(Rᵢ + floor · mean R), with mean 1, for the mean squared distances R (n,) to the nearest sample.

    m^{2/d} E Rᵢ → c p(xᵢ)^{−2/d}, so that 1/Rᵢ estimates the repaired theorem's weight p(xᵢ)^{2/d}, and
    Σ ∇Rᵢ/Rᵢ = ∇ Σ log Rᵢ → −(2/d) ∇ Σ log p(xᵢ). Source: claims `imle-theorem-weighted`, `imle-limit-weighted`.
    """
    weights = 1 / (mean_squared + floor * mean_squared.mean()).clamp_min(torch.finfo(mean_squared.dtype).tiny)
    return weights / weights.mean()


@models.register("weighted-imle")
@dataclass(kw_only=True, eq=False, repr=False)
class WeightedIMLE(IMLE):
    """IMLE (Li & Malik 2018) with the weights of the corrected equivalence theorem.

    Plain IMLE descends Σ E Rᵢ, Rᵢ = min_j ‖xᵢ − x̃_j‖², which for many samples is Σ c p(xᵢ)^{−2/d}: data of
    low density pull too hard, and the limit is not the maximum-likelihood estimate (claim
    `imle-unweighted-bias`). Here datum i weighs 1/R̄ᵢ, with R̄ᵢ an exponential average of Rᵢ over the
    outer steps, so that the gradient is that of Σ log E Rᵢ, in the limit −(2/d) Σ log p(xᵢ). The
    equivalence is one of large m; at m = 1 it is least squares, weighted. Arguments of its own
        memory: the share of R̄ᵢ that an outer step keeps, in [0, 1). floor: a share of the mean of R̄ that
            is added to each R̄ᵢ, which bounds a weight by 1/floor times that of a datum at the mean.
    The others are those of `IMLE`. `history_` has `loss`, weighted, and `objective`, as IMLE's.
    Attribute after `start`: mean_squared_ (n,), R̄; NaN for a datum not assigned yet.
    """

    _stacks: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = (*IMLE._between_steps, "mean_squared_", "weights_")

    memory: float = 0.9
    floor: float = 0.05

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if parameters.real(self.memory, "memory", least=0) >= 1:
            raise ValueError(f"memory is {self.memory!r}; give a number in [0, 1)")
        parameters.real(self.floor, "floor", above=0)

    def _reset(self) -> None:
        super()._reset()
        self.mean_squared_ = torch.full((len(self._data),), float("nan"), dtype=torch.float64)
        self.weights_: torch.Tensor | None = None

    def _assign(self, assigned: torch.Tensor, latents: torch.Tensor, squared: torch.Tensor) -> None:
        super()._assign(assigned, latents, squared)
        rows = assigned.to(self.mean_squared_.device)
        squared = squared.to(self.mean_squared_.device)
        before = self.mean_squared_[rows]
        average = torch.where(before.isnan(), squared, self.memory * before + (1 - self.memory) * squared)
        self.mean_squared_[rows] = average
        self.weights_ = likelihood_weights(average, self.floor).to(latents.dtype).to(self.device_)

    def _loss(self, data: torch.Tensor, samples: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
        assert self.weights_ is not None
        return weighted_imle_loss(data, samples, own_rows(self.weights_, chosen))
