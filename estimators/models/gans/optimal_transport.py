"""OT-GAN: optimal transport between minibatches, with a cost that is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import nn

from estimators.entropic_cost import entropic_cost
from estimators.models.gans.adversarial import AdversarialModel
from estimators.training import loop, parameters
from estimators.training.descent import descend
from estimators.training.implicit_model import Losses
from estimators.training.registry import models

#: Signs of the six transport costs, between X and Y, X and Y′, X′ and Y, X′ and Y′, X and X′, Y and Y′.
SIGNS = (1.0, 1.0, 1.0, 1.0, -2.0, -2.0)


def cosine_cost(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """1 − ⟨xᵢ, yⱼ⟩/‖xᵢ‖‖yⱼ‖, in [0, 2], for x (…, n, s) and y (…, m, s), ↦ (…, n, m). A row of zeros costs 1."""
    x, y = (nn.functional.normalize(rows, dim=-1) for rows in (x, y))
    return 1 - x @ y.mT


def minibatch_energy_loss(
    data: torch.Tensor, samples: torch.Tensor, epsilon: float, tolerance: float = 1e-4, max_iter: int = 1000
) -> torch.Tensor:
    """W(X, Y) + W(X, Y′) + W(X′, Y) + W(X′, Y′) − 2W(X, X′) − 2W(Y, Y′): twice the minibatch energy distance, squared.

    X, X′ are the halves of `data` (…, 2b, s), Y, Y′ those of `samples` (…, 2b, s): features of independent minibatches.
    W is the entropic transport OT_ε under `cosine_cost`, its term ε KL included, so that the gradient is that of ⟨π, c⟩
    at the best couplings, held, as the authors take it. For equal laws its mean is 0 whatever b: what a minibatch's
    transport is too large by cancels. ↦ (…,). Raises ValueError for halves that are not of one size, and NotConverged
    as `entropic_cost` does.
    Source: Salimans, Zhang, Radford & Metaxas 2018, equations 5 and 7 and Algorithm 1.
    """
    for name, rows in (("data", data), ("samples", samples)):
        if rows.shape[-2] % 2 or rows.shape[-2] != data.shape[-2]:
            raise ValueError(
                f"{name} has {rows.shape[-2]} rows, and data {data.shape[-2]}: pass two minibatches of one size in "
                "each, an even number of rows, the same in both"
            )
    (x, x2), (y, y2) = data.chunk(2, dim=-2), samples.chunk(2, dim=-2)
    costs = cosine_cost(torch.stack([x, x, x2, x2, x, y], dim=-3), torch.stack([y, y2, y, y2, x2, y2], dim=-3))
    found = entropic_cost(costs, epsilon, tolerance, max_iter)
    return (found * found.new_tensor(SIGNS)).sum(dim=-1)


@models.register("ot-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class OTGAN(AdversarialModel):
    """The OT-GAN (Salimans, Zhang, Radford & Metaxas 2018), Algorithm 1.

    min over G, max over h of D²(x, G(z)) = 2E W(X, Y) − E W(X, X′) − E W(Y, Y′), W the entropic transport between
    minibatches X, X′ of data and Y, Y′ of samples under the cost 1 − cos(h(x), h(y)), h the critic. Each step draws
    two minibatches of either; `generator_steps` steps of the generator down D² are followed by one of the
    critic up. Being an energy distance between laws of minibatches D² has gradients without bias, so that the
    generator may be trained far at one critic; it sees what a minibatch of `batch_size` shows. `SinkhornGAN` has a
    fixed cost. Arguments besides those of `AdversarialModel`
        n_critic_features: s. epsilon: ε; costs lie in [0, 2]. generator_steps: of the generator for one of the critic.
        tolerance: share of a marginal's mass that may be missing; where clusters of samples and of data differ in
            number, Sinkhorn's iteration takes e^(cost/ε) sweeps to move the last of it (the authors stop at 500).
        max_iter: sweeps at most; a step that has not come to the tolerance stops the run.
    `history_` has `loss`, the estimate of 2D² of each step, whosever it was.
    """

    _stacks: ClassVar[bool] = True

    #: One in a turn: how many steps the generator takes to it is what is chosen here.
    critic_steps: int = field(default=1, init=False)

    hidden: Sequence[int] = (64, 64, 64)
    n_critic_features: int = 16
    epsilon: float = 0.05
    tolerance: float = 0.05
    max_iter: int = 5000
    generator_steps: int = 3

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_critic_features, "n_critic_features", least=2)  # a cosine of numbers is a sign
        parameters.real(self.epsilon, "epsilon", above=0)
        if parameters.real(self.tolerance, "tolerance", above=0) >= 1:
            raise ValueError(f"tolerance is {self.tolerance!r}; give a share of a marginal's mass, above 0 and below 1")
        parameters.count(self.max_iter, "max_iter")
        parameters.count(self.generator_steps, "generator_steps")

    def _critic_outputs(self) -> int:
        return self.n_critic_features

    def _critic_loss(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        return -self._distance(data, samples)

    def _generator_loss(self, samples: torch.Tensor) -> torch.Tensor:
        return self._distance(self._two_minibatches(), samples)

    def _step(self, lr: float) -> Losses:
        latents = self._latents(2 * self.batch_size, self._rng)
        if self.step_ % (self.generator_steps + 1) < self.generator_steps:
            loss = self._generator_loss(self.generator_(latents))
            descend(self.optimiser_, loss, lr)
            return {"loss": loss.detach()}
        with torch.no_grad():
            samples = self.generator_(latents)
        loss = self._critic_loss(self._two_minibatches(), samples)
        descend(self.critic_optimiser_, loss, self._critic_lr(lr))
        return {"loss": -loss.detach()}

    def _two_minibatches(self) -> torch.Tensor:
        """Two independent minibatches, (…, 2 batch_size, d)."""
        return torch.cat([self._minibatch(), self._minibatch()], dim=-2)

    def _distance(self, data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        h, g = self.critic_(data), self.critic_(samples)
        # A solver that meets NaN reports its own failure to converge, which would hide whose fault it is.
        loop.require_finite({"loss": float((h.sum() + g.sum()).detach())}, step=self.step_, lr=self.lr_now)
        return minibatch_energy_loss(h, g, self.epsilon, self.tolerance, self.max_iter)
