"""Weighted IMLE: the weights that make the nearest-sample objective maximum likelihood again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from estimators.models.imle import IMLE
from estimators.training import parameters
from estimators.training.held_data import own_rows
from estimators.training.registry import models
from estimators.training.seeding import RandomState


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

    def __init__(
        self,
        *,
        latent_dim: int = 4,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (64, 64, 64, 64),
        n_samples: int = 1024,
        n_samples_last: int | None = None,
        n_assigned: int | None = None,
        inner_steps: int = 10,
        memory: float = 0.9,
        floor: float = 0.05,
        index: Any = "brute-force",
        steps: int = 8000,
        lr: float = 1e-2,
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
        super().__init__(
            latent_dim=latent_dim, generator=generator, hidden=hidden, n_samples=n_samples,
            n_samples_last=n_samples_last, n_assigned=n_assigned, inner_steps=inner_steps, index=index, steps=steps,
            lr=lr, betas=betas, schedule=schedule, batch_size=batch_size, standardise=standardise,
            history_every=history_every, random_state=random_state, device=device, precision=precision, verbose=verbose,
        )  # fmt: skip
        self.memory = memory
        self.floor = floor

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
