"""Rejection-sampling IMLE: samples that are already close to a datum teach nothing and are left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from estimators.models.imle import IMLE
from estimators.training import parameters
from estimators.training.registry import models
from estimators.training.search import unfitted_index


@models.register("rs-imle")
@dataclass(kw_only=True, eq=False, repr=False)
class RejectionSamplingIMLE(IMLE):
    """RS-IMLE (Vashist, Peng & Li 2024): IMLE whose latents come from a prior without those that already fit.

    Before the assignment, every sample within `radius` of some datum is rejected; each datum is then
    assigned its nearest among the others, so that the latents that are trained on look like those that
    are drawn afterwards, not like the lucky ones next to the data. Where fewer than `least_kept` of the
    m samples remain, those farthest from the data are kept. Arguments of its own
        radius: ε, at the training scale; 0 rejects nothing but exact copies, which is IMLE.
        least_kept: a share of m, in (0, 1].
    The others, and `history_`, are those of `IMLE`; `objective` is that of the samples that were kept.
    """

    _stacks: ClassVar[bool] = True
    _all_are_candidates: ClassVar[bool] = False

    radius: float = 0.02
    least_kept: float = 0.75

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.real(self.radius, "radius", least=0)
        if parameters.real(self.least_kept, "least_kept", above=0) > 1:
            raise ValueError(f"least_kept is {self.least_kept!r}; give a share in (0, 1]")

    def _candidates(self, z: torch.Tensor, samples: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        # Samples are as many as data and both move or change: one index for both roles would not be built less often.
        fitted = unfitted_index(self.index, self._rng).fit(self._data.cpu().numpy())
        distances = fitted.search(samples, 1).distances[:, 0]
        least = int(np.ceil(self.least_kept * len(samples)))
        kept = np.flatnonzero(distances > self.radius)
        if len(kept) < least:
            kept = np.sort(np.argsort(-distances, kind="stable")[:least])
        return z[torch.from_numpy(kept).to(self.device_)], samples[kept]
