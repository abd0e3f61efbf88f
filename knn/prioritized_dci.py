"""Single-level Prioritized Dynamic Continuous Indexing."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from knn.base import indexes
from knn.by_projections import ByProjections
from knn.validation import checked_budget, spent

TRAVERSALS = ("scan", "queue")


@indexes.register("prioritized-dci")
class PrioritizedDCI(ByProjections):
    """Prioritized DCI with one level (Li & Malik 2017, algorithms 1 and 2).

    `n_composite` composite indices hold `n_simple` sorted lists each, of the projections ⟨u, x⟩ on random unit
    directions. For a query q a composite index visits the entries of its lists in the order of |⟨u, x − q⟩|; a point
    that all its lists have visited becomes a candidate. Each stops after `visits` entries or `candidates` points,
    whole numbers or fractions of all that it has; what ties with the last one is still taken. Ranking and proof are
    those of `ByProjections`; `exact=True` goes on, all composite indices merged into one, until the answer is proved.

    `traversal="queue"` runs the papers' priority queue, "scan" (the default) finds the same candidates in one pass over
    the projections, faster unless `visits` are few among many points.

    Insertion costs O(m(d + log n)) amortised, deletion O(1) and its share of clearing away, O(m log n).
    """

    exhaustive: ClassVar[dict[str, Any]] = {"visits": 1.0, "candidates": 1.0}

    def __init__(
        self,
        *,
        n_simple=10,
        n_composite=2,
        visits=1.0,
        candidates=0.1,
        traversal="scan",
        n_neighbors=5,
        metric="euclidean",
        device="cpu",
        n_jobs=None,
        random_state=None,
    ):
        self.n_simple = n_simple
        self.n_composite = n_composite
        self.visits = visits
        self.candidates = candidates
        self.traversal = traversal
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_parameters(self):
        super()._check_parameters()
        checked_budget(self.visits, "visits")
        checked_budget(self.candidates, "candidates")
        if self.traversal not in TRAVERSALS:
            raise ValueError(f"traversal={self.traversal!r} is not known: use one of {TRAVERSALS}")

    def _budgets(self, k):
        """Entries and points that each composite index may visit, int64 (2,)."""
        n = self._points.n_alive
        visits = spent(self.visits, n * self.n_simple, least=k * self.n_simple)
        return np.array([visits, spent(self.candidates, n, least=k)])

    def _completed(self, query, budgets, penalty):
        return (self._scan if self.traversal == "scan" else self._queue)(query, budgets, penalty)

    def _scan(self, query, budgets, penalty):
        """The candidates by one pass over the projections, with a threshold for each composite index."""
        kernels, projections = self._engine, self._projections
        bounds, dead = projections.bounds, self._points.dead
        gaps = np.empty((self.n_composite, len(penalty)), query.dtype)
        reaches = np.empty(self.n_composite, query.dtype)
        for c, own in enumerate(self._composites()):
            keys, order = projections.keys[own], projections.order[own]
            kernels.largest_gaps(keys, query[own], penalty, gaps[c])
            reaches[c] = kernels.complete(keys, order, bounds, dead, query[own], gaps[c], budgets)
        candidates = np.empty(len(penalty), np.int64)
        lower = np.empty(len(penalty), query.dtype)
        count = kernels.within(gaps, reaches, candidates, lower)
        return candidates[:count], lower[:count], float(reaches.max())

    def _queue(self, query, budgets, penalty):
        """The same by the papers' algorithm: the entries of each composite index are popped one by one."""
        kernels, projections = self._engine, self._projections
        bounds, alive = projections.bounds, self._points.alive
        completed = np.empty(len(penalty), np.int64)
        found, reach = [], 0.0
        for own in self._composites():
            keys, order = projections.keys[own], projections.order[own]
            count, last = kernels.pop_complete(keys, order, bounds, alive, query[own], budgets, completed)
            found.append(completed[:count].copy())
            reach = max(reach, last)
        candidates = np.unique(np.concatenate(found))
        lower = np.empty(len(candidates), query.dtype)
        kernels.gaps_of(projections.keys, candidates, query, lower)
        return candidates, lower, reach
