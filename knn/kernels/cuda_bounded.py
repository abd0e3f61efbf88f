"""Candidates ranked on a device: those that their lower bounds leave a chance, by the definition."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_definition import times
from knn.kernels.cuda_keeping import keeping
from knn.kernels.cuda_tiles import device


@functools.cache
def bounded(dtype: np.dtype, threads: int = 128, ahead: int = 4) -> Any:
    """The kernel for bounds of `dtype`; a block of `threads` has a query, and they look at `ahead` points each in turn.

    Called with X (n, d), Q (q, d), bounds (q, n) as `mark` leaves them (knn/kernels/cuda_projections.py), margins
    float64 (q, 2), radii (C, q, s), living, how many points live, and scratch held float64 and names int32 (q, c),
    c ≥ k + threads·(1 + ahead). Fills distances float64 (q, k), ∞ for nothing, indices int64 (q, k), −1 for nothing,
    evaluations int64 (q,), how many candidates no bound excludes in the end, which are those that
    knn/kernels/cpu_prioritized.py measures one by one, and certified bool (q,).
    """
    kind = dtype.type
    number = types.float32 if dtype == np.float32 else types.float64
    nothing, infinite = kind(0), kind(np.inf)
    chunk, room = threads * ahead, threads * (1 + ahead)
    scratch, clear, keep_nearest, measure = keeping(threads)

    @device
    def lower(bound, margin):
        """No point of such a bound is computed to be nearer; in the operations of knn/kernels/cpu_prioritized.py."""
        return times(np.float64(bound), 1.0 - margin[0]) - margin[1]

    @cuda.jit
    def nearest(X, Q, bounds, margins, radii, living, held, names, distances, indices, evaluations, certified):
        waiting = cuda.shared.array(room, types.int32)
        chosen = cuda.shared.array(scratch, types.int64)
        count = cuda.shared.array(1, types.int32)
        kept = cuda.shared.array(1, types.int32)
        bound = cuda.shared.array(1, types.float64)
        candidates = cuda.shared.array(1, types.int32)
        asked = cuda.shared.array(1, types.int32)
        some = cuda.local.array(ahead, number)
        row, me, n = cuda.blockIdx.x, cuda.threadIdx.x, bounds.shape[1]
        query, own_held, own_names, near, slots = Q[row], held[row], names[row], distances[row], indices[row]
        clear(near, slots)
        if me == 0:
            count[0] = 0
            kept[0] = 0
            bound[0] = math.inf
            candidates[0] = 0
            asked[0] = 0
        cuda.syncthreads()
        mine = 0
        for start in range(me, n + me, chunk):
            for part in range(ahead):
                at = start + part * threads
                some[part] = bounds[row, at] if at < n else infinite
            for part in range(ahead):
                if nothing <= some[part] < infinite:
                    mine += 1
                    if not lower(some[part], margins[row]) > bound[0]:
                        waiting[cuda.atomic.add(count, 0, 1)] = start + part * threads
            cuda.syncthreads()
            enough = count[0] >= threads
            cuda.syncthreads()
            if enough:
                measure(X, query, waiting, count, own_held, own_names, kept, bound, near, slots, chosen)
        measure(X, query, waiting, count, own_held, own_names, kept, bound, near, slots, chosen)
        keep_nearest(own_held, own_names, kept, bound, near, slots, chosen)
        cuda.atomic.add(candidates, 0, mine)
        mine = 0
        for at in range(me, n, threads):
            value = bounds[row, at]
            mine += nothing <= value < infinite and not lower(value, margins[row]) > bound[0]
        cuda.atomic.add(asked, 0, mine)
        cuda.syncthreads()
        if me == 0:
            reach = nothing
            for c in range(radii.shape[0]):
                least = infinite
                for j in range(radii.shape[2]):
                    least = min(least, radii[c, row, j])
                reach = max(reach, least)
            evaluations[row] = asked[0]
            proved = candidates[0] == living or lower(reach, margins[row]) >= bound[0]
            certified[row] = proved and bound[0] < math.inf

    return nearest
