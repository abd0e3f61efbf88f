"""One Gaussian, by maximum likelihood in closed form."""

from __future__ import annotations

from estimators.models.explicit.gaussian_mixture import ExpectationMaximisation
from estimators.training.registry import models
from estimators.training.seeding import RandomState


@models.register("gaussian")
class GaussianModel(ExpectationMaximisation):
    """N(μ, Σ) with μ the mean of the data and Σ their covariance (divisor n), its eigenvalues raised to the floor.

    The maximum of the likelihood under that constraint; the first step finds it, and others change
    nothing. Its random_state decides nothing but what a seed is recorded as.
        covariance: "full" or "diagonal". floor: as for `GaussianMixtureModel`.
    """

    n_components: int = 1

    def __init__(
        self,
        *,
        covariance: str = "full",
        floor: float = 1e-4,
        steps: int = 1,
        standardise: bool = True,
        history_every: int = 1,
        random_state: RandomState = None,
        device: str = "auto",
        verbose: bool = False,
    ):
        self.covariance = covariance
        self.floor = floor
        self.steps = steps
        self.standardise = standardise
        self.history_every = history_every
        self.random_state = random_state
        self.device = device
        self.verbose = verbose
