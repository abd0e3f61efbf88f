"""A generator trained on the Sinkhorn divergence, the primal of optimal transport, without a critic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from torch import nn

from estimators.losses import sinkhorn_loss
from estimators.training import loop, parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.registry import models
from estimators.training.seeding import RandomState

#: Share of a marginal's mass that may be missing: about that of one of some hundred samples, to which a step is noisy.
MARGINAL = 1e-2


@models.register("sinkhorn-gan")
class SinkhornGAN(ImplicitModel):
    """The Sinkhorn generative model (Genevay, Peyré & Cuturi 2018; Salimans et al. 2018 for the debiased form).

    Each step draws `batch_size` data and as many samples and descends the debiased Sinkhorn divergence
    S_ε = OT_ε(x, y) − ½OT_ε(x, x) − ½OT_ε(y, y), cost ‖x − y‖^p, between them by Adam. The cost is that of
    the data's own space; a minibatch's divergence is biased upwards. Arguments of its own
        epsilon: ε at the training scale; details finer than ε (p = 1) or √ε (p = 2) are blurred. p: 1 or 2.
        max_iter: sweeps of Sinkhorn's iteration at most; a step that has not converged stops the run.
        betas: Adam's decay rates.
    `history_` has `loss`, S_ε of the batch.
    """

    _stacks: ClassVar[bool] = True

    def __init__(
        self,
        *,
        latent_dim: int = 4,
        generator: nn.Module | None = None,
        hidden: Sequence[int] = (64, 64, 64),
        epsilon: float = 0.05,
        p: int = 1,
        max_iter: int = 5000,
        steps: int = 1000,
        lr: float = 1e-2,
        betas: tuple[float, float] = (0.9, 0.99),
        schedule: str = "cosine",
        batch_size: int = 128,
        standardise: bool = True,
        history_every: int = 50,
        random_state: RandomState = None,
        device: str = "auto",
        precision: str = "fp32",
        verbose: bool = False,
    ):
        self.latent_dim = latent_dim
        self.generator = generator
        self.hidden = hidden
        self.epsilon = epsilon
        self.p = p
        self.max_iter = max_iter
        self.steps = steps
        self.lr = lr
        self.betas = betas
        self.schedule = schedule
        self.batch_size = batch_size
        self.standardise = standardise
        self.history_every = history_every
        self.random_state = random_state
        self.device = device
        self.precision = precision
        self.verbose = verbose

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.epsilon, "epsilon", above=0)
        if parameters.count(self.p, "p") > 2:
            raise ValueError(f"p is {self.p!r}; give 1 or 2")
        parameters.count(self.max_iter, "max_iter")
        parameters.decay_rates(self.betas, "betas")

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
