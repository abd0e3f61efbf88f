"""What adversarial models share: a critic, and alternate steps of critic and generator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from estimators.networks import mlp_critic
from estimators.training import parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses


@dataclass(kw_only=True, eq=False, repr=False)
class AdversarialModel(ImplicitModel):
    """A generator trained against a critic D: R^d → R, or R^s; a step is `critic_steps` of D, then one of G.

    A subclass gives the two losses. Arguments besides those of `ImplicitModel`
        critic: a `torch.nn.Module` (b, d) → (b, 1), or (b, s) where the model compares features,
            copied; None makes a multilayer perceptron of `critic_hidden` widths (None: those of `hidden`).
        critic_lr: the critic's first learning rate; None means `lr`.
    """

    _networks: ClassVar[tuple[str, ...]] = ("generator_", "critic_")
    _optimisers: ClassVar[tuple[str, ...]] = ("optimiser_", "critic_optimiser_")

    critic: nn.Module | None = None
    critic_hidden: Sequence[int] | None = None
    critic_steps: int = 1
    critic_lr: float | None = None
    steps: int = 4000
    betas: tuple[float, float] = (0.5, 0.99)

    critic_: nn.Module = field(init=False)

    def _critic_outputs(self) -> int:
        """The width s of the critic's output."""
        return 1

    def _after_critic_step(self) -> None:
        """What each step of the critic ends with; nothing by default."""

    @abstractmethod
    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """What the critic minimises, with `samples` (…, b, d) held fixed; one value a seed."""

    @abstractmethod
    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        """What the generator minimises, at the present critic."""

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.critic is not None and not isinstance(self.critic, nn.Module):
            raise TypeError(f"critic is a {type(self.critic).__name__}; give a torch.nn.Module or None")
        if self.critic_hidden is not None:
            parameters.widths(self.critic_hidden, "critic_hidden")
        if self.critic_lr is not None:
            parameters.real(self.critic_lr, "critic_lr", above=0)
        parameters.count(self.critic_steps, "critic_steps")

    def _build_networks(self, rng: torch.Generator) -> None:
        super()._build_networks(rng)
        hidden = self.hidden if self.critic_hidden is None else self.critic_hidden
        width = self._critic_outputs()
        self.critic_ = self._module(
            "critic", self.critic, lambda: mlp_critic(self.n_features_in_, hidden, n_outputs=width, rng=rng)
        )
        self._probe("critic", self.critic_, self.n_features_in_, width)

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)
        self.critic_optimiser_ = adam(self.critic_, self.betas)

    def _step(self, lr: float) -> Losses:
        critic_lr = lr if self.critic_lr is None else self.critic_lr * self._schedule_factor()
        for _ in range(self.critic_steps):
            with torch.no_grad():
                samples = self.generator_(self._latents(self.batch_size, self._rng))
            critic_loss = self._critic_loss(self._minibatch(), samples)
            descend(self.critic_optimiser_, critic_loss, critic_lr)
            self._after_critic_step()
        generator_loss = self._generator_loss(self.generator_(self._latents(self.batch_size, self._rng)))
        descend(self.optimiser_, generator_loss, lr)
        return {"loss": generator_loss.detach(), "critic_loss": critic_loss.detach()}
