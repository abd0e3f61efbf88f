"""MMD GAN: a maximum mean discrepancy between learnt features."""

from __future__ import annotations

from typing import ClassVar

import torch

from estimators.kernels.cpu_rational import rational_quadratics
from estimators.models.gans.feature_kernel import FeatureKernelModel
from estimators.training.registry import models

#: Shapes of the mixture, those of Bińkowski et al. 2018.
ALPHAS = (0.2, 0.5, 1.0, 2.0, 5.0)


def rational_quadratic(squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """k(s) = Σ_α (1 + s/2α)^−α over the five `ALPHAS`, s = ‖x − y‖², with dk/ds and d²k/ds², elementwise.

    Its tails keep a gradient where a Gaussian kernel has none. Source: Bińkowski et al. 2018, equation 6.
    """
    squared = squared.detach()
    if squared.device.type == "cpu" and squared.dtype in (torch.float32, torch.float64):
        k, slope, bend = (torch.empty_like(squared, memory_format=torch.contiguous_format) for _ in range(3))
        rational_quadratics(*(part.reshape(-1).numpy() for part in (squared, k, slope, bend)))
        return k, slope, bend
    return summed_over_shapes(squared)


def summed_over_shapes(squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """`rational_quadratic`, shape by shape, of tensors on any device."""
    k, slope, bend = (torch.zeros_like(squared) for _ in range(3))
    for alpha in ALPHAS:
        inverse = 1 / (1 + squared / (2 * alpha))
        power = inverse**alpha
        k += power
        slope -= power * inverse / 2
        bend += power * inverse**2 * ((alpha + 1) / (4 * alpha))
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
