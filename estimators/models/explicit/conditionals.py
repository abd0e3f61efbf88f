"""p(x) = Π_i p(x_i | x_<i): what MADE and NADE share, conditionals from a network that gives all their coefficients."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn.functional import logsigmoid, softplus

from estimators.training import parameters
from estimators.training.explicit_model import Density, ExplicitModel


class Conditionals(Density):
    """Π_i p(x_i | x_<i), each a mixture of `n_components` Gaussians, or for `n_components` 0 a Bernoulli law.

    The coefficients come from `coefficients(x)`, (b, d) ↦ (b, d, `n_coefficients`), whose row i
    depends on x_<i alone: the logit of x_i = 1; or K logits of the weights, K means and K raw
    scales r, with standard deviations `floor` + softplus(r).
    """

    def __init__(self, n_features: int, n_components: int, floor: float):
        super().__init__()
        self.n_features = n_features
        self.n_components = n_components
        self.floor = floor
        self.n_coefficients = 3 * n_components or 1

    @abstractmethod
    def coefficients(self, x: torch.Tensor) -> torch.Tensor:
        """(b, d) ↦ (b, d, n_coefficients)."""

    @abstractmethod
    def one_by_one(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        """Those of feature 0, 1, …, (b, n_coefficients), while x (b, d) is filled: x_<i stands when i is asked for."""

    def log_prob(self, x: torch.Tensor) -> torch.Tensor:
        found = self.coefficients(x)
        if not self.n_components:
            return logsigmoid((2 * x - 1) * found[..., 0]).sum(dim=1)
        logits, means, scales = self._mixtures(found)
        z = (x[..., None] - means) / scales
        normal = -0.5 * z.square() - scales.log() - 0.5 * math.log(2 * math.pi)
        return (logits.log_softmax(dim=-1) + normal).logsumexp(dim=-1).sum(dim=1)

    def draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        """Feature by feature, in about one pass."""
        device = next(self.parameters()).device
        x = torch.zeros(n, self.n_features, device=device)
        for i, found in enumerate(self.one_by_one(x)):
            uniform = torch.rand(n, generator=rng).to(device)
            if not self.n_components:
                x[:, i] = (uniform < found[:, 0].sigmoid()).float()
                continue
            logits, means, scales = self._mixtures(found)
            # Inversion by the cumulated weights; the last one is 1 but for rounding, so it is not compared.
            reached = uniform[:, None] >= logits.softmax(dim=-1).cumsum(dim=-1)[:, :-1]
            chosen = reached.sum(dim=-1, keepdim=True)
            noise = torch.randn(n, generator=rng).to(device)
            x[:, i] = means.gather(1, chosen)[:, 0] + scales.gather(1, chosen)[:, 0] * noise
        return x

    def _mixtures(self, found: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        logits, means, raw = found.chunk(3, dim=-1)
        return logits, means, self.floor + softplus(raw)

    def spread(self, biases: torch.Tensor, rng: torch.Generator) -> None:
        """Sets biases (d·n_coefficients,) so that the K means begin apart: standard normal, scales about 0.3."""
        if self.n_components:
            with torch.no_grad():
                logits, means, raw = biases.view(self.n_features, -1).chunk(3, dim=-1)
                logits.zero_()
                means.normal_(generator=rng)
                raw.fill_(-1.0)


@dataclass(kw_only=True, eq=False, repr=False)
class ConditionalsModel(ExplicitModel):
    """An autoregressive model: conditionals are Gaussian mixtures for real data, or Bernoulli laws for 0 and 1."""

    conditional: str = "gaussians"
    n_components: int = 10
    floor: float = 1e-3

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.choice(self.conditional, "conditional", ("gaussians", "bernoulli"))
        parameters.count(self.n_components, "n_components")
        parameters.real(self.floor, "floor", above=0)
        if self.conditional == "bernoulli" and self.standardise:
            raise ValueError("standardise is True, but conditional='bernoulli' wants 0 and 1; give standardise=False")

    def _at_unit_scale(self, data: np.ndarray) -> torch.Tensor:
        self._require_binary(data)
        return super()._at_unit_scale(data)

    def _rows(self, X: Any) -> np.ndarray:
        rows = super()._rows(X)
        self._require_binary(rows)
        return rows

    def _require_binary(self, data: np.ndarray) -> None:
        other = (data != 0) & (data != 1)
        if self.conditional == "bernoulli" and other.any():
            row = int(other.any(axis=1).argmax())
            raise ValueError(f"X has {data[row][other[row]][0]} in row {row}; binarise it, or conditional='gaussians'")

    @property
    def _components(self) -> int:
        return self.n_components if self.conditional == "gaussians" else 0
