"""LSH on a CUDA device: the tables there, and the nearest of the points that share a bucket with a query."""

from __future__ import annotations

from typing import Any

import numpy as np

from knn.device_candidates import AHEAD, FEW_THREADS, DeviceCandidates, living_order, shaped
from knn.runs import SortedRuns


class DeviceTables(DeviceCandidates):
    """The candidates of the CPU's tables, for many queries at once; 12 bytes a point and table besides the data.

    `functions` = (directions (d, m·p), width, shifts (m·p,), factors (m·p,), the largest number of a bucket), as
    knn/lsh.py has them.
    """

    def __init__(self, X: Any, alive: np.ndarray, tables: SortedRuns, functions: tuple[Any, ...]):
        from numba import cuda

        n, m = len(alive), len(tables.keys)
        super().__init__(X, alive, 12 * m)
        from knn.kernels.cuda_lsh import hashing

        self._hashing = hashing(FEW_THREADS, AHEAD)
        directions, self._width, shifts, factors, self._last = functions
        self._functions = cuda.to_device(directions), cuda.to_device(shifts), cuda.to_device(factors.view(np.int64))
        self._tables = cuda.to_device(np.ascontiguousarray(tables.keys[:, :n]))
        self._order = cuda.to_device(living_order(tables.order, tables.keys, tables.bounds, alive))

    def _scratch(self, k, limits):  # noqa: ARG002
        return (self._tables.shape[0], np.int64), (self._held(k), np.float64), (self._held(k), np.int32)

    def _held(self, k):
        return k + FEW_THREADS * (1 + AHEAD)

    def _start(self, queries, limits, buffers, told, stream):
        q, k = told.distances.shape
        hashes = shaped(buffers[0], q, self._tables.shape[0])
        held, names = (shaped(buffer, q, self._held(k)) for buffer in buffers[1:])
        directions, shifts, factors = self._functions
        self._hashing.hash[q, FEW_THREADS, stream](
            queries, directions, self._width, shifts, factors, self._last, hashes
        )
        buckets = hashes.view(np.uint64)
        self._hashing.collide[q, FEW_THREADS, stream](
            self._rows, queries, self._tables, self._order, buckets, limits, self._living, held, names, *told
        )
