"""The definition on a device: the ranking of what a screen let pass, and the answers of those whom no screen serves."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

from numba import cuda, types

from knn.kernels.cuda_definition import together
from knn.kernels.cuda_halves import ALL
from knn.kernels.cuda_keeping import keeping
from knn.kernels.cuda_select import selecting

#: Points that each thread may hold, beside the k nearest, before these are told from them: a guess about time.
ROUNDS = 4


class Ranking(NamedTuple):
    """Five kernels; in `tell` and `full` a thread serves one query, in the others a block of `threads`.

    The first two take X (n, d), Q (q, d), flags int32 (q,), slots int32 (q, stripes·c) and scratch float64 of the same
    shape, which both are written to, and fill distances float64 (q, k), ∞ for nothing, and indices int64 (q, k), −1 for
    nothing.
    """

    threads: int
    #: rank(X, Q, flags, slots, counts, scratch, distances, indices): queries whose flag is not ALL, among those held,
    #: the first of each stripe, of which counts int32 (q, stripes) tells how many.
    rank: Any
    #: settle(X, alive, Q, flags, slots, scratch, distances, indices): queries with the flag ALL, among all that live;
    #: stripes·c ≥ k + threads.
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
    (sharing, to_point), (room, nearest) = together(threads), selecting(threads)
    clear, keep_nearest = keeping(threads)[1:3]

    @cuda.jit
    def rank(X, Q, flags, slots, counts, scratch, distances, indices):
        chosen = cuda.shared.array(room, types.int64)
        row, me, stripes = cuda.blockIdx.x, cuda.threadIdx.x, counts.shape[1]
        if flags[row] == ALL:
            return
        clear(distances[row], indices[row])
        total, stripe, start, each = 0, 0, 0, slots.shape[1] // stripes
        for other in range(stripes):
            total += counts[row, other]
        # Stripes hold few each: side by side there is one to measure for all threads. A place is read before what moves
        # to it is written, since none moves but to the front.
        for first in range(0, total, threads):
            place, slot = first + me, 0
            if place < total:
                while place - start >= counts[row, stripe]:
                    start += counts[row, stripe]
                    stripe += 1
                slot = slots[row, stripe * each + place - start]
            cuda.syncthreads()
            if place < total:
                slots[row, place] = slot
        cuda.syncthreads()
        rows, own, lane = sharing(X.shape[1])
        for first in range(0, total, rows):
            place = first + own
            distance = math.sqrt(to_point(Q[row], X[slots[row, min(place, total - 1)]], lane))
            if lane == 0 and place < total:
                scratch[row, place] = distance
        cuda.syncthreads()
        nearest(scratch[row], slots[row], total, distances[row], indices[row], chosen)

    @cuda.jit
    def settle(X, alive, Q, flags, slots, scratch, distances, indices):
        chosen = cuda.shared.array(room, types.int64)
        kept = cuda.shared.array(1, types.int32)
        bound = cuda.shared.array(1, types.float64)
        row, me = cuda.blockIdx.x, cuda.threadIdx.x
        if flags[row] != ALL:
            return
        # With the rest of the room the k-th would be known later, and more be held that is farther.
        most = min(scratch.shape[1], distances.shape[1] + ROUNDS * threads)
        held, names = scratch[row, :most], slots[row, :most]
        rows, own, lane = sharing(X.shape[1])
        clear(distances[row], indices[row])
        if me == 0:
            kept[0] = 0
            bound[0] = math.inf
        cuda.syncthreads()
        for start in range(0, X.shape[0], threads):
            for first in range(start, start + threads, rows):
                point = first + own
                distance = math.sqrt(to_point(Q[row], X[min(point, X.shape[0] - 1)], lane))
                if lane == 0 and point < X.shape[0] and alive[point] and distance < bound[0]:
                    place = cuda.atomic.add(kept, 0, 1)
                    held[place] = distance
                    names[place] = point
            cuda.syncthreads()
            full = kept[0] > held.shape[0] - threads
            cuda.syncthreads()
            if full:
                keep_nearest(held, names, kept, bound, distances[row], indices[row], chosen)
        keep_nearest(held, names, kept, bound, distances[row], indices[row], chosen)

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
