"""One Gaussian, by maximum likelihood in closed form."""

from __future__ import annotations

from dataclasses import dataclass, field

from estimators.models.explicit.gaussian_mixture import ExpectationMaximisation
from estimators.training.registry import models


@models.register("gaussian")
@dataclass(kw_only=True, eq=False, repr=False)
class GaussianModel(ExpectationMaximisation):
    """N(μ, Σ) with μ the mean of the data and Σ their covariance (divisor n), its eigenvalues raised to the floor.

    The maximum of the likelihood under that constraint; the first step finds it, and others change
    nothing. Its random_state decides nothing but what a seed is recorded as.
        covariance: "full" or "diagonal". floor: as for `GaussianMixtureModel`.
    """

    n_components: int = field(default=1, init=False)
    steps: int = 1
    history_every: int = 1
