"""Principal DCI: the idea of DCI with directions that carry the information."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from knn.base import indexes
from knn.budgets import Budget
from knn.device_principal import DevicePrincipal
from knn.grids import products
from knn.on_device import OnDevice
from knn.principal_map import LearntMap
from knn.rotated_codes import BITS
from knn.threads import over_blocks
from knn.validation import checked_count, spent

#: Queries to a block: the scratch of a search, some bytes a point, is set up once for each.
BLOCK = 64
CELLS, DIRECTIONS = ("points", "k-means"), ("principal", "random-rotation")


@indexes.register("principal-dci")
@dataclass(kw_only=True, eq=False, repr=False)
class PrincipalDCI(OnDevice, LearntMap):
    """Points in the order of a bound from projections, as in DCI, on the principal directions of the data.

    A point is coded in 64 bytes: 63 principal coordinates and the norm of the rest, in one uniform step
    (knn/principal_codes.py). A search looks at the codes in the `probes` nearest of `n_cells` cells, and ranks by true
    distance the `candidates` points whose codes promise most; both are whole numbers or fractions, candidates are at
    least k, and what ties with the last one is taken too. Answers are certified when all points were measured.

    `n_cells=None` takes √n, up to a power of two. `cells="k-means"` places them at means of codes of a sample,
    `"points"` at random points, a level of DCI. `directions="random-rotation"` takes random directions, which need no
    data and cannot drift. With `bits` of 1, 2, 3 or 4 a whole rotation is coded so short, w·bits/8 + 8 bytes for w
    columns in whole 64s, and estimates distances without bias (RaBitQ: Gao & Long 2024; `error_`). There are no cells
    then: a search looks at all codes, and what measures all points is certified. With 8 bits the code is that of 63
    random directions; proofs have a bound then, and approximate answers find little.

    `exact=True` goes on until the answer is proved. Codes fall short of distances but for rounding, so one pass over
    all codes leaves the points that may be nearer than the k-th found; a finer bound, 127 coordinates in float32 and
    the norm of the rest, orders them, and the k-th distance cuts them off. Exact on any data, and quick where a few
    directions hold most of their energy.

    With device="cuda" every search looks at all points, by the same codes or, where these are too coarse to prove much,
    by the 64 numbers in float32, and ranks the `candidates` that promise most, ties by slot; with `exact=True` some
    hundreds of them, and all points for a query that is not proved then (knn/device_principal.py). `bits` must be 8.

    New points are coded by the present map and wait in a tail that every search looks at, until they are an eighth of
    all and are put into cells. The map is learnt anew when the points have doubled, when those inserted lie farther
    out or in other directions (`drift_`), and when the dead are cleared away: O(127 d) operations an insertion and its
    share of that. Memory besides the data (`memory_`): 80 bytes a point for the codes and, once a proof was asked for,
    up to 512 for the finer bound; whole numbers from 0 to 255 are kept as bytes besides, which are read faster.
    """

    exhaustive: ClassVar[dict[str, Any]] = {"probes": 1.0, "candidates": 1.0}
    usual: ClassVar[dict[str, int | float]] = {"probes": 0.2, "candidates": 50}
    learns: ClassVar[bool] = True
    most_points: ClassVar[int] = 2**30  # a cell begins at a multiple of 16 places, so that there are more than points

    n_cells: int | None = None
    cells: str = "k-means"
    directions: str = "principal"
    bits: int = 8
    probes: Budget = "auto"
    candidates: Budget = "auto"

    def tuning_grid(self, n, d):  # noqa: ARG002
        """(what is built, what is asked), for `knn.tuned`."""
        asked = products(probes=(0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.0), candidates=(12, 20, 30, 50, 100, 0.05))
        return [{"cells": cells} for cells in CELLS], asked

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_cells is not None:
            checked_count(self.n_cells, "n_cells")
        for name, choices in (("cells", CELLS), ("directions", DIRECTIONS)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name}={getattr(self, name)!r} is not known: use one of {choices}")
        checked_count(self.bits, "bits")
        if self.bits not in (8, *BITS) or (self.bits < 8 and self.directions == "principal"):
            raise ValueError(f"bits={self.bits!r} must be 8, or with directions='random-rotation' one of {BITS} too")
        if self.bits < 8 and self.device == "cuda":
            raise ValueError(f"bits={self.bits} with device='cuda' is not served: set bits=8 or device='cpu'")

    def _answer(self, Q, k, exact):
        if self.bits < 8:
            return super()._answer(Q, k, exact)
        if self.serves(len(Q)) == "cuda":
            return self._device_answer(Q, k, exact)
        kernels, points, coder = self._engine, self._points, self._coder
        if exact:
            self._make_provable()
        distances, slots = np.empty((len(Q), k)), np.empty((len(Q), k), np.int64)
        evaluations = np.zeros(len(Q), np.int64)
        table, cells = self._cells.table, self._cells.cells
        budgets = (
            spent(self._budget("probes"), len(self._cells.prototypes)),
            self._wanted(k),
            min(k, points.n_alive),
            points.n_alive,
        )
        rows = self._rows

        def serve(part):
            heaps = distances[part], slots[part]
            kernels.answer_queries(Q[part], coder.seer, table, cells, budgets, rows, heaps, evaluations[part])

        def prove(part):
            heaps, proof = (distances[part], slots[part]), (coder.sizes(self._loss, self._radius), self._fine)
            kernels.prove_queries(Q[part], coder.prover, table, cells, budgets, proof, rows, heaps, evaluations[part])

        over_blocks(prove if exact else serve, len(Q), BLOCK, self.n_jobs)
        certified = np.ones(len(Q), bool) if exact else evaluations == points.n_alive
        return distances, slots, evaluations, certified

    def _left_within(self, q, radius):
        if self.bits < 8:
            return super()._left_within(q, radius)
        self._make_provable()
        coder, out = self._coder, np.empty(self._points.size, np.int32)
        sizes = coder.sizes(self._loss, self._radius)
        count = self._engine.codes_leave(q[None], coder.prover, self._cells.table, sizes, self._fine, radius, out)
        return out[:count]

    def _device_made(self, rows, alive):
        return DevicePrincipal(rows, alive, self._coder)

    def _device_answer(self, Q, k, exact, ids=None):
        return self._on_device().answer(Q, k, self._wanted(k), exact, ids)

    def _learn(self):
        self._rows_on_device = None
        super()._learn()

    def _added(self, start):
        self._rows_on_device = self._given = None
        super()._added(start)

    def _removed(self, slots):
        self._rows_on_device = self._given = None
        super()._removed(slots)
