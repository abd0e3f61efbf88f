"""The definition of a distance on a device, in the order of addition of knn/kernels/cpu_distance.py: the same bits."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cpu_distance import CHUNK
from knn.kernels.cuda_tiles import device
from knn.kernels.jit import config
from knn.kernels.lanes import LANES

#: All threads of a warp.
WARP = 0xFFFFFFFF


class Definition(NamedTuple):
    """Two functions that kernels call; rows are float32 or float64, sums float64."""

    #: to_point(q, x): ‖q − x‖² of rows (d,).
    to_point: Any
    #: to_box(q, box): the same to the nearest point of a box (2, d), lower ends first.
    to_box: Any


def _rounded_product(a: float, b: float) -> float:
    return a * b


#: A product rounded by itself, so that no sum contracts with it; the simulator contracts nothing and has no such.
times = _rounded_product if config.ENABLE_CUDASIM else cuda.libdevice.dmul_rn


@functools.cache
def definition() -> Definition:
    """The functions; each sum is of chunks, sixteen lanes in each, halves on halves, and what is left one by one."""

    @device
    def point_gap(q, x, i):
        return np.float64(q[i]) - np.float64(x[i])

    @device
    def box_gap(q, box, i):
        value, low, high = np.float64(q[i]), np.float64(box[0, i]), np.float64(box[1, i])
        nearest = low if value < low else value
        return value - (high if nearest > high else nearest)

    def summed(gap_of: Any) -> Any:
        @device
        def total_of(q, x):
            lanes = cuda.local.array(LANES, types.float64)
            d, total = q.shape[0], 0.0
            for start in range(0, d, CHUNK):
                stop = min(start + CHUNK, d)
                whole = stop - (stop - start) % LANES
                if whole > start:
                    for lane in range(LANES):
                        lanes[lane] = 0.0
                    for i in range(start, whole, LANES):
                        for lane in range(LANES):
                            gap = gap_of(q, x, i + lane)
                            lanes[lane] += times(gap, gap)
                    for lane in range(8):
                        lanes[lane] += lanes[lane + 8]
                    for lane in range(4):
                        lanes[lane] += lanes[lane + 4]
                    for lane in range(2):
                        lanes[lane] += lanes[lane + 2]
                    total += lanes[0] + lanes[1]
                for i in range(whole, stop):
                    gap = gap_of(q, x, i)
                    total += times(gap, gap)
            return total

        return total_of

    return Definition(summed(point_gap), summed(box_gap))


class Together(NamedTuple):
    """The same distances by several threads, which read neighbouring coordinates of one row at a time."""

    #: sharing(d): (how many rows of d numbers a block measures at a time, which of them is this thread's, its lane
    #: among those that share it, from 0 on). A row of too few numbers has one thread.
    sharing: Any
    #: to_point(q, x, lane): ‖q − x‖² of rows (d,), for each of the threads that share x. All threads of the block call
    #: it as often as one another.
    to_point: Any


@functools.cache
def together(threads: int) -> Together:
    """The functions for blocks of `threads`, whole warps on a device, of which as many share a row as divide it."""
    width = math.gcd(threads, LANES)
    each, many = LANES // width, width.bit_length() - 1

    @device
    def sharing(d):
        me, share = cuda.threadIdx.x, many if d >= LANES else 0
        return threads >> share, me >> share, me & ((1 << share) - 1)

    @device
    def to_point(q, x, lane):
        lanes = cuda.local.array(each, types.float64)
        d, total = q.shape[0], 0.0
        for start in range(0, d, CHUNK):
            stop = min(start + CHUNK, d)
            whole = stop - (stop - start) % LANES
            if whole > start:
                for own in range(each):
                    lanes[own] = 0.0
                for i in range(start + lane, whole, LANES):
                    for own in range(each):
                        gap = np.float64(q[i + own * width]) - np.float64(x[i + own * width])
                        lanes[own] += times(gap, gap)
                half = each // 2
                while half > 0:
                    for own in range(half):
                        lanes[own] += lanes[own + half]
                    half //= 2
                part, half = lanes[0], width // 2
                while half > 0:
                    part += cuda.shfl_xor_sync(WARP, part, half)
                    half //= 2
                total += part
            for i in range(whole, stop):  # by each thread: it costs what one of them alone would
                gap = np.float64(q[i]) - np.float64(x[i])
                total += times(gap, gap)
        return total

    return Together(sharing, to_point)
