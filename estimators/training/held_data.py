"""The data that a model trains on, and what a step draws: for one seed, or for a stack of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from estimators.training.freed_memory import keep_freed_memory
from estimators.training.seeding import Streams, drawn
from estimators.training.training_data import Standardisation


class HeldData:
    """Data at the training scale, (n, d) or a stack of them (S, n, d), held while a model trains; and its draws."""

    #: The models of each seed, where this one is the stack that their steps are taken in.
    _members: Sequence[Any] = ()

    latent_dim: int
    batch_size: int
    device_: torch.device
    standardisation_: Standardisation
    _data: torch.Tensor
    _rng: Any

    def _attach(self, data: np.ndarray) -> None:
        self._hold(self._at_unit_scale(data))

    def _at_unit_scale(self, data: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(self.standardisation_.apply(data)).to(self.device_)

    def _hold(self, unit: torch.Tensor) -> None:
        """Takes the data (n, d) at the training scale, which it must not change: other seeds may train on them too."""
        keep_freed_memory()
        self._data = unit

    def _release(self) -> None:
        """Lets go of what `_hold` took: a fitted model is as large as its weights."""
        del self._data

    def _latents(self, n: int, rng: Streams) -> torch.Tensor:
        """n latents, (…, n, latent_dim), from `rng`."""
        return drawn(rng, lambda stream: torch.randn(n, self.latent_dim, generator=stream)).to(self.device_)

    def _uniform(self, n: int) -> torch.Tensor:
        """n numbers in [0, 1), (…, n, 1)."""
        return drawn(self._rng, lambda stream: torch.rand(n, 1, generator=stream)).to(self.device_)

    def _minibatch(self) -> torch.Tensor:
        """`batch_size` data, drawn independently, (…, batch_size, d)."""
        n = self._data.shape[-2]
        chosen = drawn(self._rng, lambda stream: torch.randint(n, (self.batch_size,), generator=stream))
        return self._data_rows(chosen.to(self.device_))

    def _data_rows(self, chosen: torch.Tensor) -> torch.Tensor:
        """The rows `chosen` (…, b) of the data, whether seeds share them, (n, d), or have their own, (S, n, d)."""
        return self._data[chosen] if self._data.dim() == 2 else own_rows(self._data, chosen)

    def _one_by_one(self, method: str, *arguments: torch.Tensor) -> torch.Tensor:
        """`self.method(*arguments)`, or in a stack that of each member on its part: for work without a stacked form."""
        if not self._members:
            result: torch.Tensor = getattr(self, method)(*arguments)
            return result
        parts = zip(self._members, *arguments, strict=True)
        return torch.stack([getattr(member, method)(*part) for member, *part in parts])


def own_rows(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Row by row values[…, chosen, …]: for `values` (…, n, *rest) and `chosen` (…, b) with the same first axes."""
    if chosen.dim() == 1:
        return values[chosen]
    return values[torch.arange(len(chosen), device=chosen.device)[:, None], chosen]
