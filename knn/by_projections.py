"""What the DCI family shares: candidates found by projections, ranked by the definition, proved by a lower bound."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from knn.device_levels import Beam
from knn.device_projections import DeviceProjections, Limits
from knn.on_device import OnDevice
from knn.projections import Projections, random_directions
from knn.radius import BoundedRadius
from knn.threads import over_blocks
from knn.validation import checked_count

#: Queries to a block: enough to be worth a thread's while, few enough to share the work evenly.
BLOCK = 16


@dataclass(kw_only=True, eq=False, repr=False)
class ByProjections(OnDevice, BoundedRadius):
    """`n_composite` composite indices of `n_simple` projections each; a subclass says what a composite index completes.

    max_j |⟨u_j, x − q⟩| ≤ ‖x − q‖ for unit directions. Candidates are ranked in the order of this bound, over all
    directions, and those that it excludes are not measured. The answer is certified when the bound on all that are no
    candidates, b(1 − c·u) − η with rounding allowed for (knn/projections.py), is at least the k-th distance.

    With device="cuda" answers and proofs are the CPU's, to the bit. So are `evaluations` of one level, distances that
    bounds leave to be computed one by one; a device computes some more, many at a time. `exact=True` measures all
    points there.
    """

    n_simple: int = 10
    n_composite: int = 2

    @property
    def directions_(self) -> np.ndarray:
        """Unit directions, float64 (d, n_composite · n_simple); those of a composite index stand side by side."""
        return self._projections.directions

    @abstractmethod
    def _budgets(self, k: int) -> np.ndarray:
        """What each composite index may do for a query, int64."""

    @abstractmethod
    def _limits(self, k: int) -> Limits | Beam:
        """The same, for a device."""

    @abstractmethod
    def _completed(
        self, query: np.ndarray, budgets: np.ndarray, penalty: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """(slots of the candidates, their bounds over all directions, a bound below which nothing else lies).

        `query` (n_composite · n_simple,) holds the projections of q; penalty (slots,) is ∞ for the dead and else 0.
        """

    def _check_parameters(self) -> None:
        super()._check_parameters()
        checked_count(self.n_simple, "n_simple")
        checked_count(self.n_composite, "n_composite")

    def _build(self, rng):
        directions = random_directions(rng, self._points.rows.shape[1], self.n_composite * self.n_simple)
        self._projections, self._rows_on_device = Projections(self._points.rows, directions, self._engine), None

    def _composites(self):
        """The rows of keys, order and a query that belong to each composite index."""
        return [slice(c * self.n_simple, (c + 1) * self.n_simple) for c in range(self.n_composite)]

    def _answer(self, Q, k, exact):
        if self.serves(len(Q)) == "cuda":
            return self._device_answer(Q, k, exact)
        kernels, points = self._engine, self._points
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations, certified = np.zeros(len(Q), np.int64), np.zeros(len(Q), bool)
        keys, margins = self._projections.of_queries(Q, kernels)
        penalty = np.where(points.alive, keys.dtype.type(0), keys.dtype.type(np.inf))
        budgets = self._budgets(k)

        def serve(part):
            for row in range(part.start, part.stop):
                best = distances[row], slots[row]
                query, margin = Q[row].astype(np.float64, copy=False), margins[row]
                candidates, bounds, reach = self._completed(keys[row], budgets, penalty)
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

    def _device_made(self, rows, alive):
        return DeviceProjections(rows, alive, self._projections, self.n_simple)

    def _device_answer(self, Q, k, exact, ids=None):
        return self._on_device().answer(Q, k, self._limits(k), exact, ids)

    def _not_excluded(self, query, candidates, penalty, margin, kth):
        """The points that are no candidates and whose bound leaves them a chance to be within `kth`; their bounds."""
        gaps = np.empty(len(penalty), query.dtype)
        self._engine.largest_gaps(self._projections.keys, query, penalty, gaps)
        gaps[candidates] = np.inf
        if kth == np.inf:
            rest = np.flatnonzero(gaps < np.inf)
        else:
            # A wider net than the bound asks for, by the rounding of this line; `bounded` draws it tight.
            rest = np.flatnonzero(gaps <= np.float64((kth + margin[1]) / (1 - margin[0]) * (1 + 2.0**-48)))
        return rest, gaps[rest]

    def _left_within(self, q, radius):
        keys, margins = self._projections.of_queries(q[None], self._engine)
        penalty = np.where(self._points.alive, keys.dtype.type(0), keys.dtype.type(np.inf))
        return self._not_excluded(keys[0], np.empty(0, np.int64), penalty, margins[0], radius)[0]

    def _added(self, start):
        self._rows_on_device = self._given = None
        self._projections.extend(self._points.rows[start:], self._engine)

    def _removed(self, slots):  # noqa: ARG002
        """On the host nothing: the dead are passed over until they are cleared away."""
        self._rows_on_device = self._given = None

    def _moved(self, kept):
        self._projections.keep(kept)

    def _state(self):
        return self._projections.state()

    def _restore(self, state):
        m = self.n_composite * self.n_simple
        self._projections = Projections.restored(state, self._points.rows, m)
