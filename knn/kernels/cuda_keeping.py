"""The k nearest that a block of threads keeps for its query, while candidates come in any order."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from numba import cuda

from knn.kernels.cuda_definition import together
from knn.kernels.cuda_select import selecting
from knn.kernels.cuda_tiles import device


class Keeping(NamedTuple):
    """Functions that all threads of a block call together, for one query whose answer is distances and indices (k,).

    held float64 (c,) and names (c,) hold what may be among the nearest, kept (1,) of them; bound (1,) is the k-th
    distance so far. kept, bound and scratch int64 (room,) are shared. Atomics hand out places; the k nearest do not
    depend on them.
    """

    room: int
    #: clear(distances, indices): nothing is found yet.
    clear: Any
    #: keep_nearest(held, names, kept, bound, distances, indices, scratch): the nearest of the held by (distance, slot),
    #: in order, into the answer and to the front of the held.
    keep_nearest: Any
    #: measure(X, q, waiting, count, held, names, kept, bound, distances, indices, scratch): the slots in
    #: waiting[:count[0]] by the definition; those that may be among the nearest are held, and count (1,), shared, is 0
    #: again. The held have room for k and for as many as wait at most.
    measure: Any


@functools.cache
def keeping(threads: int = 128) -> Keeping:
    """The functions for blocks of so many threads."""
    (sharing, to_point), (room, nearest) = together(threads), selecting(threads)

    @device
    def clear(distances, indices):
        for place in range(cuda.threadIdx.x, distances.shape[0], threads):
            distances[place] = math.inf
            indices[place] = -1

    @device
    def keep_nearest(held, names, kept, bound, distances, indices, scratch):
        me, k, n = cuda.threadIdx.x, distances.shape[0], kept[0]
        nearest(held, names, n, distances, indices, scratch)
        for place in range(me, min(k, n), threads):
            held[place] = distances[place]
            names[place] = indices[place]
        if me == 0:
            kept[0] = min(k, n)
            bound[0] = distances[k - 1]
        cuda.syncthreads()

    @device
    def measure(X, q, waiting, count, held, names, kept, bound, distances, indices, scratch):
        me, k, n = cuda.threadIdx.x, distances.shape[0], count[0]
        rows, own, lane = sharing(q.shape[0])
        for first in range(0, n, rows):
            at = first + own
            slot = waiting[min(at, n - 1)]
            distance = math.sqrt(to_point(q, X[slot], lane))
            mine = lane == 0 and at < n
            # Nothing is nearer than ∞ where nothing is found, so that a square that overflowed ranks nothing.
            if mine and (distance < bound[0] or (distance == bound[0] and slot < indices[k - 1])):
                place = cuda.atomic.add(kept, 0, 1)
                held[place] = distance
                names[place] = slot
        cuda.syncthreads()
        full = kept[0] > held.shape[0] - waiting.shape[0]
        if me == 0:
            count[0] = 0
        cuda.syncthreads()
        if full:
            keep_nearest(held, names, kept, bound, distances, indices, scratch)

    return Keeping(room, clear, keep_nearest, measure)
