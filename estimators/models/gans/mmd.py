"""MMD GAN: a maximum mean discrepancy between learnt features."""

from __future__ import annotations

from typing import ClassVar

import torch

from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models

#: Shapes of the mixture, those of Bińkowski et al. 2018.
ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)


def rational_quadratic(squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """k(s) = Σ_α (1 + s/2α)^−α over the five `ALPHAS`, s = ‖x − y‖², with dk/ds and d²k/ds², elementwise.

    Its tails keep a gradient where a Gaussian kernel has none. Source: Bińkowski et al. 2018, equation 6.
    """
    k, slope, bend = (torch.zeros_like(squared) for _ in range(3))
    for alpha in ALPHAS:
        inverse = (squared / (2 * alpha)).add_(1).reciprocal_()
        power = inverse**alpha
        k += power
        power *= inverse
        slope -= power / 2
        power *= inverse
        bend += power * ((alpha + 1) / (4 * alpha))
    return k, slope, bend


@models.register("mmd-gan")
class MMDGAN(FeatureKernelModel):
    """The MMD GAN (Li et al. 2017; Bińkowski, Sutherland, Arbel & Gretton 2018) with rational quadratic kernels.

    min over G, max over h of MMD²(h(x), h(G(z))), with the witness's gradient penalty of the latter
    paper: D² of the base class at k = Σ_α (1 + ‖·‖²/2α)^−α. A fixed h is `GMMN`.
    """

    _stacks: ClassVar[bool] = True

    def _kernel(self, squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return rational_quadratic(squared)
