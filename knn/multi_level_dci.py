"""Prioritized DCI with several levels, under a name of its own."""

from __future__ import annotations

from typing import ClassVar

from knn.base import indexes
from knn.prioritized_dci import PrioritizedDCI


@indexes.register("multi-level-dci")
class MultiLevelDCI(PrioritizedDCI):
    """Multi-level Prioritized DCI (Li & Malik 2017, section 3.3): `PrioritizedDCI` with three levels by default.

    Its cells are learnt from where the points lie; so after insertions and deletions it answers at equal recall, not
    bit for bit, as a fresh build does.
    """

    learns: ClassVar[bool] = True
    usual: ClassVar[dict[str, int | float]] = {"candidates": 0.5, "beam": 30}
    traversal = "scan"

    def __init__(
        self,
        *,
        n_simple=10,
        n_composite=2,
        n_levels=3,
        beam="auto",
        visits=1.0,
        candidates="auto",
        n_neighbors=5,
        metric="euclidean",
        device="cpu",
        n_jobs=None,
        random_state=None,
    ):
        self.n_simple = n_simple
        self.n_composite = n_composite
        self.n_levels = n_levels
        self.beam = beam
        self.visits = visits
        self.candidates = candidates
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state
