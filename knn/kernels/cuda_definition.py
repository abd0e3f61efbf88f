"""The definition of a distance on a device, in the order of addition of knn/kernels/cpu_distance.py: the same bits."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cpu_distance import CHUNK
from knn.kernels.cuda_tiles import device
from knn.kernels.jit import config
from knn.kernels.lanes import LANES


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
