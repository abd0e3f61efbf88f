"""A mixture of Gaussians by expectation–maximisation whose E-step is sampled."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from estimators.models.explicit.gaussian_mixture import ExpectationMaximisation
from estimators.training import parameters
from estimators.training.registry import models


@models.register("monte-carlo-em")
@dataclass(kw_only=True, eq=False, repr=False)
class MonteCarloEM(ExpectationMaximisation):
    """Monte Carlo expectation–maximisation (Wei & Tanner 1990) of a mixture of Gaussians.

    As `GaussianMixtureModel`, but the E-step draws `n_draws` components for every datum from
    P(k | xᵢ) and takes their shares r̂_ik for the probabilities: unbiased, with variance
    r_ik(1 − r_ik)/n_draws. An M-step so misses that of EM by O(n_draws^−½), the likelihood need not rise, and the
    run ends in a neighbourhood of what EM reaches rather than at it.
        n_draws: components drawn for a datum in a step. The others are those of `GaussianMixtureModel`:
        n_components, covariance, floor.
    """

    n_draws: int = 10

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_draws, "n_draws")

    def _memberships(self, joint: torch.Tensor) -> torch.Tensor:
        exact = super()._memberships(joint)
        drawn = torch.multinomial(exact.cpu(), self.n_draws, replacement=True, generator=self._rng).to(joint.device)
        ones = torch.full(drawn.shape, 1 / self.n_draws, dtype=exact.dtype, device=joint.device)
        return torch.zeros_like(exact).scatter_add_(1, drawn, ones)
