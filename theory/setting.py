"""What a check may depend on besides its specs: the root seed, the size tier, and its share of the error budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar
from zlib import crc32

import numpy as np

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """The conditions of one run, the same for a claim's true statement and for each of its mutants.

    `alpha` bounds the probability that the true statement is refuted, `beta` the probability that
    one mutant is missed; both are 0 for a claim without a statistical part.
    """

    claim: str
    root_seed: int = 0
    deep: bool = False
    alpha: float = 0.0
    beta: float = 1e-6

    def rng(self, stream: int = 0) -> np.random.Generator:
        """A fresh Philox generator seeded by root seed, CRC-32 of the claim's id, and stream."""
        entropy = [self.root_seed, crc32(self.claim.encode()), stream]
        return np.random.Generator(np.random.Philox(np.random.SeedSequence(entropy)))

    def size(self, quick: T, *, deep: T) -> T:
        """`quick` by default, `deep` under `verify --deep`."""
        return deep if self.deep else quick
