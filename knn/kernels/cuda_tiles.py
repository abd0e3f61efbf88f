"""Products of two sets of rows on a device, a tile at a time: what its threads fetch, keep and multiply.

A block of wide × wide threads makes a tile of tile × tile products, tile = wide·each. `wide` coordinates of both sets
lie in shared memory, coordinate by coordinate, while the next are fetched to registers; each thread reads each of them
16 bytes at a time and holds each × each products, so that a number read from shared memory is multiplied `each` times.
Rows of int32 are codes, four signed bytes to a number, whose products are taken together (knn/kernels/cuda_dot4.py).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_dot4 import dot4
from knn.kernels.jit import config

#: Bytes that a thread reads from shared memory at once, and how arrays there are aligned for it.
VECTOR = 16


class Tiles(NamedTuple):
    """The device functions of one shape of tile, and the numbers that arrays in shared memory are made with."""

    tile: int
    #: Columns of an array in shared memory: rows start in different banks.
    padded: int
    #: For `cuda.shared.array`; None in the simulator, which knows no alignment.
    alignment: int | None
    #: Numba's type of the data.
    number: Any
    place: Any
    fetch: Any
    put: Any
    multiply: Any


def device(function: Any) -> Any:
    """A function that kernels call, compiled with each of them."""
    return cuda.jit(device=True)(function)


@functools.cache
def tiles(dtype: np.dtype, wide: int, each: int) -> Tiles:
    """The pieces for data of one type, `wide` threads along a side and `each` products along a side of a thread."""
    vector = min(each, VECTOR // dtype.itemsize)
    group = wide * vector
    nothing = dtype.type(0)
    number = {"f4": types.float32, "f8": types.float64, "i4": types.int32}[dtype.str[1:]]

    @device
    def plus_product(a, b, total):
        return total + a * b

    gain = dot4 if dtype == np.int32 else plus_product

    @device
    def place(j, lane):
        """Which row of the tile is the j-th of the thread `lane`: vectors of neighbouring threads are neighbours."""
        return lane * vector + ((j // vector) * group + j % vector)

    @device
    def fetch(rows, first, start, ahead):
        """ahead[p] = rows[first + p·wide + y, start + x], nought beyond the last row and coordinate."""
        column = start + cuda.threadIdx.x
        for part in range(each):
            row = first + part * wide + cuda.threadIdx.y
            ahead[part] = rows[row, column] if row < rows.shape[0] and column < rows.shape[1] else nothing

    @device
    def put(ahead, shared):
        """What `fetch` brought, into shared memory: shared[coordinate, row]."""
        for part in range(each):
            shared[cuda.threadIdx.x, part * wide + cuda.threadIdx.y] = ahead[part]

    @device
    def multiply(points, queries, sums):
        """sums[i, j] gains the products of the thread's i-th query and j-th point over `wide` coordinates, in order."""
        some = cuda.local.array(each, number)
        others = cuda.local.array(each, number)
        for c in range(wide):
            for j in range(each):
                some[j] = points[c, place(j, cuda.threadIdx.x)]
                others[j] = queries[c, place(j, cuda.threadIdx.y)]
            for i in range(each):
                for j in range(each):
                    sums[i, j] = gain(others[i], some[j], sums[i, j])

    aligned = None if config.ENABLE_CUDASIM else VECTOR
    return Tiles(wide * each, wide * each + vector, aligned, number, place, fetch, put, multiply)
