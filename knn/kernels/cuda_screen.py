"""The exact screen on a device: matrix products by tiles in shared memory, selected from where they are made.

One block sees a tile of queries and one stripe of the points, tile after tile. Keys at most the threshold T(κ) of
their query (knn/kernels/cpu_screen.py has the bound, knn/screening.py its margins) go to the query's buffer in global
memory, so the matrix of all keys is never stored. When a buffer might not hold another tile, all are tightened: κ
becomes a key that at least k of the held do not exceed, found by bisection, and what exceeds T(κ) is dropped.

Which keys a buffer holds depends on the tiles alone; their order in it depends on the hardware, and nothing depends on
that order.

Rows of int32 are codes of bytes (knn/kernels/cuda_codes.py): keys are whole numbers without an error, margins only tell
in their first number how far below 0 a key may be, and T(κ) is the whole part of κ.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_codes import DEAD_CODE
from knn.kernels.cuda_tiles import device, resident, tiles

#: Halvings of the range of keys at a tightening: a millionth of the range is left. There is no formula for the k-th of
#: keys in no order, whole or not, and none is needed: whatever at least k keys do not exceed is a limit, of which a
#: loose one only lets more pass. So halvings end by their number, which is the same for all threads.
HALVINGS = 20


@functools.cache
def screening(dtype: np.dtype, wide: int = 16, each: int = 8) -> Any:
    """The kernel for one type of data; its threads, wide × wide a block, hold each × each products.

    Called with X (n, d) and Q (q, d) as seen, norms (n,) ‖x'‖² (∞ for the dead), margins float64 (q, 4), k, flags int32
    (q,), and, to be filled, keys (q, stripes, c), slots int32 (q, stripes, c), counts int32 (q, stripes), on a grid
    (tiles of queries, stripes). c ≥ 2·tile + k, where tile = wide·each. Afterwards the buffers of a query hold all its
    k nearest, or its flag is 1: so many points tie within the margin that no buffer holds them, or it was 1 before.
    """
    tile, padded, alignment, number, place, lane, fetch, put, multiply = tiles(dtype, wide, each)
    kind, whole = dtype.type, dtype == np.int32
    width = np.finfo(np.float32 if whole else dtype)
    largest, infinite = (DEAD_CODE // 2, kind(DEAD_CODE)) if whole else (width.max, kind(np.inf))
    two_units, least = 2 * float(width.eps), float(width.smallest_subnormal)
    nothing, two = kind(0), kind(2)

    @device
    def collect(sums, norms, thresholds, counts, first, first_query, keys, slots):
        """Appends the keys of a tile that their query's threshold lets pass; there is room for all of them.

        Whether the thread saw a buffer in which there is no room for another tile.
        """
        room, full = types.uint64(keys.shape[2] - tile), False
        x, y, stripe = lane(cuda.threadIdx.x), lane(cuda.threadIdx.y), types.uint64(cuda.blockIdx.y)
        for i in range(each):
            local = y + types.uint64(place(i, 0))
            threshold = thresholds[local]
            lowest = infinite
            for j in range(each):
                sums[i, j] = norms[x + types.uint64(place(j, 0))] - two * sums[i, j]
                lowest = min(lowest, sums[i, j])
            if lowest <= threshold:
                query = types.uint64(first_query) + local
                for j in range(each):
                    if sums[i, j] <= threshold:
                        to = types.uint64(cuda.atomic.add(counts, local, 1))
                        keys[query, stripe, to] = sums[i, j]
                        slots[query, stripe, to] = first + place(j, cuda.threadIdx.x)
                        full = full or to >= room
        return full

    @device
    def kth_at_most(keys, held, k, margin, low, high, tally):
        """Leaves in high[y] a key that at least k of the first `held` keys (c,) do not exceed, if k are held."""
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        if x == 0:
            low[y] = -margin[0] - margin[1]
            high[y] = low[y]
        cuda.syncthreads()
        for at in range(x, held, wide):
            cuda.atomic.max(high, y, np.float64(keys[at]))
        cuda.syncthreads()
        for _ in range(HALVINGS):
            middle = low[y] + 0.5 * (high[y] - low[y])
            if x == 0:
                tally[y] = 0
            cuda.syncthreads()
            below = 0
            for at in range(x, held, wide):
                below += np.float64(keys[at]) <= middle
            cuda.atomic.add(tally, y, below)
            cuda.syncthreads()
            if x == 0:
                if tally[y] >= k:
                    high[y] = middle
                else:
                    low[y] = middle
            cuda.syncthreads()

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
    def drop(keys, slots, held, threshold, tally):
        """Keeps the keys at most the threshold, in place; tally[y] is then how many."""
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        if x == 0:
            tally[y] = 0
        for start in range(0, keys.shape[0], wide):
            at = start + x
            kept = at < held and keys[at] <= threshold
            key = keys[at] if kept else nothing
            slot = slots[at] if kept else 0
            cuda.syncthreads()
            if kept:  # to the front of all that were read, so that those yet to be read stay
                to = cuda.atomic.add(tally, y, 1)
                keys[to] = key
                slots[to] = slot
        cuda.syncthreads()

    @device
    def tighten(keys, slots, counts, thresholds, margins, first_query, k, low, high, tally):
        """Lowers the threshold of each query that holds k keys, and drops what it turns away."""
        y, stripe = cuda.threadIdx.y, cuda.blockIdx.y
        for i in range(each):
            local = i * wide + y
            inside = first_query + local < margins.shape[0]
            held = counts[local] if inside else 0
            query = first_query + local if inside else 0
            margin = margins[query]
            kth_at_most(keys[query, stripe], held, k, margin, low, high, tally)
            if cuda.threadIdx.x == 0 and held >= k:
                thresholds[local] = min(thresholds[local], limit(high[y], margin))
            cuda.syncthreads()
            drop(keys[query, stripe], slots[query, stripe], held, thresholds[local], tally)
            if cuda.threadIdx.x == 0 and inside:
                counts[local] = tally[y]
            cuda.syncthreads()

    # Other types than float32 would spill some registers where two blocks share a multiprocessor.
    @(resident(wide * wide) if dtype == np.float32 else cuda.jit)
    def screen(X, norms, Q, margins, k, flags, keys, slots, counts):
        points = cuda.shared.array((2, wide, padded), number, alignment)
        queries = cuda.shared.array((2, wide, padded), number, alignment)
        tile_norms = cuda.shared.array(tile, number, alignment)
        thresholds = cuda.shared.array(tile, number, alignment)
        held = cuda.shared.array(tile, types.int32)
        low = cuda.shared.array(wide, types.float64)  # a line each: the simulator tells shared arrays apart by line
        high = cuda.shared.array(wide, types.float64)
        tally = cuda.shared.array(wide, types.int32)
        sums = cuda.local.array((each, each), number)
        some = cuda.local.array(each, number)
        others = cuda.local.array(each, number)
        me = cuda.threadIdx.y * wide + cuda.threadIdx.x
        first_query, stripe = cuda.blockIdx.x * tile, cuda.blockIdx.y
        width = -(-X.shape[0] // (cuda.gridDim.y * tile)) * tile
        begin, end = stripe * width, min(X.shape[0], (stripe + 1) * width)
        room = keys.shape[2] - tile
        if me < tile:
            query = first_query + me
            # Rows beyond the last query, and those that are answered otherwise, let nothing pass.
            thresholds[me] = largest if query < Q.shape[0] and flags[query] == 0 else -largest
            held[me] = 0
        fetch(X, begin, 0, some)
        fetch(Q, first_query, 0, others)
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
                fetch(X, first + tile if last else first, 0 if last else start, some)
                fetch(Q, first_query, 0 if last else start, others)
                multiply(points[side], queries[side], sums)
                side = types.uint64(1) - side
                put(some, points[side])
                put(others, queries[side])
                cuda.syncthreads()
            full = collect(sums, tile_norms, thresholds, held, first, first_query, keys, slots)
            # After the tile and not before the next: the sums are done with, and their registers free.
            if cuda.syncthreads_or(types.int32(full)):
                tighten(keys, slots, held, thresholds, margins, first_query, k, low, high, tally)
                if me < tile and held[me] > room:
                    flags[first_query + me] = 1
                    thresholds[me] = -largest
                    held[me] = 0
                cuda.syncthreads()
        tighten(keys, slots, held, thresholds, margins, first_query, k, low, high, tally)
        if me < tile and first_query + me < Q.shape[0]:
            counts[first_query + me, stripe] = held[me]

    return screen
