"""Codes of one byte a coordinate on a device: rounding rows to whole steps, and putting together what stripes found."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_dot4 import dot4

#: The largest code; codes lie on both sides of 0 alike.
MOST = 127
#: The squared length of a dead point's code: beyond every threshold (knn/kernels/cpu_codes.py).
DEAD_CODE = 2**30


class Coding(NamedTuple):
    """Two kernels; in the first each thread has a row, in the second a block of `threads` a query.

    encode(values, step, alive, codes, norms, losses): values float32 (n, m) in whole steps, at most ±127, four to a
    word of codes int32 (n, words); ‖c‖² into norms int32 (n,), DEAD_CODE for the dead of alive uint8 (n,), or (0,)
    where all live; and into losses float64 (n,) how far rounding moved a row that was clipped to ±127 steps, in steps.

    merge(keys, slots, counts, k, most, flags, few, tallies): of queries with flag 0, the slots of the k least keys
    int32 (q, stripes, c), of magnitude at most `most`, and of what ties with the k-th, into few int32 (q, c) in any
    order, and how many into tallies int32 (q, 1); where these are more than c, the flag becomes 1.
    """

    threads: int
    encode: Any
    merge: Any


@functools.cache
def coding(threads: int = 128) -> Coding:
    """The kernels."""

    @cuda.jit
    def encode(values, step, alive, codes, norms, losses):
        row = cuda.grid(1)
        if row >= values.shape[0]:
            return
        lost, norm = 0.0, types.int32(0)
        for word in range(codes.shape[1]):
            packed = np.int64(0)
            for part in range(4):
                column = 4 * word + part
                value = np.float64(values[row, column]) / step if column < values.shape[1] else 0.0
                if not abs(value) < MOST:  # what is no number has some code: nothing is proved of it (see `prove`)
                    value = float(MOST) if value > 0.0 else -float(MOST)
                whole = np.int64(math.floor(value + 0.5))
                lost += (value - whole) * (value - whole)
                packed += (whole if part == 3 else whole & 255) << (8 * part)  # the last has the sign of the word
            codes[row, word] = packed
            norm = dot4(codes[row, word], codes[row, word], norm)
        norms[row] = DEAD_CODE if alive.shape[0] > 0 and alive[row] == 0 else norm
        losses[row] = math.sqrt(lost)

    @cuda.jit
    def merge(keys, slots, counts, k, most, flags, few, tallies):
        low = cuda.shared.array(1, types.int32)
        high = cuda.shared.array(1, types.int32)
        tally = cuda.shared.array(1, types.int32)
        row, me = cuda.blockIdx.x, cuda.threadIdx.x
        if flags[row] != 0:
            return
        if me == 0:
            low[0] = -most - 1
            high[0] = most
            tally[0] = 0
        cuda.syncthreads()
        # The k-th of keys in no order has no formula: 2·most + 1 whole numbers are halved, 23 times for 64 codes, and
        # fewer where k keys are told from the rest before.
        while high[0] - low[0] > 1:
            middle, below = low[0] + (high[0] - low[0]) // 2, 0
            for stripe in range(counts.shape[1]):
                for place in range(me, counts[row, stripe], threads):
                    below += keys[row, stripe, place] <= middle
            cuda.atomic.add(tally, 0, below)
            cuda.syncthreads()
            if me == 0:
                at_most = tally[0]
                if at_most >= k:
                    high[0] = middle
                if at_most <= k:  # both where k keys are told from the rest: no need to know the k-th itself
                    low[0] = middle
                tally[0] = 0
            cuda.syncthreads()
        for stripe in range(counts.shape[1]):
            for place in range(me, counts[row, stripe], threads):
                if keys[row, stripe, place] <= high[0]:
                    to = cuda.atomic.add(tally, 0, 1)
                    if to < few.shape[1]:
                        few[row, to] = slots[row, stripe, place]
        cuda.syncthreads()
        if me == 0:
            tallies[row, 0] = tally[0]
            if tally[0] > few.shape[1]:
                flags[row] = 1

    return Coding(threads, encode, merge)
