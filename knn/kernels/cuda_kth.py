"""The k-th of keys in no order on a device, from above: what at least k of them do not exceed, by counting in parts.

There is no formula for the k-th, and none is needed where it bounds what is kept: a loose bound only keeps more.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_tiles import device

#: Parts into which the range of keys is cut, and how often: four millionths of it are left, so that a cluster within it
#: is told apart too.
BINS, PASSES = 64, 3


@functools.cache
def kth(wide: int) -> Any:
    """kth_at_most(keys, held, k, x, y, low, high, bins, parts): leaves in high[y] a value that at least k of the first
    `held` keys (c,) do not exceed, if k are held, whole numbers or not; little more than the least such value.

    The threads (x, y) of a block come together, x < wide, each y with its keys. low and high float64 (rows,), bins
    int32 (rows, BINS) and parts int32 (rows, wide) are shared; `wide` divides BINS.
    """

    @device
    def kth_at_most(keys, held, k, x, y, low, high, bins, parts):
        if x == 0:
            low[y] = math.inf
            high[y] = -math.inf
        cuda.syncthreads()
        for at in range(x, held, wide):
            cuda.atomic.min(low, y, np.float64(keys[at]))
            cuda.atomic.max(high, y, np.float64(keys[at]))
        for _ in range(PASSES):
            for b in range(x, BINS, wide):
                bins[y, b] = 0
            cuda.syncthreads()
            start, last = low[y], high[y]
            span = last - start
            each_part = BINS / span if span > 0.0 else 0.0
            for at in range(x, held, wide):
                key = np.float64(keys[at])
                if key <= last:  # what is below the range counts too
                    place = max(key - start, 0.0) * each_part
                    cuda.atomic.add(bins, (y, types.int64(place) if place < BINS else BINS - 1), 1)
            cuda.syncthreads()
            own = 0
            for b in range(x * BINS // wide, (x + 1) * BINS // wide):
                own += bins[y, b]
            parts[y, x] = own
            cuda.syncthreads()
            before = 0
            for other in range(x):
                before += parts[y, other]
            if before < k <= before + own:  # of one thread alone
                b = x * BINS // wide
                while before + bins[y, b] < k:
                    before += bins[y, b]
                    b += 1
                low[y] = start + b * (span / BINS)
                # A part ends where rounding says; no key of it is above this, whole numbers without an error included.
                if b < BINS - 1:
                    high[y] = min(last, start + (b + 1) * (span / BINS) + 2.0**-45 * (abs(start) + span))
            cuda.syncthreads()

    return kth_at_most
