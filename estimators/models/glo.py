"""Generative latent optimisation: a latent of its own for every datum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from estimators.training import parameters
from estimators.training.descent import adam, descend
from estimators.training.held_data import own_rows
from estimators.training.implicit_model import ImplicitModel
from estimators.training.registry import models
from estimators.training.seeding import drawn


def on_the_ball(z: torch.Tensor) -> torch.Tensor:
    """The nearest points of the unit ball, (…, k) ↦ (…, k): z/max(1, ‖z‖)."""
    return z / z.norm(dim=-1, keepdim=True).clamp_min(1)


@models.register("glo")
@dataclass(kw_only=True, eq=False, repr=False)
class GLO(ImplicitModel):
    """Generative latent optimisation (Bojanowski, Joulin, Lopez-Paz & Szlam 2018).

    min over G and over z_1, …, z_n in the unit ball of (1/n) Σᵢ ‖xᵢ − G(zᵢ)‖², with the squared distance alone (the
    authors add a Laplacian pyramid for photographs). A step takes a minibatch, one step of Adam in G, and
    for its data zᵢ ← P(zᵢ − latent_lr · ∇‖xᵢ − G(zᵢ)‖² / (1 + ‖∇‖)), P the projection to the ball and the
    quotient a bound of the step's length; `latent_lr` follows the schedule. Latents begin uniform on the sphere.
    `sample` draws z from the Gaussian with the mean and covariance of all zᵢ, projected to the ball, as the
    authors do but for the projection; the latents' law is not that Gaussian, and what lies between
    them was never trained: few of the ring's samples are good, with four layers and lr=0.01, which digits do not bear,
    some more. Arguments of its own
        latent_lr: longest step of a latent.
    Attribute after `start`: latents_ (n, latent_dim), in the order of the data.
    """

    _stacks: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = ("latents_",)

    latent_lr: float = 0.1
    steps: int = 4000

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.latent_lr, "latent_lr", least=0)

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _reset(self) -> None:
        self.latents_ = nn.functional.normalize(self._latents(len(self._data), self._rng))

    def _step(self, lr: float) -> dict[str, torch.Tensor]:
        n = self._data.shape[-2]
        chosen = drawn(self._rng, lambda stream: torch.randperm(n, generator=stream)[: self.batch_size])
        chosen = chosen.to(self.device_)
        z = own_rows(self.latents_, chosen).requires_grad_(True)
        squared = (self.generator_(z) - self._data_rows(chosen)).square().sum(dim=-1)
        (slope,) = torch.autograd.grad(squared.sum(), z, retain_graph=True)
        loss = squared.mean(dim=-1)
        descend(self.optimiser_, loss, lr)
        length = self.latent_lr * self._schedule_factor()
        moved = z.detach() - length * slope / (1 + slope.norm(dim=-1, keepdim=True))
        self.latents_.scatter_(-2, chosen[..., None].expand_as(moved), on_the_ball(moved))
        return {"loss": loss.detach()}

    def _draw(self, n: int, rng: torch.Generator) -> torch.Tensor:
        mean = self.latents_.mean(dim=0)
        centred = self.latents_ - mean
        values, vectors = torch.linalg.eigh(centred.T @ centred / len(centred))
        z = mean + (self._latents(n, rng) * values.clamp_min(0).sqrt()) @ vectors.T
        samples: torch.Tensor = self.generator_(on_the_ball(z))
        return samples
