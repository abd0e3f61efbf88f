"""The increasing triangular map from the data to the standard normal law, learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch
from torch import nn

from estimators.models.explicit.autoregressive_flow import ordered, widths_for_all
from estimators.models.explicit.flow import FlowModel
from estimators.training import loop, parameters
from estimators.training.explicit_model import Density
from estimators.training.registry import models

#: The least slope of a spline, and the width of what the masked network tells a neural map: zuko's defaults.
LEAST_SLOPE, SIGNAL = 1e-3, 16
#: Where zuko looks for the inverse of a neural map, in units of the training scale.
REACH = 10.0


@models.register("triangular-flow")
@dataclass(kw_only=True, eq=False, repr=False)
class TriangularFlow(FlowModel):
    """One increasing triangular map T_k(x_1, …, x_k), increasing in x_k, with T # p = N(0, I): Knothe–Rosenblatt's.

    By maximum likelihood, log p(x) = Σ_k log N(T_k(x)) + log ∂T_k/∂x_k; the best one is unique (Bogachev,
    Kolesnikov & Medvedev 2005; Marzouk, Moselhy, Parno & Spantini 2016). Arguments besides those of
    the other flows
        univariate: what T_k is in x_k, with coefficients from a masked network of x_<k. "spline", a monotone
            rational quadratic one with `n_bins` bins on [−5, 5] and the identity beyond, inverted in
            closed form (Durkan et al. 2019); or "neural", the integral of a positive network by
            quadrature, inverted by bisection in [−10, 10] (Wehenkel & Louppe 2019), dear in high dimension.
        n_bins: bins of a spline.
    `sample` raises `Diverged` where a bisection ends at its border, which is no inverse. n_transforms is 1 for the map
    of the theorem; more compose several, which need not be triangular. Widths of `hidden` below d − 1 are raised to it.
    Modes apart are bridged (Cornish et al. 2020): a part of its samples lies between those of the ring.
    """

    _stacks: ClassVar[bool] = True

    univariate: str = "spline"
    n_bins: int = 16
    n_transforms: int = 1
    hidden: Sequence[int] = (128, 128)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.choice(self.univariate, "univariate", ("spline", "neural"))
        parameters.count(self.n_bins, "n_bins", least=2)

    def _transforms(self, d: int) -> list[nn.Module]:
        return [self._triangular(d, i) for i in range(self.n_transforms)]

    def _make_density(self, rng: torch.Generator) -> Density:
        density = super()._make_density(rng)
        density.pure = self.univariate == "spline"  # zuko's integral has a derivative of its own, which no map takes
        return density

    def _triangular(self, d: int, layer: int) -> nn.Module:
        import zuko

        if self.univariate == "spline":
            univariate, k = partial(zuko.transforms.MonotonicRQSTransform, slope=LEAST_SLOPE), self.n_bins
            shapes: list[tuple[int, ...]] = [(k,), (k,), (k - 1,)]
        else:
            univariate = zuko.flows.neural.UMNN(signal=SIGNAL, stack=d, hidden_features=(64, 64))
            shapes = [(SIGNAL,), ()]
        made: nn.Module = zuko.flows.MaskedAutoregressiveTransform(
            d,
            order=ordered(d, layer),
            univariate=univariate,
            shapes=shapes,
            hidden_features=widths_for_all(self.hidden, d),
        )
        return made

    def _draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        samples = super()._draw(n, rng)
        # Bisection halves [−REACH, REACH] until it is 1e-6 wide, and ends at a border where there is no root within.
        if self.univariate == "neural" and bool((samples.abs() > REACH - 1e-3).any()):
            raise loop.Diverged(
                f"T takes a value of the noise nowhere in [−{REACH:g}, {REACH:g}]",
                step=self.step_, lr=self.lr, remedy="train longer, or give univariate='spline'",
            )  # fmt: skip
        return samples
