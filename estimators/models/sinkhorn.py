"""A generator trained on the Sinkhorn divergence, the primal of optimal transport, without a critic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from estimators.losses import sinkhorn_loss
from estimators.training import loop, parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.registry import models

#: Share of a marginal's mass that may be missing: about that of one of some hundred samples, to which a step is noisy.
MARGINAL = 1e-2


@models.register("sinkhorn-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class SinkhornGAN(ImplicitModel):
    """The Sinkhorn generative model (Genevay, Peyré & Cuturi 2018; Salimans et al. 2018 for the debiased form).

    Each step draws `batch_size` data and as many samples and descends the debiased Sinkhorn divergence
    S_ε = OT_ε(x, y) − ½OT_ε(x, x) − ½OT_ε(y, y), cost ‖x − y‖^p, between them by Adam. The cost is that of
    the data's own space; a minibatch's divergence is biased upwards. Arguments of its own
        epsilon: ε at the training scale; details finer than ε (p = 1) or √ε (p = 2) are blurred. p: 1 or 2.
        max_iter: sweeps of Sinkhorn's iteration at most; a step that has not converged stops the run.
    `history_` has `loss`, S_ε of the batch.
    """

    _stacks: ClassVar[bool] = True

    hidden: Sequence[int] = (64, 64, 64)
    epsilon: float = 0.05
    p: int = 1
    max_iter: int = 5000
    steps: int = 1000
    lr: float = 1e-2

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.epsilon, "epsilon", above=0)
        if parameters.count(self.p, "p") > 2:
            raise ValueError(f"p is {self.p!r}; give 1 or 2")
        parameters.count(self.max_iter, "max_iter")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _step(self, lr: float) -> Losses:
        samples = self.generator_(self._latents(self.batch_size, self._rng))
        # A solver that meets NaN reports its own failure to converge, which would hide whose fault it is.
        loop.require_finite({"loss": float(samples.detach().sum())}, step=self.step_, lr=lr)
        loss = sinkhorn_loss(
            self._minibatch(), samples, self.epsilon, self.p, tolerance=MARGINAL, max_iter=self.max_iter
        )
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach()}
