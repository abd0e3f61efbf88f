"""Principal DCI's short codes of a random rotation, under a name of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from knn.base import indexes
from knn.budgets import Budget
from knn.grids import products
from knn.principal_dci import PrincipalDCI
from knn.rotated_codes import BITS


@indexes.register("rotated-dci")
@dataclass(kw_only=True, eq=False, repr=False)
class RotatedDCI(PrincipalDCI):
    """`PrincipalDCI` with `directions="random-rotation"` and four bits a coordinate, which need no training.

    Its estimates of distances are as good for any data, and for points to come: for drifts and for flat spectra, where
    no direction holds more than others. Where some do, principal directions say more in fewer bytes.
    Source: Gao & Long 2024 (RaBitQ, one bit); Gao et al. 2025 (its extension to several).
    """

    exhaustive: ClassVar[dict[str, Any]] = {"candidates": 1.0}
    usual: ClassVar[dict[str, int | float]] = {"candidates": 50}
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

    directions: str = "random-rotation"
    bits: int = 4
    cells: str = field(default="points", init=False)
    n_cells: int | None = field(default=None, init=False)
    probes: Budget = field(default=1.0, init=False)

    def tuning_grid(self, n, d):  # noqa: ARG002
        """(what is built, what is asked), for `knn.tuned`."""
        return products(bits=BITS), products(candidates=(12, 20, 30, 50, 100, 200, 400, 0.05, 0.2))
