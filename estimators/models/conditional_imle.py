"""Conditional implicit maximum likelihood estimation: for every input, its output pulls the nearest of m samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from estimators.models.imle import imle_loss
from estimators.training import loop, parameters
from estimators.training.conditional import ConditionalModel
from estimators.training.descent import adam, descend
from estimators.training.implicit_model import SAMPLE_BLOCK
from estimators.training.inference import inference
from estimators.training.registry import models

Features = Callable[[torch.Tensor], torch.Tensor]


@models.register("conditional-imle")
@dataclass(kw_only=True, eq=False, repr=False)
class ConditionalIMLE(ConditionalModel):
    """Conditional IMLE (Li, Peng & Malik 2018; Li, Zhang & Malik 2018).

    min over θ of E Σᵢ min_{j ≤ m} ‖φ(T_θ(cᵢ, z_ij)) − φ(xᵢ)‖². An outer step takes a batch S of data at random,
    draws m = `n_samples` latents *for each input* of S, and keeps the one whose output is nearest to the datum,
    σ(i) = argmin_j; the next L = `inner_steps` steps take minibatches of S and descend the same distance at the
    kept latents by Adam. With m = 1 it is least squares, whose outputs for an input become one. The search costs
    m · |S| passes of the generator, without an index, since no two inputs share their samples.

    Arguments of its own
        n_samples: m. n_assigned: |S|; None means all data. inner_steps: L.
        features: φ, a `torch.nn.Module` (copied, its weights fixed) or a differentiable function of tensors (b, d)
            in the data's own units, to (b, …); None measures distances between the outputs at the training scale.

    `history_` has `loss` (at the kept latents) and `objective`: the mean squared distance to the nearest of m
    samples when the assignment was made, in units of the features.
    """

    _between_steps: ClassVar[tuple[str, ...]] = ("assigned_", "latents_", "inner_step_", "objective_")

    n_samples: int = 10
    n_assigned: int | None = 1000
    inner_steps: int = 10
    features: Features | None = None

    def outer_due(self) -> bool:
        """Whether L inner steps have used the present assignment, or there is none yet."""
        return self.latents_ is None or self.inner_step_ >= self.inner_steps

    def _check_parameters(self) -> None:
        super()._check_parameters()
        parameters.count(self.n_samples, "n_samples")
        parameters.count_or_none(self.n_assigned, "n_assigned")
        parameters.count(self.inner_steps, "inner_steps")
        if self.features is not None and not callable(self.features):
            raise TypeError(f"features is a {type(self.features).__name__}; give a torch.nn.Module, a function or None")

    def _build_networks(self, rng: torch.Generator) -> None:
        super()._build_networks(rng)
        self._phi = self.features
        if isinstance(self.features, nn.Module):
            self._phi = self._module("features", self.features, None).eval().requires_grad_(False)
        found = self._features(torch.zeros(2, self.standardisation_.width, device=self.device_))
        if not isinstance(found, torch.Tensor) or found.ndim < 2 or len(found) != 2:
            told = tuple(found.shape) if isinstance(found, torch.Tensor) else type(found).__name__
            raise ValueError(f"features maps (2, {self.n_features_in_}) to {told}; it must return a tensor (2, …)")

    def _build_optimisers(self) -> None:
        self.optimiser_ = adam(self.generator_, self.betas)

    def _reset(self) -> None:
        self.assigned_: torch.Tensor | None = None
        self.latents_: torch.Tensor | None = None
        self.inner_step_ = 0
        self.objective_ = 0.0

    def _features(self, unit: torch.Tensor) -> torch.Tensor:
        """φ of outputs (b, d) at the training scale, (b, f)."""
        if self._phi is None:
            return unit
        was = self.standardisation_
        with torch.autocast(unit.device.type, enabled=False):  # φ is to see the data as they are
            features = unit if was.axes is None else unit @ torch.from_numpy(was.axes).to(unit).T
        found = self._phi(features * was.scale + torch.from_numpy(was.centre).to(unit))
        return found.flatten(1) if isinstance(found, torch.Tensor) and found.ndim > 1 else found

    def _outer_step(self) -> None:
        n, m = len(self._data), self.n_samples
        wanted = n if self.n_assigned is None else min(n, self.n_assigned)
        assigned = torch.randperm(n, generator=self._rng)[:wanted].to(self.device_)
        kept, squared = [], []
        with inference(self.generator_):
            for rows in assigned.split(max(1, SAMPLE_BLOCK // m)):
                z = self._latents(len(rows) * m, self._rng)
                samples = self._features(self.generator_(self._given[rows].repeat_interleave(m, dim=0), z))
                gaps = samples.view(len(rows), m, -1) - self._features(self._data[rows])[:, None]
                nearest = gaps.square().sum(dim=2).min(dim=1)
                kept.append(z.view(len(rows), m, -1)[torch.arange(len(rows), device=self.device_), nearest.indices])
                squared.append(nearest.values)
        distances = torch.cat(squared).double()
        if not bool(torch.isfinite(distances).all()):
            raise loop.Diverged("the objective is nan or infinite", step=self.step_, lr=self.lr_now)
        self.assigned_, self.latents_ = assigned, torch.cat(kept)
        self.objective_ = float(distances.mean())
        self.inner_step_ = 0

    def _step(self, lr: float) -> dict[str, float]:
        assert self.assigned_ is not None
        assert self.latents_ is not None
        chosen = torch.randperm(len(self.assigned_), generator=self._rng)[: self.batch_size].to(self.device_)
        rows = self.assigned_[chosen]
        outputs = self.generator_(self._given[rows], self.latents_[chosen])
        loss = imle_loss(self._features(self._data[rows]), self._features(outputs), 1)
        descend(self.optimiser_, loss, lr)
        self.inner_step_ += 1
        return {"loss": float(loss.detach()), "objective": self.objective_}
