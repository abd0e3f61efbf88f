"""MADE: one masked network gives every conditional in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from estimators.models.explicit.conditionals import Conditionals, ConditionalsModel
from estimators.models.explicit.masked_pass import MaskedLayer, one_by_one
from estimators.networks import linear
from estimators.training import parameters
from estimators.training.registry import models


class MaskedLinear(nn.Module):
    """y_j = b_j + Σ_i m_ji w_ji x_i with m_ji = 1 where `degrees_out`[j] ≥ `degrees_in`[i]; of some j, if asked."""

    mask: torch.Tensor

    def __init__(self, degrees_in: torch.Tensor, degrees_out: torch.Tensor, rng: torch.Generator):
        super().__init__()
        self.layer = linear(len(degrees_in), len(degrees_out), rng)
        self.register_buffer("mask", (degrees_out[:, None] >= degrees_in).float())

    def forward(self, x: torch.Tensor, of: slice = slice(None)) -> torch.Tensor:
        return nn.functional.linear(x, self.layer.weight[of] * self.mask[of], self.layer.bias[of])


class MaskedConditionals(Conditionals):
    """Coefficients by a masked perceptron: unit degrees 1 … d−1 in each hidden layer, a unit reads those of no more.

    A layer narrower than d − 1 has no unit for some degrees, so that conditionals would not see the features just
    before their own: then a masked linear layer, 0 at first, also leads from the features to the outputs (the direct
    connections of Germain et al. 2015).
    """

    def __init__(
        self, n_features: int, n_components: int, floor: float, *, hidden: Sequence[int], rng: torch.Generator
    ):
        super().__init__(n_features, n_components, floor)
        d = n_features
        degrees = [torch.arange(1, d + 1)]
        # ⌈(d − 1) j/width⌉, j = 1 … width: in equal shares up to d − 1, whatever the width.
        degrees += [(torch.arange(1, width + 1) * (d - 1) - 1) // width + 1 for width in hidden]
        # The outputs for x_i read degrees below i; for x_1, with one feature too, that is nothing but the bias.
        degrees += [torch.arange(d).repeat_interleave(self.n_coefficients)]
        layers = [MaskedLinear(before, after, rng) for before, after in pairwise(degrees)]
        rectified = [part for layer in layers[:-1] for part in (layer, nn.ReLU())]
        self.net = nn.Sequential(*rectified, layers[-1])
        self.spread(layers[-1].layer.bias, rng)
        self.direct = MaskedLinear(degrees[0], degrees[-1], rng) if min(hidden, default=d) < d - 1 else None
        if self.direct is not None:
            for weight in self.direct.parameters():
                nn.init.zeros_(weight)

    def coefficients(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.net(x)
        if self.direct is not None:
            found = found + self.direct(x)
        return found.view(len(x), self.n_features, self.n_coefficients)

    def one_by_one(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        parts: list[Any] = list(self.net)[::2]
        layers = [MaskedLayer(part.layer.weight, part.layer.bias, part.mask) for part in parts]
        for i, found in enumerate(one_by_one(layers, range(self.n_features), x)):
            own = slice(i * self.n_coefficients, (i + 1) * self.n_coefficients)
            yield found if self.direct is None else found + self.direct(x, own)


@models.register("made")
@dataclass(kw_only=True, eq=False, repr=False)
class MADE(ConditionalsModel):
    """The masked autoencoder for distribution estimation (Germain, Gregor, Murray & Larochelle 2015).

    p(x) = Π_i p(x_i | x_<i) in the order of the features, with all coefficients from one pass
    through a network whose masks leave to the i-th output no path from x_i, x_{i+1}, …; by maximum
    likelihood. A sample costs about a pass too. Arguments of its own
        conditional: "gaussians", mixtures of `n_components` for real data (Papamakarios et al. 2017), or
            "bernoulli" for data of 0 and 1, with standardise=False; log_prob is then that of a mass.
        floor: least standard deviation of a component, at the training scale.
        hidden: widths of the masked layers; below d − 1 the features just before the i-th reach its conditional
            linearly alone.
    """

    hidden: Sequence[int] = (128, 128)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.widths(self.hidden, "hidden")

    def _make_density(self, rng: torch.Generator) -> MaskedConditionals:
        return MaskedConditionals(self.n_features_in_, self._components, self.floor, hidden=self.hidden, rng=rng)
