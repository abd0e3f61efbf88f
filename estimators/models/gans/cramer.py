"""Cramér GAN: the energy distance between learnt features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models


@models.register("cramer-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class CramerGAN(FeatureKernelModel):
    """The Cramér GAN (Bellemare, Danihelka, Dabney, Mohamed, Lakshminarayanan, Hoyer & Munos 2017).

    min over G, max over h of ℰ²(h(x), h(G(z))) = 2E‖h − g‖ − E‖h − h′‖ − E‖g − g′‖: D² of the base
    class at k = −‖·‖, whose sample gradients have no bias. The paper drops a term from the critic's
    loss; here both players have the whole distance.
    """

    _stacks: ClassVar[bool] = True

    lr: float = 1e-2

    def _kernel(self, squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        slope = squared.rsqrt().mul_(-0.5)
        return 2 * squared * slope, slope, -0.5 * slope / squared
