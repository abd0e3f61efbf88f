"""Locality-sensitive hashing for Euclidean distances."""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from knn.base import indexes
from knn.budgets import Budget
from knn.device_tables import DeviceTables
from knn.file_arrays import finite, held, measures
from knn.grids import products
from knn.on_device import OnDevice
from knn.principal_codes import canonical_sample
from knn.radius import Refused
from knn.runs import SortedRuns
from knn.threads import over_blocks
from knn.validation import checked_count, spent

#: Queries to a block, and rows hashed at a time.
BLOCK, ROWS = 16, 1024
#: Points whose neighbours `width="auto"` measures, and points among which they are looked for.
ASKED, AMONG = 100, 2000
#: Widths of a bucket in the distance of neighbours: the w of Datar et al.'s experiments, for R = 1.
BROAD = 4.0
#: Numbers of buckets are held to this, so that they are whole numbers of 64 bits.
LAST = 2.0**62
MISSED = (
    "hashes exclude no point for sure, so that some within the radius may be missed; "
    "use KDTree, PrincipalDCI or BruteForce"
)


@indexes.register("lsh")
@dataclass(kw_only=True, eq=False, repr=False)
class LSH(OnDevice):
    """E2LSH, locality-sensitive hashing by p-stable projections (Datar, Immorlica, Indyk & Mirrokni 2004).

        hⱼ(x) = ⌊(⟨aⱼ, x⟩ + bⱼ)/w⌋,   aⱼ ~ N(0, I),  bⱼ ~ U[0, w)

    Each of `n_tables` tables has a bucket for every combination of its `n_projections` numbers hⱼ. A query measures
    the points in its own bucket of one table after another, until there are `candidates` of them, a whole number or a
    fraction; a table is never left half-way. Fewer than k points may be found; places that nothing fills hold −1 and ∞.
    All points are candidates if the budget is all of them, and with `exact=True`: buckets say nothing about what lies
    outside, so a proof measures all. Answers are certified when all points were measured.

    `width="auto"` is w = 4r, where r is the mean distance of neighbours in a sample of the data: among few points they
    lie farther apart than among all, so a width found by trial on held-out queries is better.

    Insertion costs O(m(d + log n)) amortised for m = n_tables · n_projections, deletion O(1) and its share of clearing
    away. Memory: 12 bytes a point and table. With device="cuda" answers are the CPU's, to the bit.
    """

    exhaustive: ClassVar[dict[str, Any]] = {"candidates": 1.0}
    usual: ClassVar[dict[str, int | float]] = {"candidates": 0.1}
    wary: ClassVar[bool] = True
    learns: ClassVar[bool] = True

    n_tables: int = 20
    n_projections: int = 10
    width: float | Literal["auto"] = "auto"
    candidates: Budget = "auto"

    @property
    def width_(self) -> float:
        """w, in the units of the data."""
        return float(self._width)

    def _check_parameters(self):
        super()._check_parameters()
        checked_count(self.n_tables, "n_tables")
        checked_count(self.n_projections, "n_projections")
        if isinstance(self.width, str) and self.width == "auto":
            return
        if isinstance(self.width, (bool, np.bool_)) or not isinstance(self.width, numbers.Real):
            raise TypeError(f"width={self.width!r} must be a positive number, or 'auto'")
        if not 0.0 < float(self.width) < np.inf:
            raise ValueError(f"width={self.width!r} must be positive and finite, or 'auto'")

    def tuning_grid(self, n, d):  # noqa: ARG002
        """(what is built, what is asked), for `knn.tuned`."""
        built = products(n_tables=(20, 50), n_projections=(2, 4, 6, 8, 10, 14))
        return built, products(candidates=(0.01, 0.03, 0.1, 0.3, 0.6))

    # Properties, which hasattr finds missing: a method that raised would look like one that works.
    radius_neighbors = Refused(MISSED)
    radius_neighbors_graph = Refused(MISSED)

    def _build(self, rng):
        rows, m = self._points.rows, self.n_tables * self.n_projections
        self._directions = rng.standard_normal((rows.shape[1], m))
        self._width = self._neighbours_apart(rng) * BROAD if isinstance(self.width, str) else float(self.width)
        self._shifts = rng.random_sample(m)
        self._factors = rng.randint(0, 2**63, m, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
        self._tables = SortedRuns(self.n_tables, np.uint64)
        self._take_in(0)
        self._rows_on_device = None

    def _neighbours_apart(self, rng):
        """The mean distance to their nearest of at most a hundred points among two thousand others; 1 if there is none.

        Both are chosen by their bits, so that permuting the data changes nothing.
        """
        rows = self._points.rows
        chosen = canonical_sample(rows, rng, ASKED + AMONG)
        asked, among = np.split(rows[chosen], [min(ASKED, len(chosen) // 2)])
        distances, slots = self._engine.empty_heaps(len(asked), 1)
        self._engine.scan(among, np.ones(len(among), bool), asked.astype(np.float64), distances, slots)
        apart = float(distances.mean()) if len(distances) else 0.0
        return apart if apart > 0 else 1.0

    def _hashes(self, rows, out):
        """out[t, i] = the bucket of row i in table t, Σⱼ fⱼhⱼ mod 2⁶⁴ with random odd f: two in 2⁶³ are confused."""
        kernels = self._engine
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            projected = np.empty((self._directions.shape[1], len(part)))
            kernels.project(part, self._directions, projected)
            with np.errstate(over="ignore"):
                numbers = np.floor(projected / self._width + self._shifts[:, None])
            whole = np.clip(numbers, -LAST, LAST).astype(np.int64).view(np.uint64) * self._factors[:, None]
            by_table = whole.reshape(self.n_tables, self.n_projections, len(part))
            out[:, start : start + len(part)] = by_table.sum(axis=1, dtype=np.uint64)

    def _answer(self, Q, k, exact):
        if self.serves(len(Q)) == "cuda":
            return self._device_answer(Q, k, exact)
        kernels, points, tables = self._engine, self._points, self._tables
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations = np.zeros(len(Q), np.int64)
        budget = self._enough(k)
        everything = bool(exact) or budget >= points.n_alive

        def serve(part):
            hashes = np.empty((self.n_tables, part.stop - part.start), np.uint64)
            self._hashes(Q[part], hashes)
            kernels.search_tables(
                (tables.keys, tables.order, tables.bounds),
                points.alive,
                np.ascontiguousarray(hashes.T),
                budget,
                points.rows,
                Q[part].astype(np.float64, copy=False),
                distances[part],
                slots[part],
                evaluations[part],
                everything,
                np.zeros(points.size, bool),
                np.empty(points.size, np.int64),
            )
            kernels.ascending(distances[part], slots[part])

        over_blocks(serve, len(Q), BLOCK, self.n_jobs)
        return distances, slots, evaluations, evaluations == points.n_alive

    def _enough(self, k):
        """How many points a query's buckets must hold before no other table is looked into."""
        return spent(self._budget("candidates"), self._points.n_alive, least=k)

    def _device_made(self, rows, alive):
        functions = self._directions, self._width, self._shifts, self._factors, LAST
        return DeviceTables(rows, alive, self._tables, functions)

    def _device_answer(self, Q, k, exact, ids=None):
        budget = self._enough(k)
        return self._on_device().answer(Q, k, budget, exact or budget >= self._points.n_alive, ids)

    def _added(self, start):
        self._rows_on_device = self._given = None
        self._take_in(start)

    def _take_in(self, start):
        rows = self._points.rows[start:]
        if len(rows):
            self._hashes(rows, self._tables.room(len(rows)))
            self._tables.take_in(len(rows), self._engine)

    def _removed(self, slots):  # noqa: ARG002
        """On the host nothing: the dead are passed over until they are cleared away."""
        self._rows_on_device = self._given = None

    def _moved(self, kept):
        self._tables.keep(kept)

    def _state(self):
        return {
            "directions": self._directions,
            "shifts": self._shifts,
            "factors": self._factors,
            "width": np.array([self._width]),
            **self._tables.runs_state(),
        }

    def _restore(self, state):
        (size, d), m = self._points.rows.shape, self.n_tables * self.n_projections
        self._directions = finite(state, "directions", np.float64, (d, m))
        self._shifts = finite(state, "shifts", np.float64, (m,))
        self._factors = held(state, "factors", np.uint64, (m,))
        (self._width,) = measures(state, "width", 1)
        if self._width == 0:
            raise ValueError("buckets of width 0")
        self._tables = SortedRuns(self.n_tables, np.uint64)
        self._tables.take_state(state, size)
