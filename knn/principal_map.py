"""What Principal DCI learns from the points, and when it learns anew."""

from __future__ import annotations

import math
import threading

import numpy as np
from sklearn.utils.validation import check_is_fitted

from knn.by_rotation import ByRotation
from knn.file_arrays import counts, finite, measures
from knn.points import grown
from knn.principal_cells import Cells, means
from knn.principal_codes import COARSE, SAMPLE, Coder, canonical_sample
from knn.threads import one_blas_thread

#: Points that are coded together.
PART = 1024
#: Points that a cell holds on average, at least.
CELL = 64
#: Points of the sample for each cell, when cells are placed by k-means.
SHARE = 32
#: Bytes a point while cells are filled: a copy of its code, 64, and places, cells and orders, as many again.
PASSING = 128
#: A point that lies so much farther out than all that the map was learnt on asks for a new map.
FARTHER = 16.0
#: Held while what proofs need is made, once for an index.
_proving = threading.Lock()


def wanted_cells(n: int) -> int:
    """√n to a power of two and more: looking at all prototypes costs about as much as looking into cells."""
    return max(16, 2 ** math.ceil(math.log2(math.sqrt(max(1, n)))))


class LearntMap(ByRotation):
    """Directions, codes and cells, learnt from the points alive; new points take the present map until it ill fits.

    It is learnt anew when the points have doubled since, when those inserted lie `FARTHER` out or in other directions
    (`drift_`), and when the dead are cleared away. With fewer than 8 bits nothing is learnt but a centre and a scale.
    """

    cells: str
    directions: str
    n_cells: int | None
    _fine: np.ndarray | None

    def _learn(self):
        """A new map and new cells, on the points alive."""
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
        self._cells.kill(points.dead, kernels)

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

    def _make_provable(self):
        """The finer bound, made when a proof is first asked for."""
        with _proving:
            if self._fine is None:
                self._refine(0)

    def _added(self, start):
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
        size, d = self._points.rows.shape
        self._coder = Coder.restored(parts["coder"], d)
        self._cells = Cells.restored(parts["cells"], self._points, self._engine)
        self._fine = finite(state, "fine", np.float32, (size, self._coder.width)) if "fine" in state else None
        self._radius, self._loss, self._learnt_radius = measures(state, "numbers", 5)[:3]
        self._energy = state["numbers"][3:]
        self._seed, self._learnt_on = counts(state, "counts", 2)
        self._pack(0)
