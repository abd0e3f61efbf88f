"""NICE: additive coupling, which keeps volume, and one scale a feature."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from estimators.models.explicit.flow import FlowModel
from estimators.training.registry import models


@models.register("nice")
class NICE(FlowModel):
    """Non-linear independent components estimation (Dinh, Krueger & Bengio 2015).

    A layer adds to one half of the features a network's function of the other half, y_b = x_b + m(x_a),
    with halves that alternate; the last scales each feature, y_i = e^{s_i} x_i + t_i, so that log |det ∂T/∂x| = Σ sᵢ
    for every x. With one feature it is a Gaussian. Modes apart are bridged (Cornish et al. 2020): a part of its
    samples lies between those of the ring.
    """

    _stacks: ClassVar[bool] = True

    def _transforms(self, d: int) -> list[nn.Module]:
        import zuko

        scale = zuko.lazy.UnconditionalTransform(
            zuko.transforms.MonotonicAffineTransform, torch.zeros(d), torch.zeros(d)
        )
        if d == 1:
            return [scale]
        return [
            *(
                zuko.flows.coupling.GeneralCouplingTransform(
                    d,
                    mask=torch.arange(d) % 2 == i % 2,
                    univariate=zuko.transforms.AdditiveTransform,
                    shapes=[()],
                    hidden_features=self.hidden,
                )
                for i in range(self.n_transforms)
            ),
            scale,
        ]
