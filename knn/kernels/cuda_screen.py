"""The exact screen on a device: matrix products by tiles in shared memory, selected from where they are made.

One block sees a tile of queries and one stripe of the points, tile after tile. Keys at most the threshold T(κ) of
their query (knn/kernels/cpu_screen.py has the bound, knn/screening.py its margins) go to the query's buffer in global
memory, so the matrix of all keys is never stored. When a buffer might not hold another tile, all are tightened: κ
becomes a value that at least k of the held do not exceed, found by counting how many lie in each part of their range,
and what exceeds T(κ) is dropped.

Which keys a buffer holds depends on the tiles alone; their order in it depends on the hardware, and nothing depends on
that order.

Rows of int32 are codes of bytes (knn/kernels/cuda_codes.py): keys are whole numbers without an error, margins only tell
in their first number how far below 0 a key may be, and T(κ) is the whole part of κ. Rows of float16 are halves
(knn/kernels/cuda_halves.py), two to a word, each query at a scale of its own: `factors` take its products back.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_codes import DEAD_CODE
from knn.kernels.cuda_kth import BINS, kth
from knn.kernels.cuda_matrix import hidden
from knn.kernels.cuda_tiles import device, resident, tiles

#: Keys that a thread looks at before all wait, when some are dropped.
AHEAD = 4


@functools.cache
def screening(dtype: np.dtype, wide: int = 16, each: int = 8, matrix: bool = False) -> Any:
    """The kernel for one type of words; its threads, wide × wide a block, hold each × each products, or by matrices.

    Called with X (n, d) and Q (q, d) as seen, norms (n,) ‖x'‖² (∞ for the dead), factors (q,), by which products are
    multiplied where rows are halves and which are not read elsewhere (they are 2), margins float64 (q, 4), k, two flags
    `serves` and `fails`, flags int32 (q,), and, to be filled, keys (q, stripes, ≥ c), slots int32 (q, stripes, c) and
    counts int32 (q, stripes), on a grid (tiles of queries, stripes). c ≥ 2·tile + k, where tile = wide·each. Queries
    with the flag `serves` are served: afterwards their buffers hold all their k nearest, or the flag is `fails`, since
    so many points tie within the margin that no buffer holds them. What others have is left as it is.
    """
    pieces = tiles(dtype, wide, each, matrix)
    tile, shape, alignment, word, number, lanes, query, point, fetch_points, fetch_queries, put, multiply = pieces
    whole, halves = dtype == np.int32, dtype == np.float16
    kind = np.float32 if halves else dtype.type
    width = np.finfo(np.float32 if whole else kind)
    largest, infinite = (DEAD_CODE // 2, kind(DEAD_CODE)) if whole else (width.max, kind(np.inf))
    two_units, least = 2 * float(width.eps), float(width.smallest_subnormal)
    nothing, two = kind(0), kind(2)
    again, kth_at_most = hidden(), kth(wide)
    both_sides, of_queries = (2, *shape), tile if halves else 1

    @device
    def collect(sums, norms, twice, thresholds, counts, first, first_query, keys, slots):
        """Appends the keys of a tile that their query's threshold lets pass; there is room for all of them.

        Whether the thread saw a buffer in which there is no room for another tile.
        """
        room, full = types.uint64(slots.shape[2] - tile), False
        (y, x), stripe = lanes(), types.uint64(cuda.blockIdx.y)
        for i in range(each):
            local = y + query(i)
            threshold, factor = thresholds[local], twice[local] if halves else two
            lowest = infinite
            for j in range(each):
                sums[i, j] = norms[x + point(j)] - factor * sums[i, j]
                lowest = min(lowest, sums[i, j])
            if lowest <= threshold:
                row = types.uint64(first_query) + local
                for j in range(each):
                    if sums[i, j] <= threshold:
                        to = types.uint64(cuda.atomic.add(counts, local, 1))
                        keys[row, stripe, to] = sums[i, j]
                        slots[row, stripe, to] = first + types.int64(x + point(j))
                        full = full or to >= room
        return full

    @device
    def whole_limit(kth, margin):  # noqa: ARG001
        """T(κ) for keys without an error."""
        return kind(math.floor(kth))

    @device
    def rounded_limit(kth, margin):
        """T(κ), rounded upwards, as knn/kernels/cpu_screen.py has it."""
        nearest = math.sqrt(max(kth + margin[0] + margin[1], 0.0)) + margin[2]
        reach = nearest * (1.0 + 2.0 * margin[3]) + margin[2]
        exact = reach * reach - margin[0] + margin[1]
        # Twice the slack of the CPU's, for contracted products, and two units of the data's type for the cast.
        slack = 2.0**-48 * (reach * reach + margin[0] + margin[1])
        return kind(exact + slack + abs(exact) * two_units + least)

    limit = whole_limit if whole else rounded_limit

    @device
    def drop(keys, slots, held, threshold, x, y, tally):
        """Keeps the keys at most the threshold, in place; tally[y] is then how many."""
        some = cuda.local.array(AHEAD, number)
        theirs = cuda.local.array(AHEAD, types.int32)
        if x == 0:
            tally[y] = 0
        for start in range(0, slots.shape[0], wide * AHEAD):
            for i in range(AHEAD):
                at = start + i * wide + x
                kept = at < held and keys[at] <= threshold
                some[i] = keys[at] if kept else infinite
                theirs[i] = slots[at] if kept else 0
            cuda.syncthreads()
            for i in range(AHEAD):
                if some[i] <= threshold:  # to the front of all that were read, so that those yet to be read stay
                    to = cuda.atomic.add(tally, y, 1)
                    keys[to] = some[i]
                    slots[to] = theirs[i]
        cuda.syncthreads()

    @device
    def tighten(keys, slots, counts, thresholds, margins, first_query, k, low, high, bins, parts, tally):
        """Lowers the threshold of each query that holds k keys, and drops what it turns away."""
        # Nothing of this is worked out before the tiles, whose sums need the registers.
        x, y, stripe = types.int64(again(cuda.threadIdx.x)), types.int64(again(cuda.threadIdx.y)), cuda.blockIdx.y
        for i in range(each):
            local = i * wide + y
            inside = first_query + local < margins.shape[0]
            held = counts[local] if inside else 0
            row = first_query + local if inside else 0
            margin = margins[row]
            kth_at_most(keys[row, stripe], held, k, x, y, low, high, bins, parts)
            if x == 0 and held >= k:
                thresholds[local] = min(thresholds[local], limit(high[y], margin))
            cuda.syncthreads()
            drop(keys[row, stripe], slots[row, stripe], held, thresholds[local], x, y, tally)
            if x == 0 and inside:
                counts[local] = tally[y]
            cuda.syncthreads()

    # Thread by thread some registers would be spilled where two blocks share a multiprocessor.
    @(resident(wide * wide) if matrix else cuda.jit)
    def screen(X, norms, Q, factors, margins, k, serves, fails, flags, keys, slots, counts):
        points = cuda.shared.array(both_sides, word, alignment)
        queries = cuda.shared.array(both_sides, word, alignment)
        tile_norms = cuda.shared.array(tile, number, alignment)
        thresholds = cuda.shared.array(tile, number, alignment)
        twice = cuda.shared.array(of_queries, number, alignment)
        held = cuda.shared.array(tile, types.int32)
        low = cuda.shared.array(wide, types.float64)  # a line each: the simulator tells shared arrays apart by line
        high = cuda.shared.array(wide, types.float64)
        tally = cuda.shared.array(wide, types.int32)
        bins = cuda.shared.array((wide, BINS), types.int32)
        parts = cuda.shared.array((wide, wide), types.int32)
        sums = cuda.local.array((each, each), number)
        some = cuda.local.array(each, word)
        others = cuda.local.array(each, word)
        me = cuda.threadIdx.y * wide + cuda.threadIdx.x
        first_query, stripe = cuda.blockIdx.x * tile, cuda.blockIdx.y
        own = first_query + me  # the query of a thread that has one
        served = me < tile and own < Q.shape[0] and flags[own] == serves
        if not cuda.syncthreads_or(types.int32(served)):
            return
        width = -(-X.shape[0] // (cuda.gridDim.y * tile)) * tile
        begin, end = stripe * width, min(X.shape[0], (stripe + 1) * width)
        room = slots.shape[2] - tile
        if me < tile:
            # Rows beyond the last query, and those that are answered otherwise, let nothing pass.
            thresholds[me] = largest if served else -largest
            held[me] = 0
            if halves:
                twice[me] = factors[own] if served else nothing
        fetch_points(X, begin, 0, some, points[0])
        fetch_queries(Q, first_query, 0, others, queries[0])
        put(some, points[0])
        put(others, queries[0])
        cuda.syncthreads()
        side = types.uint64(0)
        for first in range(begin, end, tile):
            for i in range(each):
                for j in range(each):
                    sums[i, j] = nothing
            if me < tile:
                tile_norms[me] = norms[first + me] if first + me < end else infinite
            for start in range(wide, X.shape[1] + wide, wide):
                last = start >= X.shape[1]
                other = types.uint64(1) - side
                fetch_points(X, first + tile if last else first, 0 if last else start, some, points[other])
                fetch_queries(Q, first_query, 0 if last else start, others, queries[other])
                multiply(points[side], queries[side], sums)
                side = other
                put(some, points[side])
                put(others, queries[side])
                cuda.syncthreads()
            full = collect(sums, tile_norms, twice, thresholds, held, first, first_query, keys, slots)
            # After the tile and not before the next: the sums are done with, and their registers free.
            more = first + tile < end
            if cuda.syncthreads_or(types.int32(full or not more)):
                tighten(keys, slots, held, thresholds, margins, first_query, k, low, high, bins, parts, tally)
                if me < tile and held[me] > room and more:
                    flags[own] = fails
                    thresholds[me] = -largest
                    held[me] = 0
        if me < tile and own < Q.shape[0] and flags[own] == serves:
            counts[own, stripe] = held[me]

    return screen
