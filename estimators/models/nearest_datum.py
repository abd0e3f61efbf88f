"""Every sample is pulled to its nearest datum: the generator of a 1-nearest-neighbour discriminator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from estimators.training import loop
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.registry import models
from estimators.training.search import unfitted_index
from estimators.training.seeding import torch_stream


def nearest_datum_loss(samples: torch.Tensor, nearest: torch.Tensor) -> torch.Tensor:
    """(1/b) Σⱼ ‖x̃ⱼ − x_ν(j)‖², for `samples` (…, b, d) and the datum `nearest` to each (…, b, d).

    IMLE with the two sets exchanged: nothing asks that a datum has a sample near it.
    Source: Li & Malik 2018, the discussion of the 1-nearest-neighbour discriminator.
    """
    return (samples - nearest).square().sum(dim=-1).mean(dim=-1)


@models.register("nearest-neighbour-gan")
@dataclass(kw_only=True, eq=False, repr=False)
class NearestNeighbourGAN(ImplicitModel):
    """A generator against a 1-nearest-neighbour discriminator, which calls real what lies at a datum.

    min over G of E_z min_i ‖G(z) − xᵢ‖²: each step draws `batch_size` samples, finds the datum nearest to
    each with an index that is built once, and descends (1/b) Σ ‖G(z_j) − x_ν(j)‖² by Adam. The loss is 0
    for a generator that returns one datum only, and such collapse is what it comes to: the row that
    IMLE, with the roles exchanged, is read against. Arguments of its own
        index: the search, a name in `knn.indexes` or an unfitted index.
    `history_` has `loss`. Source: Li & Malik, “Implicit Maximum Likelihood Estimation” (talk, 2018).
    """

    _stacks: ClassVar[bool] = True

    hidden: Sequence[int] = (64, 64, 64, 64)
    index: Any = "brute-force"

    def _check_parameters(self) -> None:
        super()._check_parameters()
        unfitted_index(self.index, torch.Generator())

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _hold(self, unit: torch.Tensor) -> None:
        super()._hold(unit)
        # A stream of its own: a run that is resumed builds the same index again.
        fresh = unfitted_index(self.index, torch_stream(self.seed_, "index"))
        self._index = fresh.fit(self._data.cpu().numpy())

    def _release(self) -> None:
        super()._release()
        del self._index

    def _step(self, lr: float) -> Losses:
        samples = self.generator_(self._latents(self.batch_size, self._rng))
        nearest = self._one_by_one("_nearest", samples.detach().cpu())
        loss = nearest_datum_loss(samples, self._data_rows(nearest.to(self.device_)))
        descend(self.optimiser_, loss, lr)
        return {"loss": loss.detach()}

    def _nearest(self, samples: torch.Tensor) -> torch.Tensor:
        """The row of the datum nearest to each of the samples (b, d), (b,)."""
        if not bool(torch.isfinite(samples).all()):
            what = "loss is nan: the generator returns values that are not finite"
            raise loop.Diverged(what, step=self.step_, lr=self.lr_now)
        nearest = torch.from_numpy(self._index.search(samples.numpy(), 1).indices[:, 0])
        if int(nearest.min()) < 0:
            raise ValueError("index found no datum near a sample; raise its budget or give index='brute-force'")
        return nearest
