"""A denoising diffusion model on vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from estimators.models.explicit.vae import normal_log_density
from estimators.networks import mlp
from estimators.training import parameters
from estimators.training.descent import descend
from estimators.training.evidence import EvidenceBound
from estimators.training.explicit_model import PrescribedModel, in_double
from estimators.training.registry import models
from estimators.training.seeding import drawn

#: No β above this, so that the last steps do not take all of the signal at once (Nichol & Dhariwal 2021).
LARGEST_BETA = 0.999


def cosine_betas(n: int) -> torch.Tensor:
    """β_1 … β_n, (n,) float64: β_t = 1 − f(t)/f(t−1), f(t) = cos²(π/2 · (t/n + 0.008)/1.008), at most 0.999.

    Source: Nichol & Dhariwal 2021, equation 17.
    """
    f = torch.cos(math.pi / 2 * (torch.arange(n + 1, dtype=torch.float64) / n + 0.008) / 1.008).square()
    return (1 - f[1:] / f[:-1]).clamp_max(LARGEST_BETA)


class Denoiser(nn.Module):
    """ε(x, t), the noise in x (b, d) at times t (b,) in 1 … n: a perceptron of x and of sines and cosines of t."""

    pure = True
    frequencies: torch.Tensor

    def __init__(self, n_features: int, n_times: int, hidden: Sequence[int], rng: torch.Generator):
        super().__init__()
        self.n_times = n_times
        self.register_buffer("frequencies", math.pi * 2.0 ** torch.arange(4))
        self.net = mlp((n_features + 2 * 4, *hidden, n_features), rng=rng)

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        angles = (t / self.n_times).to(x.dtype)[:, None] * self.frequencies
        found: torch.Tensor = self.net(torch.cat([x, angles.sin(), angles.cos()], dim=1))
        return found


@models.register("ddpm")
@dataclass(kw_only=True, eq=False, repr=False)
class DDPM(PrescribedModel, EvidenceBound):
    """The denoising diffusion probabilistic model (Ho, Jain & Abbeel 2020; Sohl-Dickstein et al. 2015), on vectors.

    Noise comes in `n_times` steps q(x_t|x_{t−1}) = N(√(1−β_t) x_{t−1}, β_t I) on the cosine schedule; with
    ᾱ_t = Π (1 − β_s), x_t = √ᾱ_t x_0 + √(1−ᾱ_t) ε. Adam descends E‖ε − ε_θ(x_t, t)‖²/d over uniform t. A sample goes
    back from x_T ~ N(0, I) by p(x_{t−1}|x_t) = N(m_t(x̂_0, x_t), β_t I), where m_t(x_0, x_t) is the mean of
    q(x_{t−1}|x_t, x_0) and x̂_0 = (x_t − √(1−ᾱ_t) ε_θ)/√ᾱ_t, clipped to the range of the data: `n_times` passes.
    `evidence_bound` is the variational bound −KL(q(x_T|x_0) ‖ N(0, I)) − Σ_t KL(q(x_{t−1}|x_t, x_0) ‖ p(x_{t−1}|x_t))
    + log p(x_0|x_1) in expectation (theirs, equation 5), which the unweighted loss does not maximise: it is valid and
    not tight. Arguments of its own
        n_times: T. hidden: widths of the denoiser. betas: Adam's decay rates (the β_t are no argument).
    Attribute after `start`: reach_, the largest |x| of the data at the training scale.
    """

    _stacks: ClassVar[bool] = True
    _networks: ClassVar[tuple[str, ...]] = ("denoiser_",)
    _between_steps: ClassVar[tuple[str, ...]] = ("reach_",)
    _bound = "variational bound"

    n_times: int = 100
    hidden: Sequence[int] = (128, 128, 128)
    steps: int = 4000

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_times, "n_times", least=2)
        parameters.widths(self.hidden, "hidden")

    def _build_networks(self, rng: torch.Generator) -> None:
        self.denoiser_ = Denoiser(self.n_features_in_, self.n_times, self.hidden, rng).to(self.device_)
        # What is left of the signal after t steps, t = 0 … T: ᾱ_0 = 1.
        self._beta = torch.cat([torch.zeros(1, dtype=torch.float64), cosine_betas(self.n_times)]).to(self.device_)
        self._alpha_bar = (1 - self._beta).cumprod(dim=0)

    def _step(self, lr: float) -> dict[str, torch.Tensor]:
        data = self._minibatch()
        b, d = data.shape[-2:]
        t = drawn(self._rng, lambda stream: torch.randint(1, self.n_times + 1, (b,), generator=stream)).to(self.device_)
        noise = drawn(self._rng, lambda stream: torch.randn(b, d, generator=stream)).to(self.device_)
        kept = self._alpha_bar[t][..., None].to(data.dtype)
        noised = kept.sqrt() * data + (1 - kept).sqrt() * noise
        loss = (self.denoiser_(noised, t) - noise).square().mean(dim=(-2, -1))
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach()}

    def _reset(self) -> None:
        self.reach_ = float(self._data.abs().max())

    def _mean_before(self, x_0: torch.Tensor, x_t: torch.Tensor, t: int) -> torch.Tensor:
        """The mean of q(x_{t−1} | x_t, x_0), (b, d). Source: Ho et al. 2020, equation 7."""
        beta, kept, kept_before = self._beta[t], self._alpha_bar[t], self._alpha_bar[t - 1]
        of_data = (kept_before.sqrt() * beta / (1 - kept)).to(x_0.dtype)
        of_noised = ((1 - beta).sqrt() * (1 - kept_before) / (1 - kept)).to(x_0.dtype)
        return of_data * x_0 + of_noised * x_t

    def _backward_mean(self, denoiser: nn.Module, x: torch.Tensor, t: int) -> torch.Tensor:
        """The mean of p(x_{t−1} | x_t), (b, d), for x_t (b, d)."""
        kept = self._alpha_bar[t].to(x.dtype)
        noise = denoiser(x, torch.full((len(x),), t, device=x.device))
        data = (x - (1 - kept).sqrt() * noise) / kept.sqrt()
        return self._mean_before(data.clamp(-self.reach_, self.reach_), x, t)

    def _draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        x = torch.randn(n, self.n_features_in_, generator=rng).to(self.device_)
        for t in range(self.n_times, 0, -1):
            noise = torch.randn(x.shape, generator=rng).to(self.device_)
            x = self._backward_mean(self.denoiser_, x, t) + self._beta[t].sqrt().float() * noise
        return x

    def _evidence(self, x: torch.Tensor, n_draws: int, rng: torch.Generator) -> torch.Tensor:
        denoiser = in_double(self.denoiser_)
        x = x.repeat_interleave(n_draws, dim=0)
        beta, kept = self._beta, self._alpha_bar

        def noised(t: int) -> torch.Tensor:
            noise = torch.randn(x.shape, generator=rng, dtype=torch.float64).to(x.device)
            return kept[t].sqrt() * x + (1 - kept[t]).sqrt() * noise

        last = kept[-1]
        bound = -0.5 * (last * x.square() - last - torch.log1p(-last)).sum(dim=1)
        for t in range(2, self.n_times + 1):
            x_t = noised(t)
            posterior_variance = (1 - kept[t - 1]) / (1 - kept[t]) * beta[t]
            ratio = posterior_variance / beta[t]
            apart = (self._mean_before(x, x_t, t) - self._backward_mean(denoiser, x_t, t)).square() / beta[t]
            bound = bound - 0.5 * (ratio - 1 - ratio.log() + apart).sum(dim=1)
        first = self._backward_mean(denoiser, noised(1), 1)
        bound = bound + normal_log_density(x, first, 0.5 * beta[1].log())
        return bound.view(-1, n_draws).mean(dim=1)
