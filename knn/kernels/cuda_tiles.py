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
#: Registers of a multiprocessor, the most of a thread, and how many blocks that multiply share the former, so that
#: threads of one have work while those of another wait.
REGISTERS, MOST, RESIDENT = 65536, 255, 2


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
    lane: Any
    fetch: Any
    put: Any
    multiply: Any


def device(function: Any) -> Any:
    """A function that kernels call, compiled with each of them."""
    return cuda.jit(device=True)(function)


def resident(threads: int) -> Any:
    """The decorator of a kernel of `threads` a block: RESIDENT blocks share the registers of a multiprocessor.

    That nothing is spilled is tested (tests/cuda/test_compiles.py); the simulator knows no registers.
    """
    most = min(MOST, REGISTERS // (RESIDENT * threads))
    return cuda.jit if config.ENABLE_CUDASIM else cuda.jit(max_registers=most)


@device
def _compiled_entry(rows: Any, at: Any) -> Any:
    return rows[0][at]  # no index is compared on a device


def _plain_entry(rows: Any, at: Any) -> Any:
    return rows[at // rows.shape[1], at % rows.shape[1]]


#: entry(rows, at): rows (n, d), one after another, as a line, at a place uint64: no negative value is looked for.
entry: Any = _plain_entry if config.ENABLE_CUDASIM else _compiled_entry


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
    def lane(of):
        """place(0, of) as uint64, of which no negative value is looked for: place(j, of) = lane(of) + place(j, 0)."""
        return types.uint64(of * vector)

    @device
    def fetch(rows, first, start, ahead):
        """ahead[p] = rows[first + p·wide + y, start + x], nought beyond the last row and coordinate."""
        column, row = start + cuda.threadIdx.x, first + cuda.threadIdx.y
        # How many rows there are from this one on: a part is compared with that, and no place is worked out twice.
        there = types.int32(min(rows.shape[0] - row, wide * each) if column < rows.shape[1] else 0)
        at, step = types.uint64(row * rows.shape[1] + column), types.uint64(wide * rows.shape[1])
        for part in range(each):
            ahead[part] = entry(rows, at) if part * wide < there else nothing
            at += step

    @device
    def put(ahead, shared):
        """What `fetch` brought, into shared memory: shared[coordinate, row]."""
        column, row = types.uint64(cuda.threadIdx.x), types.uint64(cuda.threadIdx.y)
        for part in range(each):
            shared[column, row + types.uint64(part * wide)] = ahead[part]

    @device
    def multiply_one(points, queries, c, sums):
        some = cuda.local.array(each, number)
        others = cuda.local.array(each, number)
        x, y = lane(cuda.threadIdx.x), lane(cuda.threadIdx.y)
        for j in range(each):
            at = types.uint64(place(j, 0))
            some[j] = points[c, x + at]
            others[j] = queries[c, y + at]
        for i in range(each):
            for j in range(each):
                sums[i, j] = gain(others[i], some[j], sums[i, j])

    def multiply_many(count: int) -> Any:
        """The products of so many coordinates, from c on, one after another, written out, as no compiler would."""
        if count == 1:
            return multiply_one
        half, step = multiply_many(count // 2), np.uint64(count // 2)

        @device
        def both(points, queries, c, sums):
            half(points, queries, c, sums)
            half(points, queries, c + step, sums)

        return both

    many, first_coordinate = multiply_many(wide), np.uint64(0)

    @device
    def multiply(points, queries, sums):
        """sums[i, j] gains the products of the thread's i-th query and j-th point over `wide` coordinates, in order."""
        many(points, queries, first_coordinate, sums)

    aligned = None if config.ENABLE_CUDASIM else VECTOR
    return Tiles(wide * each, wide * each + vector, aligned, number, place, lane, fetch, put, multiply)
