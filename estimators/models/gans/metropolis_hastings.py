"""Metropolis–Hastings GAN: a trained discriminator corrects what the generator draws."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from estimators.models.gans.non_saturating import NonSaturatingGAN
from estimators.training import loop, parameters
from estimators.training.inference import inference
from estimators.training.registry import models
from estimators.training.seeding import RandomState, seed_of, torch_stream


def calibration(scores_of_data: torch.Tensor, scores_of_samples: torch.Tensor) -> tuple[float, float]:
    """(a, b) of the logistic regression P(real | score s) = sigmoid(a s + b), for scores (n,) and (m,).

    Both classes count the same; scikit-learn's default ridge on a (at unit scale of the scores) keeps it
    finite where the scores separate the classes. Source: Turner et al. 2019, section 3.2.
    """
    scores = torch.cat([scores_of_data, scores_of_samples]).double().numpy()
    scale = float(scores.std()) or 1.0
    real = np.repeat([1, 0], [len(scores_of_data), len(scores_of_samples)])
    fitted = LogisticRegression(class_weight="balanced").fit(scores[:, None] / scale, real)
    return float(fitted.coef_[0, 0]) / scale, float(fitted.intercept_[0])


def log_acceptance(now: torch.Tensor, proposed: torch.Tensor) -> torch.Tensor:
    """log min(1, (1/D(x) − 1)/(1/D(x′) − 1)) = min(0, s′ − s), for the logits s of D at x and s′ at the proposal x′.

    With the best D of data p and proposals q, 1/D − 1 = q/p, so that the chain leaves p invariant.
    Source: Turner et al. 2019, equation 8.
    """
    return (proposed - now).clamp(max=0)


@models.register("mh-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class MetropolisHastingsGAN(NonSaturatingGAN):
    """The Metropolis–Hastings GAN (Turner, Hung, Frank, Saatci & Yosinski 2019).

    Trained as `NonSaturatingGAN` on all data but held-out rows; `sample` runs one chain a sample, of
    `chain_length` proposals from the generator, accepted by the critic's score after calibration on
    the held-out rows and as many samples. A chain begins at a held-out row; one that accepts nothing
    returns a plain sample, so that no datum ever comes back. A sample costs `chain_length` passes
    through both networks. Its law is the data's as far as the calibrated critic is the best one and
    the chain has mixed, and neither is certified. Arguments of its own: `n_calibration`, rows held
    out (at most a fifth of the data); `chain_length`. It takes no `spectral_norm`.
    Attribute after `start`: calibration_rows_ (n_calibration, d), at the training scale.
    """

    _stacks: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = ("calibration_rows_",)

    n_calibration: int = 200
    chain_length: int = 100
    spectral_norm: bool = field(init=False)  # no parameter here

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_calibration, "n_calibration")
        parameters.count(self.chain_length, "chain_length")

    def _hold(self, unit: torch.Tensor) -> None:
        # The split is the seed's, so that a resumed run repeats it; one row at least remains to train on.
        held = min(self.n_calibration, max(1, len(unit) // 5))
        order = torch.randperm(len(unit), generator=torch_stream(self.seed_, "hold out")).to(self.device_)
        self.calibration_rows_ = unit[order[:held]]
        super()._hold(unit[order[held:]])

    def sample(self, n: int, *, random_state: RandomState = None) -> np.ndarray:
        """Draws n samples, shape (n, d): the last states of n independent chains of `chain_length` proposals.

        A pure function of the trained weights and `random_state`. Raises `Diverged` where a network
        returns a value that is not finite.
        """
        n = parameters.count(n, "n")
        self._require_fitted()
        rng = torch_stream(seed_of(random_state), "sample")
        with inference(self.generator_), inference(self.critic_):
            slope, intercept = self._calibration()
            starts = torch.randint(len(self.calibration_rows_), (n,), generator=rng).to(self.device_)
            now = slope * self.critic_(self.calibration_rows_[starts])[:, 0] + intercept
            state = self.generator_(self._latents(n, rng))
            for _ in range(self.chain_length):
                proposed = self.generator_(self._latents(n, rng))
                score = slope * self.critic_(proposed)[:, 0] + intercept
                accepted = torch.rand(n, generator=rng).log().to(self.device_) < log_acceptance(now, score)
                now = torch.where(accepted, score, now)
                state = torch.where(accepted[:, None], proposed, state)
            unit = state.cpu().numpy()
        if not np.isfinite(unit).all():
            raise self._not_finite()
        return self.standardisation_.undo(unit, self.dtype_)

    def _calibration(self) -> tuple[float, float]:
        rows = self.calibration_rows_
        samples = self.generator_(self._latents(len(rows), torch_stream(self.seed_, "calibrate")))
        if not bool(torch.isfinite(samples).all()):
            raise self._not_finite()
        return calibration(self.critic_(rows)[:, 0].cpu(), self.critic_(samples)[:, 0].cpu())

    def _not_finite(self) -> loop.Diverged:
        return loop.Diverged("the generator returns values that are not finite", step=self.step_, lr=self.lr)
