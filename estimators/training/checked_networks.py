"""The networks that a model is given or makes: copied, on its device, and checked before the first step."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from estimators.training.inference import inference
from estimators.training.precision import answering_in_float32


class CheckedNetworks:
    """What a model does with a network before it trains it."""

    device_: torch.device
    precision: str

    def _module(self, name: str, given: nn.Module | None, make: Any) -> nn.Module:
        """A module of the user's, copied, or the one that `make()` returns, on the model's device."""
        module = make() if given is None else copy.deepcopy(given)
        for part in module.modules():
            if isinstance(part, nn.modules.dropout._DropoutNd):
                raise ValueError(
                    f"{name} holds {type(part).__name__}, which draws from torch's global generator, so that no seed "
                    "would fix the run; feed noise through z instead"
                )
        return answering_in_float32(module.to(self.device_), self.precision)

    def _probe(self, name: str, module: nn.Module, n_in: int, n_out: int) -> None:
        """Raises ValueError unless `module` maps (2, n_in) to (2, n_out)."""
        with inference(module):
            try:
                shape = tuple(module(torch.zeros(2, n_in, device=self.device_)).shape)
            except RuntimeError as error:
                raise ValueError(f"{name} does not take (b, {n_in}) float32 on {self.device_}: {error}") from error
        if shape != (2, n_out):
            raise ValueError(f"{name} maps (2, {n_in}) to {shape}; it must return (2, {n_out})")
