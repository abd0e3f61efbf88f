"""The entropic GAN: a generator trained on entropic optimal transport, and the likelihood bound that comes with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from estimators.entropic_surrogate import EntropicBound, entropic_bound
from estimators.losses import entropic_loss
from estimators.models.sinkhorn import MARGINAL
from estimators.training import loop, parameters
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.registry import models
from estimators.training.seeding import RandomState

#: λ for each coordinate where none is given.
EACH = 0.025


@models.register("entropic-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class EntropicGAN(ImplicitModel):
    """The entropic GAN (Balaji, Hassani, Chellappa & Feizi 2019; Sanjabi et al. 2018), trained in its primal form.

    min over G, and over couplings π of data and latents, of E_π ‖Y − G(X)‖² + λ KL(π‖P_Y ⊗ P_X). Each step draws
    `batch_size` data and as many latents, finds the best π between them (Sinkhorn's updates of the dual potentials,
    D₁ and D₂ of the paper) and descends E_π ‖Y − G(X)‖² with it held. Up to constants the value is −λ times a lower
    bound on E log f_Y(Y), f_Y the law of G(X) + N(0, (λ/2) I), so that the samples G(X) are to be sharper than the
    data by that noise. A minibatch's coupling knows its `batch_size` latents only: in many dimensions it ties each
    datum to one of them. Arguments of its own
        temperature: λ at the training scale, in its squared units; None takes 0.025 a coordinate, since squared
            distances grow with their number, and with far less Sinkhorn's sweeps come to no end. max_iter: sweeps at
            most; a step that has not converged stops the run.
    `history_` has `loss`, the entropic transport of the batch. Attribute after `start`: temperature_, λ in the
    data's own squared units. `surrogate_log_likelihood` is its score, by name.
    """

    _stacks: ClassVar[bool] = True

    temperature: float | None = None
    max_iter: int = 5000
    steps: int = 1000
    lr: float = 1e-2

    @property
    def temperature_(self) -> float:
        """λ in the data's own squared units."""
        self._require_fitted()
        return self._temperature * self.standardisation_.scale**2

    @property
    def _temperature(self) -> float:
        """λ at the training scale."""
        return EACH * self.standardisation_.width if self.temperature is None else float(self.temperature)

    def surrogate_log_likelihood(
        self,
        Y: Any,
        *,
        n_latents: int = 1000,
        random_state: RandomState = None,
        tolerance: float = 1e-2,
        max_iter: int = 2000,
    ) -> EntropicBound:
        """The sample-likelihood surrogate at Y (n, d): `entropic_bound` with `n_latents` images of this generator.

        A lower bound, in nats and in the data's own units, on the mean log f_Y over the latents drawn, where f_Y has
        the noise λ/2 besides; never the likelihood of the generator itself, which has none. Its `log_lower_bounds`
        scores other points with the potential that was fitted to Y. Raises as `entropic_bound` does.
        """
        images = self.sample(n_latents, random_state=random_state)
        return entropic_bound(Y, images, temperature=self.temperature_, tolerance=tolerance, max_iter=max_iter)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.temperature is not None:
            parameters.real(self.temperature, "temperature", above=0)
        parameters.count(self.max_iter, "max_iter")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _step(self, lr: float) -> Losses:
        samples = self.generator_(self._latents(self.batch_size, self._rng))
        # A solver that meets NaN reports its own failure to converge, which would hide whose fault it is.
        loop.require_finite({"loss": float(samples.detach().sum())}, step=self.step_, lr=lr)
        loss = entropic_loss(self._minibatch(), samples, self._temperature, MARGINAL, self.max_iter)
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach()}
