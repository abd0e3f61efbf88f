"""The definition on a device: the ranking of what a screen let pass, and the answers of those whom no screen serves."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from numba import cuda, types

from knn.kernels.cuda_definition import definition
from knn.kernels.cuda_keeping import keeping


class Ranking(NamedTuple):
    """Five kernels; in `tell` and `full` a thread serves one query, in the others a block of `threads`.

    The first two take X (n, d), Q (q, d), flags int32 (q,), slots int32 (q, stripes, c) and scratch float64
    (q, stripes, c), and fill distances float64 (q, k), ∞ for nothing, and indices int64 (q, k), −1 for nothing.
    """

    threads: int
    #: rank(X, Q, flags, slots, counts, scratch, distances, indices): queries with flag 0, among those held, of which
    #: counts int32 (q, stripes) tells how many.
    rank: Any
    #: settle(X, alive, Q, flags, slots, scratch, distances, indices): queries with flag 1, among all that live;
    #: c ≥ k + threads.
    settle: Any
    #: name(ids, slots): what slots int64 (q, k) hold, by ids int64 (n,); −1 stays.
    name: Any
    #: tell(chosen, counts): how many of the slots int64 (q, c) come before the first −1, into counts (q, 1).
    tell: Any
    #: full(slots, told): whether slots int64 (q, k) are all filled, so that something was found, into told bool (q,).
    full: Any


@functools.cache
def ranking(threads: int = 128) -> Ranking:
    """The kernels, of any type of data; distances are those of knn/kernels/cuda_definition.py."""
    definition_sum = definition().to_point
    clear, keep_nearest = keeping(threads)[:2]

    @cuda.jit
    def rank(X, Q, flags, slots, counts, scratch, distances, indices):
        row, me = cuda.blockIdx.x, cuda.threadIdx.x
        if flags[row] != 0:
            return
        clear(distances[row], indices[row])
        for stripe in range(counts.shape[1]):
            for place in range(me, counts[row, stripe], threads):
                scratch[row, stripe, place] = math.sqrt(definition_sum(Q[row], X[slots[row, stripe, place]]))
        cuda.syncthreads()
        for stripe in range(counts.shape[1]):
            for place in range(me, counts[row, stripe], threads):
                distance, slot = scratch[row, stripe, place], slots[row, stripe, place]
                before = 0
                for part in range(counts.shape[1]):
                    for other in range(counts[row, part]):
                        d = scratch[row, part, other]
                        before += d < distance or (d == distance and slots[row, part, other] < slot)
                if before < distances.shape[1] and distance < math.inf:  # a square that overflowed ranks nothing
                    distances[row, before] = distance
                    indices[row, before] = slot

    @cuda.jit
    def settle(X, alive, Q, flags, slots, scratch, distances, indices):
        kept = cuda.shared.array(1, types.int32)
        bound = cuda.shared.array(1, types.float64)
        row, me = cuda.blockIdx.x, cuda.threadIdx.x
        if flags[row] == 0:
            return
        held, names = scratch[row, 0], slots[row, 0]
        clear(distances[row], indices[row])
        if me == 0:
            kept[0] = 0
            bound[0] = math.inf
        cuda.syncthreads()
        for start in range(0, X.shape[0], threads):
            point = start + me
            if point < X.shape[0] and alive[point]:
                distance = math.sqrt(definition_sum(Q[row], X[point]))
                if distance < bound[0]:
                    place = cuda.atomic.add(kept, 0, 1)
                    held[place] = distance
                    names[place] = point
            cuda.syncthreads()
            full = kept[0] > held.shape[0] - threads
            cuda.syncthreads()
            if full:
                keep_nearest(held, names, kept, bound, distances[row], indices[row])
        keep_nearest(held, names, kept, bound, distances[row], indices[row])

    @cuda.jit
    def name(ids, slots):
        row = cuda.blockIdx.x
        for place in range(cuda.threadIdx.x, slots.shape[1], threads):
            if slots[row, place] >= 0:
                slots[row, place] = ids[slots[row, place]]

    @cuda.jit
    def tell(chosen, counts):
        row = cuda.grid(1)
        if row < chosen.shape[0]:
            count = 0
            while count < chosen.shape[1] and chosen[row, count] >= 0:
                count += 1
            counts[row, 0] = count

    @cuda.jit
    def full(slots, told):
        row = cuda.grid(1)
        if row < slots.shape[0]:
            told[row] = slots[row, slots.shape[1] - 1] >= 0

    return Ranking(threads, rank, settle, name, tell, full)
