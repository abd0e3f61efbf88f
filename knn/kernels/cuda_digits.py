"""The value of a rank among whole numbers that a block of threads can tell one by one, digit by digit."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from numba import cuda, types

from knn.kernels.cuda_prefix import prefix_sums
from knn.kernels.cuda_tiles import device


class Digits(NamedTuple):
    """A function that all threads of a block call together, and what it wants of the kernel."""

    #: Numbers of int64 of its shared scratch.
    room: int
    #: of_rank(source, n, rank, scratch): the rank-th least, counted from 1, of `value_of(source, i)` for i < n, int64,
    #: none below 0; 1 ≤ rank ≤ n. scratch int64 (room,) is shared, and free again when it returns.
    of_rank: Any


@functools.cache
def digits(value_of: Any, width: int, threads: int = 128, digit: int = 8) -> Digits:
    """The function for values of `width` bits, whose digits have `digit` bits: width/digit times O(n/threads) and
    ⌈log₂ threads⌉ + 3 barriers. Atomics count; what is counted depends on no order.
    """
    up_to, bins = prefix_sums(threads), 1 << digit
    own, here = -(-bins // threads), bins + 2 * threads

    @device
    def of_rank(source, n, rank, scratch):
        counts, sums, known = scratch[:bins], scratch[bins:here], scratch[here:]
        me = cuda.threadIdx.x
        if me == 0:
            known[0] = 0
            known[1] = rank
        for shift in range(width - digit, -1, -digit):
            for b in range(me, bins, threads):
                counts[b] = 0
            cuda.syncthreads()
            prefix, left = known[0], known[1]
            for at in range(me, n, threads):
                value = types.int64(value_of(source, at))
                if (value >> shift) >> digit == prefix:  # two shifts: one by all bits of a number is none
                    cuda.atomic.add(counts, (value >> shift) & (bins - 1), 1)
            cuda.syncthreads()
            mine = 0
            for b in range(me * own, min((me + 1) * own, bins)):
                mine += counts[b]
            before = up_to(mine, sums) - mine
            if before < left <= before + mine:  # of one thread alone
                b = me * own
                while before + counts[b] < left:
                    before += counts[b]
                    b += 1
                known[0] = (prefix << digit) | b
                known[1] = left - before
            cuda.syncthreads()
        value = known[0]
        cuda.syncthreads()
        return value

    return Digits(here + 2, of_rank)
