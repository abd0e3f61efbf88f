"""Prioritized DCI with several levels, under a name of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from knn.base import indexes
from knn.prioritized_dci import PrioritizedDCI


@indexes.register("multi-level-dci")
@dataclass(kw_only=True, eq=False, repr=False)
class MultiLevelDCI(PrioritizedDCI):
    """Multi-level Prioritized DCI (Li & Malik 2017, section 3.3): `PrioritizedDCI` with three levels by default.

    Its cells are learnt from where the points lie; so after insertions and deletions it answers at equal recall, not
    bit for bit, as a fresh build does.
    """

    learns: ClassVar[bool] = True
    usual: ClassVar[dict[str, int | float]] = {"candidates": 0.5, "beam": 30}

    n_levels: int = 3
    traversal: str = field(default="scan", init=False)
