"""The masked autoregressive flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import nn

from estimators.models.explicit.flow import FlowModel
from estimators.training.registry import models


@models.register("autoregressive-flow")
class AutoregressiveFlow(FlowModel):
    """The masked autoregressive flow (Papamakarios, Pavlakou & Murray 2017).

    A layer is y_i = e^{s_i(x_<i)} x_i + t_i(x_<i), with coefficients from a masked network (MADE), a
    triangular Jacobian, and the order of the features reversed from layer to layer. A density costs one
    pass, a sample about one too, in d steps a layer; the inverse autoregressive flow (Kingma, Salimans &
    Welling 2016) is the same map with the two exchanged. Widths of `hidden` below d − 1 are raised to it.
    Modes apart are bridged (Cornish et al. 2020): a part of its samples lies between those of the ring.
    """

    _stacks: ClassVar[bool] = True

    def _transforms(self, d: int) -> list[nn.Module]:
        import zuko

        return [
            zuko.flows.MaskedAutoregressiveTransform(
                d, order=ordered(d, i), hidden_features=widths_for_all(self.hidden, d)
            )
            for i in range(self.n_transforms)
        ]


def ordered(d: int, layer: int) -> torch.Tensor:
    """The order of d features in a layer: ascending in the even ones, descending in the odd ones."""
    return torch.arange(d) if layer % 2 == 0 else torch.arange(d).flip(0)


def widths_for_all(hidden: Sequence[int], d: int) -> list[int]:
    """Widths of at least d − 1: masks have that many degrees, and features whose own has no unit are not seen."""
    return [max(width, d - 1) for width in hidden]
