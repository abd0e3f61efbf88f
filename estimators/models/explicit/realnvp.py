"""RealNVP: affine coupling."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from estimators.models.explicit.flow import FlowModel
from estimators.training.registry import models


@models.register("realnvp")
class RealNVP(FlowModel):
    """Real-valued non-volume-preserving transformations (Dinh, Sohl-Dickstein & Bengio 2017).

    A layer maps one half of the features by an affine map whose coefficients are a network's
    function of the other half, y_b = e^{s(x_a)} x_b + t(x_a), with halves that alternate;
    log |det ∂T/∂x| = Σ s. e^s lies between 10⁻³ and 10³. With one feature it is a Gaussian.
    Modes apart are bridged (Cornish et al. 2020): a part of its samples lies between those of the ring,
    a smaller one with more transformations.
    """

    _stacks: ClassVar[bool] = True

    def _transforms(self, d: int) -> list[nn.Module]:
        import zuko

        return [
            zuko.flows.coupling.GeneralCouplingTransform(
                d, mask=torch.arange(d) % 2 == i % 2, hidden_features=self.hidden
            )
            for i in range(self.n_transforms)
        ]
