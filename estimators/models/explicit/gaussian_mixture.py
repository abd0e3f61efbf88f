"""A mixture of Gaussians by expectation–maximisation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from estimators.models.explicit.mixture_density import MixtureDensity
from estimators.training import loop, parameters
from estimators.training.explicit_model import ExplicitModel
from estimators.training.registry import models


def plus_plus_centres(x: torch.Tensor, k: int, rng: torch.Generator) -> torch.Tensor:
    """k rows of x (n, d), each drawn with probability in proportion to its squared distance to those before, (k, d).

    Where all rows are centres already, the next is drawn uniformly. Source: Arthur & Vassilvitskii 2007.
    """
    chosen = torch.randint(len(x), (1,), generator=rng).to(x.device)
    nearest = (x - x[chosen]).square().sum(dim=1)
    for _ in range(k - 1):
        odds = nearest if bool(nearest.sum() > 0) else torch.ones_like(nearest)
        following = torch.multinomial(odds.cpu(), 1, generator=rng).to(x.device)
        chosen = torch.cat([chosen, following])
        nearest = torch.minimum(nearest, (x - x[following]).square().sum(dim=1))
    return x[chosen]


@dataclass(kw_only=True, eq=False, repr=False)
class ExpectationMaximisation(ExplicitModel):
    """What the Gaussian rows share: float64, a step is an E-step and an M-step on all data.

    So they take no `lr`, `schedule`, `betas` or `batch_size`, beside what no `PrescribedModel` takes.
    """

    _optimisers: ClassVar[tuple[str, ...]] = ()

    n_components: int = 32
    covariance: str = "full"
    floor: float = 1e-4
    steps: int = 100
    history_every: int = 10

    #: Nothing descends a gradient here, so no step has a length, and each takes all data.
    lr: float = field(default=0.0, init=False)
    schedule: str = field(default="constant", init=False)
    betas: tuple[float, float] = field(init=False)
    batch_size: int = field(init=False)

    density_: MixtureDensity = field(init=False)

    def _check_parameters(self) -> None:
        parameters.count(self.steps, "steps")
        parameters.count(self.history_every, "history_every")
        parameters.count(self.n_components, "n_components")
        parameters.choice(self.covariance, "covariance", ("full", "diagonal"))
        parameters.real(self.floor, "floor", above=0)

    def _build_optimisers(self) -> None:
        """None: the M-step is in closed form."""

    def _make_density(self, rng: torch.Generator) -> MixtureDensity:  # noqa: ARG002
        return MixtureDensity(self.n_components, self.n_features_in_, diagonal=self.covariance == "diagonal")

    def _at_unit_scale(self, data: np.ndarray) -> torch.Tensor:
        unit = (data - self.standardisation_.centre) / self.standardisation_.scale
        return torch.from_numpy(unit.astype(np.float64)).to(self.device_)

    def _reset(self) -> None:
        """The start: centres by k-means++, and the M-step for each datum with its nearest centre."""
        centres = plus_plus_centres(self._data, self.n_components, self._rng)
        nearest = torch.cdist(self._data, centres).argmin(dim=1)
        self.density_.fit_to(self._data, torch.nn.functional.one_hot(nearest, len(centres)).double(), self.floor)

    def _step(self, lr: float) -> dict[str, float]:
        joint = self.density_.log_joint(self._data)
        loss = -float(joint.logsumexp(dim=1).mean())
        if not np.isfinite(loss):
            raise loop.Diverged(f"loss is {loss}", step=self.step_, lr=lr, remedy="raise floor, or lower n_components")
        self.density_.fit_to(self._data, self._memberships(joint), self.floor)
        return {"loss": loss}

    def _memberships(self, joint: torch.Tensor) -> torch.Tensor:
        """The E-step: r_ik = P(component k | xᵢ), (n, K), from the log joint (n, K)."""
        return joint.softmax(dim=1)


@models.register("gaussian-mixture")
class GaussianMixtureModel(ExpectationMaximisation):
    """The mixture Σ_k w_k N(μ_k, Σ_k) by expectation–maximisation (Dempster, Laird & Rubin 1977).

    A step is the E-step r_ik = w_k N(xᵢ; μ_k, Σ_k)/p(xᵢ) and the M-step in closed form on all data,
    from centres by k-means++; `steps` counts them. `loss` is −mean log p before the step and never
    rises, but for rounding. Arguments of its own
        n_components: K. covariance: "full" or "diagonal".
        floor: the least eigenvalue of a covariance, as a share of the mean variance of the data's
            features (of 1 without `standardise`); the M-step is the maximiser under that constraint,
            and without one the likelihood has no maximum.
    """
