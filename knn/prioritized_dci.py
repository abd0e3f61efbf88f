"""Single-level Prioritized Dynamic Continuous Indexing."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from knn.base import NearestNeighbours, indexes
from knn.projections import Projections, random_directions
from knn.threads import over_blocks
from knn.validation import checked_budget, checked_count, spent

TRAVERSALS = ("scan", "queue")
#: Queries to a block: enough to share a thread's scratch, few enough to share the work among threads.
BLOCK = 16


@indexes.register("prioritized-dci")
class PrioritizedDCI(NearestNeighbours):
    """Prioritized DCI with one level (Li & Malik 2017, algorithms 1 and 2).

    `n_composite` composite indices hold `n_simple` sorted lists each, of the projections ⟨u, x⟩ on random unit
    directions. For a query q a composite index visits the entries of its lists in the order of |⟨u, x − q⟩|; a point
    that all its lists have visited becomes a candidate. Each stops after `visits` entries or `candidates` points,
    whole numbers or fractions of all that it has; what ties with the last one is still taken. The candidates of all
    composite indices are ranked by the definition, the least max |⟨u, x − q⟩| first, since that is a lower bound of
    their distance: what the bound excludes is not measured.

    An answer is certified when the bound on all that are no candidates, b(1 − c·u) − η, is at least the k-th distance;
    c·u and η allow for rounding (knn/projections.py). `exact=True` merges the composite indices into one and goes on
    until that holds. `traversal="queue"` runs the papers' priority queue, "scan" (the default) finds the same
    candidates in one pass over the projections, faster unless `visits` are few among many points.

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

    @property
    def directions_(self):
        """Unit directions, float64 (d, n_composite · n_simple); those of a composite index stand side by side."""
        return self._projections.directions

    def _check_parameters(self):
        super()._check_parameters()
        checked_count(self.n_simple, "n_simple")
        checked_count(self.n_composite, "n_composite")
        checked_budget(self.visits, "visits")
        checked_budget(self.candidates, "candidates")
        if self.traversal not in TRAVERSALS:
            raise ValueError(f"traversal={self.traversal!r} is not known: use one of {TRAVERSALS}")

    def _build(self, rng):
        directions = random_directions(rng, self._points.rows.shape[1], self.n_composite * self.n_simple)
        self._projections = Projections(self._points.rows, directions, self._engine)

    def _answer(self, Q, k, exact):
        kernels, points = self._engine, self._points
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations, certified = np.zeros(len(Q), np.int64), np.zeros(len(Q), bool)
        keys, margins = self._projections.of_queries(Q, kernels)
        penalty = np.where(points.alive, keys.dtype.type(0), keys.dtype.type(np.inf))
        budgets = self._budgets(k)
        complete = {"scan": self._scan, "queue": self._queue}[self.traversal]

        def serve(part):
            for row in range(part.start, part.stop):
                best = distances[row], slots[row]
                query, margin = Q[row].astype(np.float64, copy=False), margins[row]
                candidates, bounds, reach = complete(keys[row], budgets, penalty)
                evaluations[row] = kernels.bounded(points.rows, candidates, bounds, query, margin, *best)
                all_seen = len(candidates) == points.n_alive
                certified[row] = all_seen or reach * (1 - margin[0]) - margin[1] >= best[0][0]
                if exact and not certified[row]:
                    rest, bounds = self._not_excluded(keys[row], candidates, penalty, margin, best[0][0])
                    evaluations[row] += kernels.bounded(points.rows, rest, bounds, query, margin, *best)
                    certified[row] = True
            kernels.ascending(distances[part], slots[part])

        over_blocks(serve, len(Q), BLOCK, self.n_jobs)
        return distances, slots, evaluations, certified

    def _budgets(self, k):
        """Entries and points that each composite index may visit, int64 (2,)."""
        n = self._points.n_alive
        visits = spent(self.visits, n * self.n_simple, least=k * self.n_simple)
        return np.array([visits, spent(self.candidates, n, least=k)])

    def _scan(self, query, budgets, penalty):
        """(candidates, their bounds, the least gap that may have been left), by one pass over the projections."""
        kernels, projections, m = self._engine, self._projections, self.n_simple
        bounds, dead = projections.bounds, self._points.dead
        gaps = np.empty((self.n_composite, len(penalty)), query.dtype)
        reaches = np.empty(self.n_composite, query.dtype)
        for c in range(self.n_composite):
            own = slice(c * m, (c + 1) * m)
            keys, order = projections.keys[own], projections.order[own]
            kernels.largest_gaps(keys, query[own], penalty, gaps[c])
            reaches[c] = kernels.complete(keys, order, bounds, dead, query[own], gaps[c], budgets)
        candidates = np.empty(len(penalty), np.int64)
        lower = np.empty(len(penalty), query.dtype)
        count = kernels.within(gaps, reaches, candidates, lower)
        return candidates[:count], lower[:count], float(reaches.max())

    def _queue(self, query, budgets, penalty):
        """The same by the papers' algorithm: the entries of each composite index are popped one by one."""
        kernels, projections, m = self._engine, self._projections, self.n_simple
        bounds, alive = projections.bounds, self._points.alive
        completed = np.empty(len(penalty), np.int64)
        found, reach = [], 0.0
        for c in range(self.n_composite):
            own = slice(c * m, (c + 1) * m)
            keys, order = projections.keys[own], projections.order[own]
            count, last = kernels.pop_complete(keys, order, bounds, alive, query[own], budgets, completed)
            found.append(completed[:count].copy())
            reach = max(reach, last)
        candidates = np.unique(np.concatenate(found))
        lower = np.empty(len(candidates), query.dtype)
        kernels.gaps_of(projections.keys, candidates, query, lower)
        return candidates, lower, reach

    def _not_excluded(self, query, candidates, penalty, margin, kth):
        """The points that are no candidates and whose bound leaves them a chance to be within `kth`; their bounds."""
        gaps = np.empty(len(penalty), query.dtype)
        self._engine.largest_gaps(self._projections.keys, query, penalty, gaps)
        gaps[candidates] = np.inf
        # A wider net than the bound asks for, by the rounding of this line; `bounded` draws it tight.
        rest = np.flatnonzero(gaps <= np.float64((kth + margin[1]) / (1 - margin[0]) * (1 + 2.0**-48)))
        return rest, gaps[rest]

    def _added(self, start):
        self._projections.extend(self._points.rows[start:], self._engine)

    def _removed(self, slots):
        """Nothing: the dead are passed over until they are cleared away."""

    def _moved(self, kept):
        self._projections.keep(kept)

    def _state(self):
        return self._projections.state()

    def _restore(self, state):
        self._projections = Projections.restored(state)
