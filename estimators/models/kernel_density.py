"""A generator whose samples are as likely as can be under a kernel density estimate of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.first_derivatives import followed
from estimators.training import parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.registry import models


def kernel_density_loss(samples: torch.Tensor, data: torch.Tensor, bandwidth: float) -> torch.Tensor:
    """−(1/b) Σⱼ log p_h(x̃ⱼ), p_h(x) = (1/n) Σᵢ N(x; xᵢ, h²I), for `samples` (…, b, d), `data` (…, n, d), in nats.

    Its gradient is that of the formula, (x − m(x))/bh² with m the mean of the data under the shares of x's kernels:
    no graph over all pairs, and no second derivatives, which raise RuntimeError. Source: Parzen 1962; the kernel
    density discriminator of Li & Malik 2018's talk.
    """
    with torch.no_grad():
        # Expanding ‖x − y‖² cancels only where it is far below the rows' norms, and data are centred in training.
        halves = data.square().sum(dim=-1)[..., None, :] / 2
        exponents = (samples @ data.mT).sub_(halves).mul_(bandwidth**-2)
        highest = exponents.amax(dim=-1, keepdim=True)
        kernels = exponents.sub_(highest).exp_()
        total = kernels.sum(dim=-1, keepdim=True)
        mean = kernels @ data / total
        log_kernel = (highest + total.log())[..., 0] - samples.square().sum(dim=-1) / (2 * bandwidth**2)
    constant = math.log(data.shape[-2]) + 0.5 * data.shape[-1] * math.log(2 * math.pi * bandwidth * bandwidth)
    slope = (samples.detach() - mean) / bandwidth**2
    return followed(samples, constant - log_kernel, slope).mean(dim=-1)


@models.register("kde-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class KernelDensityGAN(ImplicitModel):
    """A generator against a discriminator that is a kernel density estimate of the data.

    max over G of E_z log p_h(G(z)): each step draws `batch_size` samples and descends
    −(1/b) Σ log p_h(G(z_j)) by Adam, at O(n d) a sample. The best generator returns the highest mode of
    p_h alone: maximising the likelihood of the *samples* under the data is KL(samples, data) without its
    entropy. It is the row that shows such collapse. Arguments of its own
        bandwidth: h at the training scale.
    `history_` has `loss`, in nats.
    Source: Parzen 1962; Li & Malik, “Implicit Maximum Likelihood Estimation” (talk, 2018).
    """

    _stacks: ClassVar[bool] = True

    hidden: Sequence[int] = (64, 64, 64, 64)
    bandwidth: float = 0.2

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.bandwidth, "bandwidth", above=0)

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _step(self, lr: float) -> Losses:
        samples = self.generator_(self._latents(self.batch_size, self._rng))
        loss = kernel_density_loss(samples, self._data, self.bandwidth)
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach()}
