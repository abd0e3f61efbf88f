"""What adversarial models share: a critic, and alternate steps of critic and generator."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch

from estimators.models.gans.with_critic import WithCritic
from estimators.networks import mlp_critic
from estimators.training.descent import descend
from estimators.training.implicit_model import Losses


@dataclass(kw_only=True, eq=False, repr=False)
class AdversarialModel(WithCritic):
    """A generator trained against a critic D: R^d → R, or R^s; a step is `critic_steps` of D, then one of G.

    A subclass gives the two losses. The critic is called with (b, d) and returns (b, 1), or (b, s) where the model
    compares features.
    """

    steps: int = 4000
    betas: tuple[float, float] = (0.5, 0.99)

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

    def _build_networks(self, rng: torch.Generator) -> None:
        super()._build_networks(rng)
        hidden = self.hidden if self.critic_hidden is None else self.critic_hidden
        width = self._critic_outputs()
        self.critic_ = self._module(
            "critic", self.critic, lambda: mlp_critic(self.standardisation_.width, hidden, n_outputs=width, rng=rng)
        )
        self._probe("critic", self.critic_, self.standardisation_.width, width)

    def _step(self, lr: float) -> Losses:
        critic_lr = self._critic_lr(lr)
        for _ in range(self.critic_steps):
            with torch.no_grad():
                samples = self.generator_(self._latents(self.batch_size, self._rng))
            critic_loss = self._critic_loss(self._minibatch(), samples)
            descend(self.critic_optimiser_, critic_loss, critic_lr)
            self._after_critic_step()
        generator_loss = self._generator_loss(self.generator_(self._latents(self.batch_size, self._rng)))
        descend(self.optimiser_, generator_loss, lr)
        return {"loss": generator_loss.detach(), "critic_loss": critic_loss.detach()}
