"""Principal DCI: the idea of DCI with directions that carry the information."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from knn.base import NearestNeighbours, indexes
from knn.points import grown
from knn.principal_codes import SAMPLE, Coder, canonical_sample
from knn.threads import over_blocks
from knn.validation import checked_budget, checked_count, spent

#: Queries to a block: the scratch of a search, some bytes a point, is set up once for each.
BLOCK = 64
#: Points that a cell holds on average, at least.
CELL = 64
#: A point that lies so much farther out than all that the map was learnt on asks for a new map.
FARTHER = 16.0


@indexes.register("principal-dci")
class PrincipalDCI(NearestNeighbours):
    """Points in the order of a bound from projections, as in DCI, on the principal directions of the data.

    A point is coded in 64 bytes: 63 principal coordinates and the norm of the rest, in one uniform step
    (knn/principal_codes.py). A search looks at the codes in the `probes` nearest of `n_cells` cells around random
    points, and ranks by true distance the `candidates` points whose codes promise most; both are whole numbers or
    fractions, candidates are at least k, and what ties with the last one is taken too. Answers are certified when all
    points were measured.

    `exact=True` goes on until the answer is proved. Codes fall short of distances but for rounding, so one pass over
    all codes leaves the points that may be nearer than the k-th found; a finer bound, 127 coordinates in float32 and
    the norm of the rest, orders them, and the k-th distance cuts them off. Exact on any data, and quick where a few
    directions hold most of their energy.

    New points are coded by the present map and wait in a tail that every search looks at, until they are an eighth of
    all and are put into cells. The map is learnt anew when the points have doubled, when those inserted lie farther
    out or in other directions, and when the dead are cleared away: O(127 d) operations an insertion and its share of
    that. Memory besides the data: 80 bytes a point for the codes and up to 512 for the finer bound; whole numbers from
    0 to 255 are kept as bytes besides, which are read faster.
    """

    exhaustive: ClassVar[dict[str, Any]] = {"probes": 1.0, "candidates": 1.0}
    learns: ClassVar[bool] = True
    #: What is kept of each point: the first four lie by cell, the last two by slot. `places` leads from slot to cell.
    _BY_POINT = ("codes", "terms", "slots", "cells", "places", "fine")
    _bytes: np.ndarray | None

    def __init__(
        self,
        *,
        n_cells=256,
        probes=0.2,
        candidates=50,
        n_neighbors=5,
        metric="euclidean",
        device="cpu",
        n_jobs=None,
        random_state=None,
    ):
        self.n_cells = n_cells
        self.probes = probes
        self.candidates = candidates
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _check_parameters(self):
        super()._check_parameters()
        checked_count(self.n_cells, "n_cells")
        checked_budget(self.probes, "probes")
        checked_budget(self.candidates, "candidates")

    def _build(self, rng):
        self._seed = int(rng.randint(2**31 - 1))
        self._learn()

    def _learn(self):
        """A new map and new cells, on the points alive."""
        kernels, points = self._engine, self._points
        rng = np.random.RandomState(self._seed)
        living = np.flatnonzero(points.alive)
        rows = points.rows if len(living) == points.size else points.rows[living]
        chosen = canonical_sample(rows, rng, SAMPLE)
        self._coder = Coder(rows, chosen, rng, kernels)
        self._learnt_on, self._learnt_radius = points.size, 0.0
        self._radius = self._loss = 0.0
        self._codes = np.empty((0, 64), np.int8)
        self._terms, self._slots, self._cells, self._places = (np.empty(0, np.int32) for _ in range(4))
        self._fine = np.empty((0, self._coder.width), np.float32)
        self._energy = np.zeros(2)
        self._ends, self._prototypes = np.zeros(2, np.int64), np.empty((0, 64), np.int8)
        self._prototype_terms = np.empty(0, np.int32)
        self._code(0)
        self._learnt_radius = self._radius
        self._energy[:] = 0.0
        heads = chosen[: max(1, min(self.n_cells, len(rows) // CELL))] if len(rows) else chosen
        self._prototypes = self._codes[living[heads]]
        self._prototype_terms = self._terms[living[heads]]
        self._dead(np.flatnonzero(~points.alive))
        self._gather()

    def _code(self, start):
        """Codes for the points from slot `start` on, at the end of the tail."""
        kernels, coder, stop = self._engine, self._coder, self._points.size
        for name in self._BY_POINT:
            setattr(self, f"_{name}", grown(getattr(self, f"_{name}"), start, stop))
        self._pack(start)
        for first in range(start, stop, SAMPLE):
            part = slice(first, min(first + SAMPLE, stop))
            coordinates, squared = coder.coordinates(self._points.rows[part], kernels)
            codes, losses = coder.codes(coordinates, squared, kernels)
            fine = coder.fine(coordinates, squared, kernels)
            self._codes[part], self._fine[part] = codes, fine
            kernels.terms_of(codes, self._terms[part])
            self._loss = max(self._loss, float(losses.max()))
            self._radius = max(self._radius, 1.01 * float(np.sqrt(squared.max())))
            self._energy += (fine[:, coder.basis.shape[1]] ** 2).sum(), squared.sum()
        self._slots[start:stop] = self._places[start:stop] = np.arange(start, stop)
        self._cells[start:stop] = -1
        self._ends[-1] = stop

    def _pack(self, start):
        """Keeps whole numbers from 0 to 255 as bytes besides, as long as all are: the same values, read faster."""
        rows = self._points.rows
        if start == 0:
            self._bytes = np.empty((0, rows.shape[1]), np.uint8)
        if self._bytes is None:
            return
        self._bytes = grown(self._bytes, start, len(rows))
        for first in range(start, len(rows), SAMPLE):
            part = rows[first : first + SAMPLE]
            small = np.clip(part, 0, 255).astype(np.uint8)
            if not np.array_equal(small, part):
                self._bytes = None
                return
            self._bytes[first : first + len(part)] = small

    def _gather(self):
        """Puts the tail into cells: codes lie by cell, and in a cell by slot."""
        size, kernels = self._points.size, self._engine
        tail = self._cells[:size] < 0
        nearest = np.empty(np.count_nonzero(tail), np.int32)
        if len(nearest):
            kernels.nearest_codes(self._codes[:size][tail], self._prototypes, self._prototype_terms, nearest)
        self._cells[:size][tail] = nearest
        order = np.lexsort((self._slots[:size], self._cells[:size]))
        for array in (self._codes, self._terms, self._slots, self._cells):
            array[:size] = array[:size][order]
        self._places[self._slots[:size]] = np.arange(size)
        spans = np.searchsorted(self._cells[:size], np.arange(len(self._prototypes) + 1))
        self._ends = np.append(spans, size)

    def _answer(self, Q, k, exact):
        kernels, points, coder = self._engine, self._points, self._coder
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations = np.zeros(len(Q), np.int64)
        table = self._codes[: points.size], self._terms[: points.size], self._slots[: points.size]
        cells = self._ends, self._prototypes, self._prototype_terms
        budgets = np.array(
            [
                spent(self.probes, len(self._prototypes)),
                min(points.n_alive, max(k, spent(self.candidates, points.n_alive))),
                min(k, points.n_alive),
                points.n_alive,
            ]
        )

        def serve(part):
            queries = Q[part].astype(np.float64, copy=False)
            coordinates, squared = coder.coordinates(Q[part], kernels, fine=exact)
            codes, losses = coder.codes(coordinates, squared, kernels)
            margins, fine = np.empty((0, 6)), np.empty((0, 0))
            if exact:
                fine = coder.fine(coordinates, squared, kernels)
                margins = coder.margins(codes, losses, squared, self._loss, self._radius)
            kernels.search_codes(
                table,
                cells,
                (codes, coder.looking(codes)),
                budgets,
                (margins, self._fine, fine),
                points.rows if self._bytes is None else self._bytes[: points.size],
                queries,
                distances[part],
                slots[part],
                evaluations[part],
            )
            kernels.ascending(distances[part], slots[part])

        over_blocks(serve, len(Q), BLOCK, self.n_jobs)
        certified = np.ones(len(Q), bool) if exact else evaluations == points.n_alive
        return distances, slots, evaluations, certified

    def _added(self, start):
        points = self._points
        if points.size > 2 * self._learnt_on:
            self._learn()
            return
        self._code(start)
        if self._drifted():
            self._learn()
        elif 8 * (points.size - self._ends[-2]) > points.size:
            self._gather()

    def _drifted(self):
        """Whether what was inserted since the map was learnt lies so far out, or so much beside, that it ill fits."""
        if self._radius > FARTHER * self._learnt_radius:
            return True
        inserted, (beside, total) = self._points.size - self._learnt_on, self._energy
        return 8 * inserted > self._learnt_on and beside > (0.1 + 1.5 * self._coder.share) * total

    def _removed(self, slots):
        self._dead(slots)

    def _dead(self, slots):
        self._terms[self._places[slots]] = self._engine.DEAD

    def _moved(self, kept):  # noqa: ARG002
        self._learn()

    def _state(self):
        size = self._points.size
        numbers = [self._radius, self._loss, self._learnt_radius, *self._energy]
        return {
            **{f"coder.{name}": array for name, array in self._coder.state().items()},
            **{name: getattr(self, f"_{name}")[:size] for name in self._BY_POINT},
            "ends": self._ends,
            "prototypes": self._prototypes,
            "prototype_terms": self._prototype_terms,
            "numbers": np.array(numbers),
            "counts": np.array([self._seed, self._learnt_on]),
        }

    def _restore(self, state):
        prefix = "coder."
        self._coder = Coder.restored({name[len(prefix) :]: a for name, a in state.items() if name.startswith(prefix)})
        for name in (*self._BY_POINT, "ends", "prototypes", "prototype_terms"):
            setattr(self, f"_{name}", state[name])
        self._radius, self._loss, self._learnt_radius = state["numbers"][:3].tolist()
        self._energy = state["numbers"][3:]
        self._seed, self._learnt_on = state["counts"].tolist()
        self._pack(0)
