"""DCI and Prioritized DCI on a CUDA device: every query's gaps to every point, and the nearest of the candidates."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from knn.device_candidates import AHEAD, FEW_THREADS, THREADS, DeviceCandidates, living_order, shaped
from knn.projections import Projections, margin_terms

#: Gaps that a thread holds along a side of its own, and bits of a digit when one of them is selected.
EACH, DIGIT = 4, 8


class Limits(NamedTuple):
    """What a composite index may do: entries that `lists` of its lists visit together, and points that it completes."""

    visits: int
    lists: int
    points: int


class DeviceProjections(DeviceCandidates):
    """Candidates of C composite indices of `n_simple` projections each, those of the CPU, for many queries at once.

    All points are looked at: of each the largest gap, of which those within the composite index's reach are candidates.
    Memory besides the data: a key of each list, as wide as the data, and as many again, sorted, where visits are
    counted; of each query a gap to every point, for as many queries at a time as a gigabyte holds.
    """

    def __init__(self, X: Any, alive: np.ndarray, projections: Projections, n_simple: int):
        from numba import cuda

        n, m = len(alive), projections.directions.shape[1]
        super().__init__(X, alive, 2 * m * projections.keys.dtype.itemsize)
        from knn.kernels.cuda_bounded import bounded
        from knn.kernels.cuda_projections import projecting

        self._projecting = projecting(self.dtype, FEW_THREADS, EACH, DIGIT)
        self._selecting = projecting(self.dtype, THREADS, EACH, DIGIT).select
        self._nearest = bounded(self.dtype, THREADS, AHEAD)
        self._lists = m // n_simple, n_simple
        self._keys = cuda.to_device(np.ascontiguousarray(projections.keys[:, :n])).reshape(*self._lists, n)
        self._marks = cuda.to_device(alive.astype(np.uint8))
        self._directions = cuda.to_device(projections.directions)
        self._radius, self._terms = projections.radius, margin_terms(self.shape[1], self.dtype)
        self._host = projections.keys, projections.order, projections.bounds
        self._sorted: Any = None

    def _scratch(self, k, limits):  # noqa: ARG002
        lists, held = self._lists[0] * self._lists[1], self._held(k)
        own = (lists, self.dtype), (lists, self.dtype), (self.shape[0], self.dtype), (2, np.float64)
        return *own, (held, np.float64), (held, np.int32)

    def _held(self, k):
        return k + THREADS * (1 + AHEAD)

    def _start(self, queries, limits, buffers, told, stream):
        kernels, (composites, s), n = self._projecting, self._lists, self.shape[0]
        q, k = told.distances.shape
        near, radii = (shaped(buffer, composites, q, s) for buffer in buffers[:2])
        gaps, margins = shaped(buffers[2], q, n), shaped(buffers[3], q, 2)
        held, names = (shaped(buffer, q, self._held(k)) for buffer in buffers[4:])
        few = FEW_THREADS, stream
        kernels.project[q, *few](queries, self._directions, near)
        kernels.margins[-(-q // FEW_THREADS), *few](queries, self._radius, *self._terms, margins, radii)
        tiles = -(-n // (FEW_THREADS * EACH)), -(-q // EACH)
        if limits.points < self._living:
            whole = np.int32 if self.dtype == np.float32 else np.int64
            for c in range(composites):
                own = slice(c, c + 1)
                kernels.mark[tiles, *few](self._keys[own], self._marks, near[own], radii[own], gaps)
                self._selecting[q, THREADS, stream](gaps.view(whole), limits.points, radii[c].view(whole))
        if limits.visits < self._living * limits.lists:
            groups = composites * s // limits.lists * q
            keys = self._sorted_keys()
            kernels.visit[-(-groups // FEW_THREADS), *few](keys, near, limits.visits, limits.lists, radii)
        kernels.mark[tiles, *few](self._keys, self._marks, near, radii, gaps)
        self._nearest[q, THREADS, stream](self._rows, queries, gaps, margins, radii, self._living, held, names, *told)

    def _sorted_keys(self):
        """The keys of the living, list by list in order, (m, living); made when visits are first counted."""
        from numba import cuda

        if self._sorted is None:
            keys, order, bounds = self._host
            order = living_order(order, keys, bounds, self._alive)
            self._sorted = cuda.to_device(np.take_along_axis(keys, order, axis=1))
            cuda.synchronize()  # before a stream that does not wait for the default one
        return self._sorted
