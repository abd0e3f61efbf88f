"""Cramér GAN: the energy distance between learnt features."""

from __future__ import annotations

from typing import ClassVar

import torch

from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models


def negative_distance(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """−‖xᵢ − yⱼ‖, (…, n, m), for x (…, n, s) and y (…, m, s): the kernel of which D² is the squared energy distance.

    By differences, with gradient 0 where two rows coincide; torch's own `cdist` has no second derivative, which the
    gradient penalty needs.
    """
    squared = (x[..., :, None, :] - y[..., None, :, :]).square().sum(dim=-1)
    return -squared.clamp_min(torch.finfo(squared.dtype).tiny).sqrt()


@models.register("cramer-gan")
class CramerGAN(FeatureKernelModel):
    """The Cramér GAN (Bellemare, Danihelka, Dabney, Mohamed, Lakshminarayanan, Hoyer & Munos 2017).

    min over G, max over h of ℰ²(h(x), h(G(z))) = 2E‖h − g‖ − E‖h − h′‖ − E‖g − g′‖: D² of the base
    class at k = −‖·‖, whose sample gradients have no bias. The paper drops a term from the critic's
    loss; here both players have the whole distance.
    """

    _stacks: ClassVar[bool] = True

    def _kernel(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return negative_distance(x, y)
