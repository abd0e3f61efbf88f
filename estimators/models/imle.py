"""Implicit maximum likelihood estimation: every datum pulls the sample that is nearest to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch

from estimators.training import loop, parameters
from estimators.training.descent import adam, descend
from estimators.training.held_data import own_rows
from estimators.training.implicit_model import ImplicitModel, Losses
from estimators.training.inference import inference
from estimators.training.principal_search import PrincipalSearch, search_axes
from estimators.training.registry import models
from estimators.training.search import nearest_there, searches_there, unfitted_index
from estimators.training.seeding import drawn


def imle_loss(data: torch.Tensor, samples: torch.Tensor, n: int) -> torch.Tensor:
    """(n/b) Σᵢ ‖xᵢ − x̃_σ(i)‖², the inner objective for a minibatch of b data and *their* samples.

    Shapes: `data` and `samples` (…, b, d), row i of one assigned to row i of the other; `n` the number
    of data that the minibatch stands for, which makes its gradient unbiased for all of them.
    Source: Li & Malik 2018, Implicit Maximum Likelihood Estimation, Algorithm 1.
    """
    return n * (samples - data).square().sum(dim=-1).mean(dim=-1)


def nearest_sample_objective(data: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """Σᵢ min_j ‖xᵢ − x̃_j‖², what IMLE minimises in expectation over the samples.

    Shapes: `data` (n, d), `samples` (m, d). Differentiable: its gradient is that of `imle_loss` at
    the nearest assignment, wherever that is unique (Danskin). Source: Li & Malik 2018, the definition.
    """
    differences = data[:, None, :] - samples[None, :, :]
    return differences.square().sum(dim=2).amin(dim=1).sum()


@models.register("imle")
@dataclass(kw_only=True, eq=False, repr=False)
class IMLE(ImplicitModel):
    """Implicit maximum likelihood estimation (Li & Malik 2018), Algorithm 1.

    An outer step draws m = `n_samples` samples, picks a batch S of `n_assigned` data at random, and
    finds for every datum in S its nearest sample, σ(i) = argmin_j ‖xᵢ − x̃_j‖². The next L =
    `inner_steps` steps each take a minibatch S̃ ⊆ S of `batch_size` data and descend
    (1/|S̃|) Σ_{i∈S̃} ‖xᵢ − G(z_σ(i))‖² by Adam, with the latents z_σ(i) kept. (The factor n of the
    paper is left out: Adam's steps do not depend on it, and `history_` reads in squared distance.)

    Arguments of its own
        n_samples: m. n_samples_last: m grows geometrically over the budget, from `n_samples` to this;
            None keeps it. n_assigned: |S|; None means the smaller of n and m. inner_steps: L.
        index: the nearest-neighbour search, a name in `knn.indexes`, "auto" (chosen by size: exact up
            to 40 000 samples, see `SearchBySize`), "components" or "bf16" (quick on wide data, not exact:
            see `PrincipalSearch`, `Bfloat16Search`) or an unfitted index; samples move, so it is built
            anew in each outer step. "brute-force" of a model on a CUDA device searches there, if
            numba-cuda is installed, and finds the same: samples, data and neighbours stay on the device.

    `history_` has `loss` (at the cached latents) and `objective`: the mean squared distance from a
    datum to the nearest of m fresh samples when the assignment was made, in units of the training
    scale. An index that is not exact assigns the sample that it finds.
    """

    _stacks: ClassVar[bool] = True
    #: Whether `_candidates` keeps all samples, so that the search needs nothing of the host.
    _all_are_candidates: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = ("assigned_", "latents_", "inner_step_", "objective_")

    #: Principal axes of the data, once a search has asked for them; after `load` they are computed again, the same.
    _axes: torch.Tensor | None = field(init=False, default=None)

    hidden: Sequence[int] = (64, 64, 64, 64)
    n_samples: int = 1024
    n_samples_last: int | None = None
    n_assigned: int | None = None
    inner_steps: int = 10
    index: Any = "brute-force"
    steps: int = 8000
    lr: float = 1e-2

    def outer_due(self) -> bool:
        """Whether L inner steps have used the present assignment, or there is none yet."""
        return self.latents_ is None or self.inner_step_ >= self.inner_steps

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_samples, "n_samples")
        parameters.count_or_none(self.n_samples_last, "n_samples_last")
        parameters.count_or_none(self.n_assigned, "n_assigned")
        parameters.count(self.inner_steps, "inner_steps")
        unfitted_index(self.index, torch.Generator())

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _reset(self) -> None:
        self.assigned_: torch.Tensor | None = None
        self.latents_: torch.Tensor | None = None
        self.inner_step_ = 0
        self.objective_ = 0.0
        self._axes = None

    @property
    def n_samples_now(self) -> int:
        """m of the next outer step: m₀ (m₁/m₀)^(step/steps), rounded, from `n_samples` to `n_samples_last`."""
        if self.n_samples_last is None:
            return self.n_samples
        gone = min(self.step_, self.steps) / self.steps
        return round(self.n_samples * (self.n_samples_last / self.n_samples) ** gone)

    def _outer_step(self) -> None:
        z = self._latents(self.n_samples_now, self._rng)
        assigned = self._to_assign(len(z)).to(self.device_)
        if self._all_are_candidates and self.index == "brute-force" and searches_there(self.device_):
            unfitted_index(self.index, self._rng)  # draws what it draws elsewhere: the same seed, the same run
            nearest, squared = nearest_there(self._data[assigned], self._generated_there(z))
            self._assign(assigned, z[nearest], squared)
            self.inner_step_ = 0
            return
        z, samples = self._candidates(z, self._generated(z))
        found = self._fresh_index().fit(samples).search(self._data[assigned].cpu().numpy(), 1)
        nearest = torch.from_numpy(found.indices[:, 0])
        if int(nearest.min()) < 0:
            missed = int(assigned[nearest.argmin()])
            raise ValueError(f"index found no sample near datum {missed}; raise its budget or give index='brute-force'")
        self._assign(assigned, z[nearest.to(self.device_)], torch.from_numpy(found.distances[:, 0] ** 2))
        self.inner_step_ = 0

    def _fresh_index(self) -> Any:
        """The search of one outer step; by components, along the axes of the data, which no step changes."""
        fresh = unfitted_index(self.index, self._rng)
        if isinstance(fresh, PrincipalSearch):
            if self._axes is None:
                self._axes = search_axes(self._data.cpu())
            fresh.axes = self._axes
        return fresh

    def _to_assign(self, m: int) -> torch.Tensor:
        """Rows of the data that are assigned a new sample now, of m: the batch S."""
        n = len(self._data)
        wanted = min(n, m) if self.n_assigned is None else min(n, self.n_assigned)
        return torch.randperm(n, generator=self._rng)[:wanted]

    def _generated(self, z: torch.Tensor) -> np.ndarray:
        """G(z) for the search, (m, d), on the host; raises Diverged where it is not finite."""
        return self._generated_there(z).cpu().numpy()

    def _generated_there(self, z: torch.Tensor) -> torch.Tensor:
        """The same on the model's device."""
        with inference(self.generator_):
            samples: torch.Tensor = self.generator_(z)
        # A finite sum, twenty times quicker than asking each, has finite terms; that of huge ones need not be finite.
        if not bool(samples.sum().isfinite()) and not bool(samples.isfinite().all()):
            raise loop.Diverged("the generator returns values that are not finite", step=self.step_, lr=self.lr_now)
        return samples

    def _candidates(self, z: torch.Tensor, samples: np.ndarray) -> tuple[torch.Tensor, np.ndarray]:
        """The latents and samples that data may be assigned to; all of them."""
        return z, samples

    def _assign(self, assigned: torch.Tensor, latents: torch.Tensor, squared: torch.Tensor) -> None:
        """Keeps the latents (|S|, latent_dim) of the data `assigned`, at these squared distances (float64)."""
        self.assigned_ = assigned
        self.latents_ = latents
        self.objective_ = float(squared.mean())

    def _loss(self, data: torch.Tensor, samples: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:  # noqa: ARG002
        """The inner objective for the rows `chosen` (…, b) of the assignment."""
        return imle_loss(data, samples, 1)

    def _step(self, lr: float) -> Losses:
        assert self.assigned_ is not None
        assert self.latents_ is not None
        n = self.assigned_.shape[-1]
        order = drawn(self._rng, lambda stream: torch.randperm(n, generator=stream)[: self.batch_size])
        chosen = order.to(self.device_)
        data = self._data_rows(own_rows(self.assigned_, chosen))
        loss = self._loss(data, self.generator_(own_rows(self.latents_, chosen)), chosen)
        descend(self.optimiser_, loss, lr)
        self.inner_step_ += 1
        return {"loss": loss.detach(), "objective": self.objective_}
