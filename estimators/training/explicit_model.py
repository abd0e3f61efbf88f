"""Models that are more than a generator of samples: those with a density, and what they share."""

from __future__ import annotations

import copy
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import nn

from estimators.training import loop, parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.training_data import checked_data

#: Rows whose densities are computed at once.
DENSITY_BLOCK = 4096

AnyNetwork = TypeVar("AnyNetwork", bound=nn.Module)


class Density(nn.Module):
    """A law on R^d with weights: `log_prob` of given points, and `draw` from a generator of random numbers."""

    pure = True  # a density of its weights and its points, and so one of several seeds (`StackedModule`)

    @abstractmethod
    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        """log p of each row, (b, d) ↦ (b,), in nats."""

    @abstractmethod
    def draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        """n draws, (n, d); `rng` lives on the CPU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.log_prob(x)


@dataclass(kw_only=True, eq=False, repr=False)
class PrescribedModel(ImplicitModel):
    """A model whose samples are drawn otherwise than as x = G(z).

    It takes no `latent_dim`, `generator`, `precision` or `principal_components`, and `hidden` only where a model names
    it; `batch_size` is 256 by default. Training, seeds, files, samples and the other arguments are those of
    `ImplicitModel`. Networks are trained by Adam, in float32.
    """

    batch_size: int = 256

    # What makes x = G(z) is no parameter here.
    latent_dim: int = field(init=False)
    generator: nn.Module | None = field(init=False)
    hidden: Sequence[int] = field(init=False)
    precision: str = field(init=False)
    principal_components: int | None = field(init=False, default=None)

    def _check_parameters(self) -> None:
        parameters.count(self.steps, "steps")
        parameters.real(self.lr, "lr", above=0)
        parameters.choice(self.schedule, "schedule", ("cosine", "constant"))
        parameters.count(self.batch_size, "batch_size")
        parameters.count(self.history_every, "history_every")
        parameters.decay_rates(self.betas, "betas")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(getattr(self, self._networks[0]), self.betas)


class ExplicitModel(PrescribedModel):
    """A model with a density: `log_prob(X)` and `score(X)` besides all that an `ImplicitModel` has.

    It takes the arguments of `PrescribedModel`: no `latent_dim`, no `generator`, no `precision`.
    Trained by Adam on −(1/b) Σ log p(xᵢ) over minibatches, unless it says otherwise; `history_` has
    that as `loss`, in nats at the training scale (in the data's units it is d·log `standardisation_.scale` more).
    Attribute after `start` or `fit`: density_, the law at the training scale.
    """

    _networks: ClassVar[tuple[str, ...]] = ("density_",)

    density_: Density

    def log_prob(self, X: Any) -> np.ndarray:
        """log p(x) of each row of X (n, d), shape (n,), in nats, p a density in the data's own units.

        log p(x) = log p_unit((x − centre)/scale) − d log scale, in float64 whatever the training was done
        in. Raises TypeError or ValueError for bad data, `Diverged` where a value is NaN.
        """
        rows = self._rows(X)
        unit = torch.from_numpy((rows - self.standardisation_.centre) / self.standardisation_.scale)
        density = in_double(self.density_)
        with torch.no_grad():
            blocks = [density.log_prob(block.to(self.device_)).cpu() for block in unit.split(DENSITY_BLOCK)]
        values = torch.cat(blocks).numpy()
        if np.isnan(values).any():
            raise loop.Diverged(
                f"log_prob is nan in row {int(np.isnan(values).argmax())} of X", step=self.step_, lr=self.lr
            )
        return values - rows.shape[1] * np.log(self.standardisation_.scale)

    def score(self, X: Any, y: object = None) -> float:  # noqa: ARG002
        """The mean of `log_prob` over the rows of X, in nats; larger is better, and training data flatter a model."""
        return float(self.log_prob(X).mean())

    def _rows(self, X: Any) -> np.ndarray:
        self._require_fitted()
        return matching_rows(X, self.n_features_in_)

    def _build_networks(self, rng: torch.Generator) -> None:
        self.density_ = self._make_density(rng).to(self.device_)

    @abstractmethod
    def _make_density(self, rng: torch.Generator) -> Density:
        """The law before training, for data of `n_features_in_` features, initialised from `rng`."""

    def _draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        return self.density_.draw(n, rng)

    def _step(self, lr: float) -> Losses:
        loss = -self.density_(self._minibatch()).mean(dim=-1)
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach()}


def matching_rows(X: Any, n_features: int) -> np.ndarray:
    """X as a checked (n, n_features) float64 array, n ≥ 1; raises as `checked_data`."""
    rows = checked_data(X, least=1).astype(np.float64, copy=False)
    if rows.shape[1] != n_features:
        raise ValueError(f"X has {rows.shape[1]} features, the model was fitted to {n_features}; give as many")
    return rows


def in_double(network: AnyNetwork) -> AnyNetwork:
    """A copy of `network` in float64 and evaluation mode, so that what it is worth has no rounding of float32."""
    return copy.deepcopy(network).double().eval()
