"""Principal DCI: the idea of DCI with directions that carry the information."""

from __future__ import annotations

import math
import threading
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from knn.base import indexes
from knn.by_rotation import ByRotation
from knn.device_principal import DevicePrincipal
from knn.grids import products
from knn.on_device import OnDevice
from knn.points import grown
from knn.principal_cells import Cells, means
from knn.principal_codes import COARSE, SAMPLE, Coder, canonical_sample
from knn.rotated_codes import BITS
from knn.threads import one_blas_thread, over_blocks
from knn.validation import checked_count, spent

#: Queries to a block: the scratch of a search, some bytes a point, is set up once for each.
BLOCK = 64
#: Points that are coded together.
PART = 1024
#: Points that a cell holds on average, at least.
CELL = 64
#: Points of the sample for each cell, when cells are placed by k-means.
SHARE = 32
CELLS, DIRECTIONS = ("points", "k-means"), ("principal", "random-rotation")
#: Bytes a point while cells are filled: a copy of its code, 64, and places, cells and orders, as many again.
PASSING = 128
#: A point that lies so much farther out than all that the map was learnt on asks for a new map.
FARTHER = 16.0
#: Held while what proofs need is made, once for an index.
_proving = threading.Lock()


def wanted_cells(n: int) -> int:
    """√n to a power of two and more: looking at all prototypes costs about as much as looking into cells."""
    return max(16, 2 ** math.ceil(math.log2(math.sqrt(max(1, n)))))


@indexes.register("principal-dci")
class PrincipalDCI(OnDevice, ByRotation):
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

    With device="cuda" every search looks at all points, by 63 coordinates and the norm of the rest in float32, and
    ranks the `candidates` that promise most; with `exact=True` at least 128 of them, and all points for a query that is
    not proved then (knn/device_principal.py). `bits` must be 8.

    New points are coded by the present map and wait in a tail that every search looks at, until they are an eighth of
    all and are put into cells. The map is learnt anew when the points have doubled, when those inserted lie farther
    out or in other directions (`drift_`), and when the dead are cleared away: O(127 d) operations an insertion and its
    share of that. Memory besides the data (`memory_`): 80 bytes a point for the codes and, once a proof was asked for,
    up to 512 for the finer bound; whole numbers from 0 to 255 are kept as bytes besides, which are read faster.
    """

    exhaustive: ClassVar[dict[str, Any]] = {"probes": 1.0, "candidates": 1.0}
    usual: ClassVar[dict[str, int | float]] = {"probes": 0.2, "candidates": 50}
    learns: ClassVar[bool] = True
    _fine: np.ndarray | None

    def __init__(
        self,
        *,
        n_cells=None,
        cells="k-means",
        directions="principal",
        bits=8,
        probes="auto",
        candidates="auto",
        n_neighbors=5,
        metric="euclidean",
        device="cpu",
        n_jobs=None,
        random_state=None,
    ):
        self.n_cells = n_cells
        self.cells = cells
        self.directions = directions
        self.bits = bits
        self.probes = probes
        self.candidates = candidates
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

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

    def _learn(self):
        """A new map and new cells, on the points alive."""
        self._rows_on_device = None
        if self.bits < 8:
            super()._learn()
            return
        kernels, points = self._engine, self._points
        rng = np.random.RandomState(self._seed)
        living = np.flatnonzero(points.alive)
        rows = points.rows if len(living) == points.size else points.rows[living]
        count = max(1, min(wanted_cells(len(rows)) if self.n_cells is None else self.n_cells, len(rows) // CELL))
        chosen = canonical_sample(rows, rng, max(SAMPLE, SHARE * count))
        self._coder = coder = Coder(rows, chosen[:SAMPLE], rng, kernels, self.directions)
        self._learnt_on, self._learnt_radius = points.size, 0.0
        self._radius = self._loss = 0.0
        self._energy, self._fine = np.zeros(2), None
        codes = np.zeros((max(1, len(chosen)), COARSE + 1), np.int8)
        for first in range(0, len(chosen), PART):
            part = slice(first, first + PART)
            coordinates, squared = coder.coordinates(rows[chosen[part]], kernels, fine=False)
            codes[part] = coder.codes(coordinates, squared, kernels)[0]
        if self.cells == "k-means":
            with one_blas_thread:
                codes = means(codes, min(count, len(codes)))
        self._cells = Cells(codes[:count], points.size, kernels)
        self._code(0)
        self._learnt_radius = self._radius
        self._energy[:] = 0.0
        self._cells.gather(kernels)
        self._removed(points.dead)

    def _code(self, start):
        """Codes for the points from slot `start` on, at the end of the tail."""
        kernels, coder, stop = self._engine, self._coder, self._points.size
        self._pack(start)
        for first in range(start, stop, PART):
            part = slice(first, min(first + PART, stop))
            coordinates, squared = coder.coordinates(self._points.rows[part], kernels, fine=False)
            codes, losses, left = coder.coded(coordinates, squared, kernels)
            self._cells.append(codes, kernels)
            self._loss = max(self._loss, float(losses.max()))
            self._radius = max(self._radius, 1.01 * float(np.sqrt(squared.max())))
            self._energy += (left**2).sum(), squared.sum()
        if self._fine is not None:
            self._refine(start)

    def _refine(self, start):
        """What the finer bound compares, for the points from slot `start` on; made when a proof is first asked for."""
        kernels, coder, stop = self._engine, self._coder, self._points.size
        kept = np.empty((0, coder.width), np.float32) if self._fine is None else self._fine
        fine = grown(kept, start, stop)
        for first in range(start, stop, PART):
            part = slice(first, min(first + PART, stop))
            coordinates, squared = coder.coordinates(self._points.rows[part], kernels)
            fine[part] = coder.fine(coordinates, squared, kernels)
        self._fine = fine

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

    def _make_provable(self):
        """The finer bound, made when a proof is first asked for."""
        with _proving:
            if self._fine is None:
                self._refine(0)

    def _device_made(self, rows, alive):
        return DevicePrincipal(rows, alive, self._coder)

    def _device_answer(self, Q, k, exact, ids=None):
        return self._on_device().answer(Q, k, self._wanted(k), exact, ids)

    def _added(self, start):
        self._rows_on_device = self._given = None
        points = self._points
        if points.size > 2 * self._learnt_on:
            self._learn()
            return
        if self.bits < 8:
            super()._added(start)
            return
        self._code(start)
        if self._drifted():
            self._learn()
        elif 8 * self._cells.tail > points.size:
            self._cells.gather(self._engine)

    @property
    def memory_(self) -> dict[str, int]:
        """Bytes beside the data: codes, cells and map; what proofs need, once asked for; rows kept as bytes."""
        check_is_fitted(self)
        rows, fine = self._bytes, None if self.bits < 8 else self._fine
        return {
            "codes": sum(array.nbytes for array in self._held()),
            "proofs": 0 if fine is None else fine.nbytes,
            "rows": 0 if rows is None else rows.nbytes,
        }

    @property
    def _passing_a_point(self):
        return PASSING if self.bits == 8 else 0

    def _held(self):
        if self.bits < 8:
            return super()._held()
        return (*self._cells.state().values(), self._cells.slots, *self._coder.state().values())

    @property
    def drift_(self) -> float:
        """Share of the energy, that is of squared distance from the centre, that lies beside the 63 directions of the
        map: of the points inserted since it was learnt, less what it was of those that it was learnt from. Past
        0.1 + half the latter, in an eighth of the points, the map is learnt anew. 0 for a whole rotation.
        """
        check_is_fitted(self)
        if self.bits < 8 or not self._energy[1] > 0:
            return 0.0
        beside, total = self._energy
        return float(beside / total - self._coder.share)

    def _drifted(self):
        """Whether what was inserted since the map was learnt lies so far out, or so much beside, that it ill fits."""
        if self._radius > FARTHER * self._learnt_radius:
            return True
        inserted = self._points.size - self._learnt_on
        return 8 * inserted > self._learnt_on and self.drift_ > 0.1 + 0.5 * self._coder.share

    def _removed(self, slots):
        self._rows_on_device = self._given = None
        if self.bits < 8:
            super()._removed(slots)
        else:
            self._cells.kill(slots, self._engine)

    def _state(self):
        if self.bits < 8:
            return super()._state()
        numbers = [self._radius, self._loss, self._learnt_radius, *self._energy]
        fine = {} if self._fine is None else {"fine": self._fine[: self._points.size]}
        return {
            **{f"coder.{name}": array for name, array in self._coder.state().items()},
            **{f"cells.{name}": array for name, array in self._cells.state().items()},
            **fine,
            "numbers": np.array(numbers),
            "counts": np.array([self._seed, self._learnt_on]),
        }

    def _restore(self, state):
        if self.bits < 8:
            super()._restore(state)
            return
        parts: dict[str, dict[str, np.ndarray]] = {"coder": {}, "cells": {}}
        for name, array in state.items():
            part, _, rest = name.partition(".")
            parts.get(part, {})[rest] = array
        self._coder = Coder.restored(parts["coder"])
        self._cells = Cells.restored(parts["cells"], self._engine)
        self._fine = state.get("fine")
        self._radius, self._loss, self._learnt_radius = state["numbers"][:3].tolist()
        self._energy = state["numbers"][3:]
        self._seed, self._learnt_on = state["counts"].tolist()
        self._pack(0)
