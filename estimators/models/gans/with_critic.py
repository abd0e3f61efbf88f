"""What every model with a critic takes: the critic, its widths, its steps and their length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from estimators.training import parameters
from estimators.training.descent import adam
from estimators.training.implicit_model import ImplicitModel


@dataclass(kw_only=True, eq=False, repr=False)
class WithCritic(ImplicitModel):
    """A generator and a critic, each with Adam of its own; what the critic looks at, a subclass says.

    Arguments besides those of `ImplicitModel`
        critic: a `torch.nn.Module`, copied; None makes a multilayer perceptron of `critic_hidden` widths (None: those
            of `hidden`). critic_steps: of the critic, before each of the generator.
        critic_lr: the critic's first learning rate; None means `lr`.
    """

    _networks: ClassVar[tuple[str, ...]] = ("generator_", "critic_")
    _optimisers: ClassVar[tuple[str, ...]] = ("optimiser_", "critic_optimiser_")

    critic: nn.Module | None = None
    critic_hidden: Sequence[int] | None = None
    critic_steps: int = 1
    critic_lr: float | None = None

    critic_: nn.Module = field(init=False)

    def _critic_lr(self, lr: float) -> float:
        """The critic's learning rate where the generator's is `lr`."""
        return lr if self.critic_lr is None else self.critic_lr * self._schedule_factor()

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.critic is not None and not isinstance(self.critic, nn.Module):
            raise TypeError(f"critic is a {type(self.critic).__name__}; give a torch.nn.Module or None")
        if self.critic_hidden is not None:
            parameters.widths(self.critic_hidden, "critic_hidden")
        if self.critic_lr is not None:
            parameters.real(self.critic_lr, "critic_lr", above=0)
        parameters.count(self.critic_steps, "critic_steps")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)
        self.critic_optimiser_ = adam(self.critic_, self.betas)
