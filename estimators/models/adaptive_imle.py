"""Adaptive IMLE: a datum keeps its sample until it is fitted well enough, and only then takes a new one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from estimators.models.imle import IMLE
from estimators.training import parameters
from estimators.training.inference import inference
from estimators.training.registry import models


@models.register("adaptive-imle")
@dataclass(kw_only=True, eq=False, repr=False)
class AdaptiveIMLE(IMLE):
    """Adaptive IMLE (Aghabozorgi, Peng & Li 2023): thresholds that each datum must reach before it moves on.

    Datum i keeps its latent z_σ(i) while ‖xᵢ − G(z_σ(i))‖ > τᵢ. Each outer step draws m samples, and the
    data that have come to their threshold (or the one nearest to it, where none has) take the nearest
    of them and the threshold τᵢ = `shrink` · (their distance to it); data that are hard to fit are then not handed from
    sample to sample. All n data are assigned at all times, so that `n_assigned` must be None.
    The argument of its own is `shrink`, in (0, 1). The others are those of `IMLE`. `history_` has `loss`
    and `objective`, the mean squared distance to the samples that are held.
    Attribute after `start`: threshold_ (n,), τ at the training scale.
    """

    _stacks: ClassVar[bool] = True
    _between_steps: ClassVar[tuple[str, ...]] = (*IMLE._between_steps, "threshold_", "held_")

    shrink: float = 0.5

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if parameters.real(self.shrink, "shrink", above=0) >= 1:
            raise ValueError(f"shrink is {self.shrink!r}; give a number in (0, 1)")
        if self.n_assigned is not None:
            raise ValueError(f"n_assigned is {self.n_assigned!r}; every datum holds a sample here: give None")

    def _reset(self) -> None:
        super()._reset()
        n = len(self._data)
        self.threshold_ = torch.full((n,), float("nan"), dtype=torch.float64)
        self.held_: torch.Tensor | None = None

    def _to_assign(self, m: int) -> torch.Tensor:  # noqa: ARG002
        if self.held_ is None:
            return torch.arange(len(self._data))
        # One row at least is searched for, that which is nearest to its threshold: the rest of the step needs no case.
        ratio = self._distances_held() / self.threshold_.clamp_min(torch.finfo(torch.float64).tiny)
        reached = torch.nonzero(ratio <= 1)[:, 0]
        return reached if len(reached) else ratio.argmin()[None]

    def _assign(self, assigned: torch.Tensor, latents: torch.Tensor, squared: torch.Tensor) -> None:
        rows = assigned.cpu()
        if self.held_ is None:
            self.held_ = torch.empty(len(self._data), latents.shape[1], dtype=latents.dtype, device=self.device_)
        self.held_[assigned] = latents
        self.threshold_[rows] = self.shrink * squared.sqrt()
        everything = torch.arange(len(self._data), device=self.device_)
        super()._assign(everything, self.held_, self._distances_held().square())

    def _distances_held(self) -> torch.Tensor:
        """‖xᵢ − G(z_σ(i))‖ at the present weights, (n,) in float64."""
        assert self.held_ is not None
        with inference(self.generator_):
            samples = self.generator_(self.held_)
        return (samples - self._data).cpu().double().norm(dim=1)
