"""NADE: conditionals that share the weights from what was seen to the hidden units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn

from estimators.models.explicit.conditionals import Conditionals, ConditionalsModel
from estimators.networks import linear
from estimators.training import parameters
from estimators.training.registry import models


class SharedConditionals(Conditionals):
    """Coefficients of x_i = V_i relu(c + W_{<i} x_<i) + b_i: W and c are shared, V_i and b_i are not."""

    def __init__(self, n_features: int, n_components: int, floor: float, *, n_hidden: int, rng: torch.Generator):
        super().__init__(n_features, n_components, floor)
        seen = linear(n_features, n_hidden, rng)
        self.weight = nn.Parameter(seen.weight.detach().T.contiguous())
        self.bias = nn.Parameter(seen.bias.detach())
        heads = linear(n_hidden, n_features * self.n_coefficients, rng)
        self.spread(heads.bias.detach(), rng)
        self.heads = nn.Parameter(heads.weight.detach().view(n_features, self.n_coefficients, n_hidden))
        self.offsets = nn.Parameter(heads.bias.detach().view(n_features, self.n_coefficients))

    def coefficients(self, x: torch.Tensor) -> torch.Tensor:
        # What x_<i adds: the shares of the features before, cumulated, so that no bit of x_i is among them.
        shares = nn.functional.pad(x[:, :-1, None] * self.weight[:-1], (0, 0, 1, 0))
        hidden = torch.relu(self.bias + shares.cumsum(dim=1))
        return torch.einsum("bdh,dch->bdc", hidden, self.heads) + self.offsets

    def one_by_one(self, x: torch.Tensor) -> Iterator[torch.Tensor]:
        hidden = self.bias.repeat(len(x), 1)
        for i in range(self.n_features):
            if i:
                hidden.addr_(x[:, i - 1], self.weight[i - 1])
            yield torch.addmm(self.offsets[i], hidden.relu(), self.heads[i].T)


@models.register("nade")
@dataclass(kw_only=True, eq=False, repr=False)
class NADE(ConditionalsModel):
    """The neural autoregressive distribution estimator (Larochelle & Murray 2011; for real data Uria et al. 2013).

    p(x) = Π_i p(x_i | x_<i) in the order of the features, with coefficients V_i relu(c + W_{<i} x_<i) + b_i;
    by maximum likelihood. Arguments of its own
        conditional: "gaussians", mixtures of `n_components` for real data (RNADE), or "bernoulli" for
            data of 0 and 1, with standardise=False; log_prob is then that of a mass.
        floor: least standard deviation of a component, at the training scale.
        n_hidden: hidden units.
    """

    n_hidden: int = 128

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_hidden, "n_hidden")

    def _make_density(self, rng: torch.Generator) -> SharedConditionals:
        return SharedConditionals(self.n_features_in_, self._components, self.floor, n_hidden=self.n_hidden, rng=rng)
