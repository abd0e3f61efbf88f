"""Prioritized Dynamic Continuous Indexing, on one level or on several."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from knn.base import indexes
from knn.budgets import Budget
from knn.by_projections import ByProjections
from knn.device_levels import Beam, DeviceLevels
from knn.device_projections import Limits
from knn.grids import products
from knn.hierarchy import Hierarchy
from knn.level_projections import LevelProjections
from knn.projections import random_directions
from knn.validation import checked_budget, checked_count, spent

TRAVERSALS = ("scan", "queue")


@indexes.register("prioritized-dci")
@dataclass(kw_only=True, eq=False, repr=False)
class PrioritizedDCI(ByProjections):
    """Prioritized DCI (Li & Malik 2017, algorithms 1 and 2; with several levels, section 3.3).

    `n_composite` composite indices hold `n_simple` sorted lists each, of the projections ⟨u, x⟩ on random unit
    directions. For a query q a composite index visits the entries of its lists in the order of |⟨u, x − q⟩|; a point
    that all its lists have visited becomes a candidate. Each stops after `visits` entries or `candidates` points,
    whole numbers or fractions of all that it has; what ties with the last one is still taken. Ranking and proof are
    those of `ByProjections`; `exact=True` goes on, all composite indices merged into one, until the answer is proved.

    `traversal="queue"` runs the papers' priority queue, "scan" (the default) finds the same candidates in one pass over
    the projections, faster unless `visits` are few among many points. With device="cuda" either is a pass.

    With `n_levels` > 1 each level is a random subset of the next, the last is all points, and a point lies in the cell
    of a near point one level up. A query keeps on each level the `beam` nearest points (the papers' field of view), and
    its composite indices choose their candidates among the members of those points' cells: budgets that are fractions
    are fractions of these. Answers are certified when besides d(q, head) − radius exceeds the k-th distance for every
    cell not visited. If the cells visited hold fewer than k points, the search goes on as for `exact=True`. A device
    finds the same neighbours, measures all heads that budgets let in, and proves by them what the CPU proves, or more.

    With one level insertion costs O(m(d + log n)) amortised, deletion O(1) and its share of clearing away, O(m log n);
    with several both besides a share of building anew, knn/hierarchy.py.
    """

    exhaustive: ClassVar[dict[str, Any]] = {"visits": 1.0, "candidates": 1.0, "beam": 1.0}
    usual: ClassVar[dict[str, int | float]] = {"candidates": 0.1, "beam": 30}

    visits: int | float = 1.0
    candidates: Budget = "auto"
    traversal: str = "scan"
    n_levels: int = 1
    beam: Budget = "auto"

    def _check_parameters(self):
        super()._check_parameters()
        checked_budget(self.visits, "visits")
        if self.traversal not in TRAVERSALS:
            raise ValueError(f"traversal={self.traversal!r} is not known: use one of {TRAVERSALS}")
        if checked_count(self.n_levels, "n_levels") > 1 and self.traversal != "scan":
            raise ValueError(
                f"traversal={self.traversal!r} serves one level, not n_levels={self.n_levels}: use 'scan', which finds "
                "the same candidates"
            )

    def tuning_grid(self, n, d):  # noqa: ARG002
        """(what is built, what is asked), for `knn.tuned`."""
        built = [{"n_simple": m, "n_composite": c} for m, c in ((5, 2), (10, 2), (25, 3))]
        if self.n_levels == 1:
            return built, products(candidates=(0.001, 0.003, 0.01, 0.03, 0.06, 0.1, 0.2, 0.3, 0.45, 0.65))
        return built, products(beam=(8, 16, 32, 64, 128), candidates=(0.1, 0.3, 0.6, 1.0))

    @property
    def directions_(self):
        """Unit directions, float64 (d, n_composite · n_simple); those of a composite index stand side by side."""
        return super().directions_ if self.n_levels == 1 else self._directions

    def _build(self, rng):
        if self.n_levels == 1:
            super()._build(rng)
            return
        self._directions = random_directions(rng, self._points.rows.shape[1], self.n_composite * self.n_simple)
        self._rows_on_device = None
        seed, screen = int(rng.randint(2**31 - 1)), functools.partial(LevelProjections, self._directions)
        self._hierarchy = Hierarchy(self._points, self.n_levels, screen, seed, self._engine)

    def _answer(self, Q, k, exact):
        if self.n_levels == 1 or self.serves(len(Q)) == "cuda":
            return super()._answer(Q, k, exact)
        budgets = self.n_composite, self._budget("candidates"), self.visits
        return self._hierarchy.search(
            Q, k, self._points, self._budget("beam"), budgets, self.n_jobs, exact, self._engine
        )

    def _device_made(self, rows, alive):
        if self.n_levels == 1:
            return super()._device_made(rows, alive)
        return DeviceLevels(rows, alive, self._hierarchy.levels, self.n_composite)

    def _left_within(self, q, radius):
        if self.n_levels == 1:
            return super()._left_within(q, radius)
        return self._hierarchy.levels.left_within(q, radius, self._points, self._engine)

    def _added(self, start):
        if self.n_levels == 1:
            super()._added(start)
        else:
            self._rows_on_device = self._given = None
            self._hierarchy.added(self._points, start, self._engine)

    def _moved(self, kept):
        if self.n_levels == 1:
            super()._moved(kept)
        else:
            self._hierarchy.learn(self._points, self._engine)

    def _state(self):
        return super()._state() if self.n_levels == 1 else self._hierarchy.state()

    def _restore(self, state):
        if self.n_levels == 1:
            super()._restore(state)
            return
        self._directions = state["screen.directions"]
        screen = functools.partial(LevelProjections, self._directions)
        m = self.n_composite * self.n_simple
        restore_screen = functools.partial(LevelProjections.restored, rows=self._points.rows, m=m)
        self._hierarchy = Hierarchy.restored(state, self._points, self.n_levels, screen, restore_screen)

    def _budgets(self, k):
        """Entries and points that each composite index may visit, int64 (2,)."""
        n = self._points.n_alive
        visits = spent(self.visits, n * self.n_simple, least=k * self.n_simple)
        return np.array([visits, spent(self._budget("candidates"), n, least=k)])

    def _limits(self, k):
        if self.n_levels > 1:
            return Beam(*self._hierarchy.budgets(self._budget("beam"), self._budget("candidates"), self.visits))
        visits, candidates = self._budgets(k).tolist()
        return Limits(visits, self.n_simple, candidates)

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
