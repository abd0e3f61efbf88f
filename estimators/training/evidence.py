"""Models whose log-likelihood has a lower bound and no value."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from estimators.result import Estimate
from estimators.training import loop, parameters
from estimators.training.explicit_model import matching_rows
from estimators.training.implicit_model import ImplicitModel
from estimators.training.seeding import RandomState, seed_of, torch_stream

#: Rows times draws that are evaluated at once.
EVIDENCE_BLOCK = 1 << 14


@dataclass(kw_only=True, eq=False, repr=False)
class EvidenceBound(ImplicitModel):
    """A latent-variable model with a stochastic lower bound on log p(x), and so with no `log_prob` and no `score`.

    It takes no `principal_components`: a law of samples in a plane has no density.
    """

    principal_components: int | None = field(init=False, default=None)

    #: What `evidence_bound` draws for each row, and what the bound is called.
    _bound: ClassVar[str]

    def evidence_bound(self, X: Any, *, n_draws: int = 64, random_state: RandomState = 0) -> Estimate:
        """A lower bound on the mean of log p(x) over the rows of X (n, d), in nats in the data's own units.

        An `Estimate` with `bound="lower"`; its standard error is over rows, which includes that of the
        draws. The bound holds in expectation over the draws: one value may exceed it by that error.
        Raises TypeError or ValueError for bad arguments, `Diverged` where a value is not finite.
        """
        rows = self.evidence_by_row(X, n_draws=n_draws, random_state=random_state)
        error = float(rows.std(ddof=1) / np.sqrt(len(rows))) if len(rows) > 1 else None
        return Estimate(
            float(rows.mean()),
            stderr=error,
            method=f"{self._bound}, {n_draws} draws a row",
            unit="nats",
            detail="" if error is not None else "no standard error from one row",
            bound="lower",
        )

    def evidence_by_row(self, X: Any, *, n_draws: int = 64, random_state: RandomState = 0) -> np.ndarray:
        """The same bound row by row, (n,), in nats: each is at most log p(x) in expectation over its draws."""
        n_draws = parameters.count(n_draws, "n_draws")
        self._require_fitted()
        rows = matching_rows(X, self.n_features_in_)
        unit = torch.from_numpy((rows - self.standardisation_.centre) / self.standardisation_.scale)
        rng = torch_stream(seed_of(random_state), "evidence")
        with torch.no_grad():
            size = max(1, EVIDENCE_BLOCK // n_draws)
            blocks = [self._evidence(block.to(self.device_), n_draws, rng).cpu() for block in unit.split(size)]
        values = torch.cat(blocks).numpy()
        if not np.isfinite(values).all():
            raise loop.Diverged(
                f"the bound is not finite in row {int((~np.isfinite(values)).argmax())} of X",
                step=self.step_, lr=self.lr,
            )  # fmt: skip
        return values - rows.shape[1] * np.log(self.standardisation_.scale)

    @abstractmethod
    def _evidence(self, x: torch.Tensor, n_draws: int, rng: torch.Generator) -> torch.Tensor:
        """Stochastic lower bounds on log p(x) at the training scale, (b,) float64, for x (b, d) float64."""
