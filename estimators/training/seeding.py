"""Independent streams of random numbers from one `random_state`, without a global seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral

import numpy as np
import torch

RandomState = int | np.random.Generator | np.random.RandomState | None

#: The stream of a run, or one for each of the runs that are trained together.
Streams = torch.Generator | Sequence[torch.Generator]


def seed_of(random_state: RandomState) -> int:
    """The integer that a run is derived from: `random_state` itself, one drawn from it, or fresh entropy for None."""
    if random_state is None:
        entropy = np.random.SeedSequence().entropy
        assert isinstance(entropy, int)
        return entropy
    if isinstance(random_state, Integral) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}; give an integer ≥ 0")
        return int(random_state)
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**63, dtype=np.int64))
    raise TypeError(
        f"random_state is a {type(random_state).__name__}; "
        "give an integer ≥ 0, a numpy Generator or RandomState, or None"
    )


def torch_stream(seed: int, purpose: str) -> torch.Generator:
    """A CPU generator for one `purpose` of the run `seed`; different purposes draw independently.

    It lives on the CPU whatever the device, so that a seed means the same latents everywhere.
    """
    words = np.random.SeedSequence(seed, spawn_key=tuple(purpose.encode())).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(words[0] >> 1))  # a signed 64-bit seed is what torch takes


def drawn(streams: Streams, draw: Callable[[torch.Generator], torch.Tensor]) -> torch.Tensor:
    """`draw(stream)`; of several streams, what each gives, stacked along a first axis."""
    if isinstance(streams, torch.Generator):
        return draw(streams)
    return torch.stack([draw(stream) for stream in streams])
