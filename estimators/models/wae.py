"""The Wasserstein autoencoder with a kernel penalty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from estimators.kernel_sums import mean_kernel, mean_kernel_within
from estimators.networks import mlp
from estimators.training import parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel
from estimators.training.registry import models

#: Shares of the widest scale in the sum of kernels, those of the authors' code.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def latent_penalty(codes: torch.Tensor, prior: torch.Tensor) -> torch.Tensor:
    """The unbiased estimate of MMD² between codes (…, n, k) and draws of N(0, I) (…, m, k), Σ_s C_s/(C_s + ‖·‖²).

    C_s = 2ks, s in `SCALES`: twice the mean squared norm of a draw at s = 1. It may be negative.
    Source: Tolstikhin et al. 2018, section 4.
    """

    def kernel(squared: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        value, slope = torch.zeros_like(squared), torch.zeros_like(squared)
        for scale in SCALES:
            width = 2 * codes.shape[-1] * scale
            share = width / (width + squared)
            value += share
            slope.addcmul_(share, share, value=-1 / width)
        return value, slope

    among = mean_kernel_within(kernel, codes) + mean_kernel_within(kernel, prior)
    return among - 2 * mean_kernel(kernel, codes, prior)


@models.register("wae")
@dataclass(kw_only=True, eq=False, repr=False)
class WAE(ImplicitModel):
    """The Wasserstein autoencoder with MMD penalty (Tolstikhin, Bousquet, Gelly & Schölkopf 2018), Algorithm 2.

    Adam descends E‖x − G(E(x))‖² + `penalty` · MMD²(E(x), N(0, I)) in the decoder G and an encoder E
    without noise. Were the codes exactly normal, the first term would bound W₂² between data and samples. No
    likelihood and no bound on it: samples are G(z), a law on a surface of `latent_dim` dimensions. Codes without noise
    lie on a surface of the data's own dimension: with more latents than that most of the prior is never decoded in
    training (Rubenstein, Schölkopf & Tolstikhin 2018). On the ring of the plane few samples are good at
    latent_dim=4, more at 2 with hidden=(64, 64, 64, 64) and lr=0.01; digits want the defaults. Arguments
    of its own
        encoder_hidden: widths of the encoder; None takes `hidden`. penalty: weight of the MMD².
    `history_` has `loss`, `reconstruction` (squared distance at the training scale) and `mmd`.
    """

    _stacks: ClassVar[bool] = True
    _networks: ClassVar[tuple[str, ...]] = ("generator_", "encoder_")

    encoder_hidden: Sequence[int] | None = None
    penalty: float = 10.0
    steps: int = 3000

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.batch_size, "batch_size", least=2)  # an unbiased estimate needs a pair
        if self.encoder_hidden is not None:
            parameters.widths(self.encoder_hidden, "encoder_hidden")
        parameters.real(self.penalty, "penalty", least=0)

    def _build_networks(self, rng: torch.Generator) -> None:
        super()._build_networks(rng)
        widths = self.hidden if self.encoder_hidden is None else self.encoder_hidden
        self.encoder_ = mlp((self.standardisation_.width, *widths, self.latent_dim), rng=rng).to(self.device_)

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(nn.ModuleList([self.generator_, self.encoder_]), self.betas)

    def _step(self, lr: float) -> dict[str, torch.Tensor]:
        data = self._minibatch()
        codes = self.encoder_(data)
        reconstruction = (self.generator_(codes) - data).square().sum(dim=-1).mean(dim=-1)
        mmd = latent_penalty(codes, self._latents(self.batch_size, self._rng))
        loss = reconstruction + self.penalty * mmd
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach(), "reconstruction": reconstruction.detach(), "mmd": mmd.detach()}
