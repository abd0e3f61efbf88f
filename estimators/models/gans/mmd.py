"""MMD GAN: a maximum mean discrepancy between learnt features."""

from __future__ import annotations

from typing import ClassVar

import torch

from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models

#: Shapes of the mixture, those of Bińkowski et al. 2018.
ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)


def rational_quadratic(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Σ_α (1 + ‖xᵢ − yⱼ‖²/2α)^−α over the five `ALPHAS`, (…, n, m), for x (…, n, s) and y (…, m, s).

    Its tails keep a gradient where a Gaussian kernel has none. Source: Bińkowski et al. 2018, equation 6.
    """
    squared = (x[..., :, None, :] - y[..., None, :, :]).square().sum(dim=-1)
    return torch.stack([(1 + squared / (2 * alpha)) ** -alpha for alpha in ALPHAS]).sum(dim=0)


@models.register("mmd-gan")
class MMDGAN(FeatureKernelModel):
    """The MMD GAN (Li et al. 2017; Bińkowski, Sutherland, Arbel & Gretton 2018) with rational quadratic kernels.

    min over G, max over h of MMD²(h(x), h(G(z))), with the witness's gradient penalty of the latter
    paper: D² of the base class at k = Σ_α (1 + ‖·‖²/2α)^−α. A fixed h is `GMMN`.
    """

    _stacks: ClassVar[bool] = True

    def _kernel(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return rational_quadratic(x, y)
