"""The variational autoencoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from estimators.networks import mlp
from estimators.training import parameters
from estimators.training.descent import adam, descend
from estimators.training.evidence import EvidenceBound
from estimators.training.explicit_model import in_double
from estimators.training.registry import models

#: σ before training, at the training scale: from 1 the encoder's noise drowns what z would tell, and never says more.
FIRST_SCALE = 0.1


def normal_log_density(x: torch.Tensor, mean: torch.Tensor, log_scale: torch.Tensor) -> torch.Tensor:
    """log N(x; mean, e^{2 log_scale} I), (…, d) ↦ (…,), in nats; `log_scale` broadcasts."""
    z = (x - mean) * (-log_scale).exp()
    return (-0.5 * z.square() - log_scale - 0.5 * math.log(2 * math.pi)).sum(dim=-1)


def kl_to_standard_normal(mean: torch.Tensor, log_scale: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, e^{2 log_scale} I) ‖ N(0, I)), (…, k) ↦ (…,), in nats. Source: Kingma & Welling 2014, appendix B."""
    return 0.5 * (mean.square() + (2 * log_scale).exp() - 1 - 2 * log_scale).sum(dim=-1)


class Observation(nn.Module):
    """The standard deviation σ = √(floor² + e^{2s}) of what is observed about the decoder's value; s is learnt."""

    pure = True

    def __init__(self, floor: float):
        super().__init__()
        self.floor = floor
        self.raw = nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))

    def log_scale(self) -> torch.Tensor:
        return 0.5 * torch.logaddexp(2 * self.raw, torch.full_like(self.raw, 2 * math.log(self.floor)))

    def forward(self, decoded: torch.Tensor) -> torch.Tensor:
        """log σ at every feature of what was decoded."""
        return self.log_scale().expand_as(decoded)


@models.register("vae")
@dataclass(kw_only=True, eq=False, repr=False)
class VAE(EvidenceBound):
    """The variational autoencoder (Kingma & Welling 2014; Rezende, Mohamed & Wierstra 2014).

    p(x) = ∫ N(x; G(z), σ²I) N(z; 0, I) dz, an encoder q(z|x) = N(μ(x), diag e^{2s(x)}), and one σ, learnt
    (Rybkin, Daniilidis & Levine 2021). Adam descends −E_q log N(x; G(z), σ²I) + KL(q(z|x) ‖ N(0, I)) in all of
    them. p(x) has no closed form: `evidence_bound` gives the importance-weighted bound
    E log (1/K) Σ_k p(x, z_k)/q(z_k|x), z_k ~ q, which rises with K = n_draws towards log p(x) (Burda, Grosse &
    Salakhutdinov 2016); at K = 1 its mean is the negative loss. Samples are G(z) + σε. Arguments of its own
        encoder_hidden: widths of the encoder; None takes `hidden`. floor: least σ, at the training scale.
    It takes no `precision`: training is in float32.
    `history_` has `loss` in nats at the training scale, `reconstruction` and `kl`, its two parts.
    """

    _stacks: ClassVar[bool] = True
    _networks: ClassVar[tuple[str, ...]] = ("generator_", "encoder_", "observation_")
    _bound = "importance-weighted bound"

    encoder_hidden: Sequence[int] | None = None
    floor: float = 1e-3
    steps: int = 4000
    precision: str = field(init=False)  # no parameter here

    encoder_: nn.Module = field(init=False)
    observation_: Observation = field(init=False)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.encoder_hidden is not None:
            parameters.widths(self.encoder_hidden, "encoder_hidden")
        parameters.real(self.floor, "floor", above=0)

    def _build_networks(self, rng: torch.Generator) -> None:
        super()._build_networks(rng)
        widths = self.hidden if self.encoder_hidden is None else self.encoder_hidden
        self.encoder_ = mlp((self.n_features_in_, *widths, 2 * self.latent_dim), rng=rng).to(self.device_)
        self.observation_ = Observation(self.floor).to(self.device_)

    def _build_optimisers(self) -> None:
        trained = (self.generator_, self.encoder_, self.observation_)
        self.optimiser_ = adam(nn.ModuleList(trained), self.betas)

    def _step(self, lr: float) -> dict[str, torch.Tensor]:
        data = self._minibatch()
        mean, log_scale = self.encoder_(data).chunk(2, dim=-1)
        z = mean + log_scale.exp() * self._latents(self.batch_size, self._rng)
        decoded = self.generator_(z)
        log_density = normal_log_density(data, decoded, self.observation_(decoded))
        reconstruction, kl = -log_density.mean(dim=-1), kl_to_standard_normal(mean, log_scale).mean(dim=-1)
        loss = reconstruction + kl
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach(), "reconstruction": reconstruction.detach(), "kl": kl.detach()}

    def _draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        samples = super()._draw(n, rng)
        noise = torch.randn(samples.shape, generator=rng).to(self.device_)
        return samples + self.observation_.log_scale().exp() * noise

    def _evidence(self, x: torch.Tensor, n_draws: int, rng: torch.Generator) -> torch.Tensor:
        encoder, decoder, observation = (
            in_double(self.encoder_),
            in_double(self.generator_),
            in_double(self.observation_),
        )
        mean, log_scale = (part[:, None] for part in encoder(x).chunk(2, dim=1))
        noise = torch.randn(len(x), n_draws, self.latent_dim, generator=rng, dtype=torch.float64).to(self.device_)
        z = mean + log_scale.exp() * noise
        decoded = decoder(z.flatten(0, 1)).view(len(x), n_draws, -1)
        joint = normal_log_density(x[:, None], decoded, observation.log_scale())
        joint = joint + normal_log_density(z, z.new_zeros(()), z.new_zeros(()))
        weights = joint - normal_log_density(z, mean, log_scale)
        return weights.logsumexp(dim=1) - math.log(n_draws)
