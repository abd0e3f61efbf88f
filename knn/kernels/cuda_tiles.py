"""Products of two sets of rows on a device, a tile at a time: what its threads fetch, keep and multiply.

A block of wide × wide threads makes a tile of tile × tile products, tile = wide·each. `wide` words of the rows of both
sets lie in shared memory while the next are on their way, and each thread holds each × each products.

Thread by thread, words lie there coordinate by coordinate; each thread reads 16 bytes at a time, so that a number read
from shared memory is multiplied `each` times. By matrices, which 16 × 16 threads of 8 × 8 products do, they lie as
lanes give them to the instruction (knn/kernels/cuda_matrix.py), 16 bytes a lane: a warp has 64 queries and 32 points,
and multiplies 16 by 8 of them at once.

A word is a number of the data, or, in int32, two halves (float16) or four signed bytes (int32).
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_dot4 import dot4
from knn.kernels.cuda_matrix import PLAIN, copying, hidden, instruction
from knn.kernels.jit import config

#: Bytes that a thread reads from shared memory at once, and how arrays there are aligned for it.
VECTOR = 16
#: Registers of a multiprocessor, the most of a thread, and how many blocks that multiply share the former, so that
#: threads of one have work while those of another wait.
REGISTERS, MOST, RESIDENT = 65536, 255, 2


class Tiles(NamedTuple):
    """The device functions of one shape of tile, and what its arrays in shared memory are made with."""

    tile: int
    #: An array of words in shared memory: rows start in different banks.
    shape: tuple[int, int]
    #: For `cuda.shared.array`; None in the simulator, which knows no alignment.
    alignment: int | None
    #: Numba's types of a word and of a sum of products.
    word: Any
    number: Any
    #: lanes(): the first query and the first point of a tile whose product this thread holds, uint64, of which no
    #: negative value is looked for; query(i) and point(j): how far its i-th and j-th lie from these.
    lanes: Any
    query: Any
    point: Any
    #: fetch_points(rows, first, start, ahead, shared) starts to bring the words from `start` on, of the rows from
    #: `first` on, to registers ahead (each,) or to shared memory itself; put(ahead, shared) ends it, before a barrier.
    fetch_points: Any
    fetch_queries: Any
    put: Any
    #: multiply(points, queries, sums): sums[i, j] gains the products of the i-th query and the j-th point.
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
def tiles(dtype: np.dtype, wide: int, each: int, matrix: bool = False) -> Tiles:
    """The pieces for words of one type, `wide` threads along a side and `each` products along a side of a thread.

    With `matrix`, words of halves or bytes are multiplied by matrices, for which `wide` is 16 and `each` is 8. The
    simulator, which has no such instruction, multiplies them thread by thread.
    """
    kind = dtype.str[1:]
    words = types.int32 if kind == "f2" else {"f4": types.float32, "f8": types.float64, "i4": types.int32}[kind]
    number = types.float32 if kind == "f2" else words
    aligned = None if config.ENABLE_CUDASIM else VECTOR
    by_matrices = matrix and not config.ENABLE_CUDASIM
    shape, *rest = _matrices(dtype) if by_matrices else _threads(dtype, wide, each, number)
    return Tiles(wide * each, shape, aligned, words, number, *rest)


def _threads(dtype: np.dtype, wide: int, each: int, number: Any) -> tuple[Any, ...]:
    """The tiles' shape in shared memory and their functions, of products that each thread takes by itself."""
    vector = min(each, VECTOR // (4 if dtype == np.float16 else dtype.itemsize))
    group = wide * vector
    word = types.int32 if dtype == np.float16 else number
    nothing = np.int32(0) if dtype == np.float16 else dtype.type(0)

    @device
    def plus_product(a, b, total):
        return total + a * b

    again = hidden()
    # Halves come here in the simulator alone.
    gain = dot4 if dtype == np.int32 else PLAIN.get(dtype, plus_product)

    @device
    def fetch(rows, first, start, ahead, shared):  # noqa: ARG001
        """ahead[p] = rows[first + p·wide + y, start + x], nought beyond the last row and coordinate."""
        column, row = start + cuda.threadIdx.x, first + cuda.threadIdx.y
        # How many rows there are from this one on: a part is compared with that, and no place is worked out twice.
        there = types.int32(min(rows.shape[0] - row, wide * each) if column < rows.shape[1] else 0)
        at, step = types.uint64(row * rows.shape[1] + column), types.uint64(wide * rows.shape[1])
        for part in range(each):
            ahead[part] = entry(rows, at) if part * wide < there else nothing
            at += step

    @device
    def lanes():
        """Vectors of neighbouring threads are neighbours."""
        return types.uint64(again(cuda.threadIdx.y) * vector), types.uint64(again(cuda.threadIdx.x) * vector)

    @device
    def place(j):
        return types.uint64((j // vector) * group + j % vector)

    @device
    def put(ahead, shared):
        """What `fetch` brought, into shared memory: shared[coordinate, row]."""
        column, row = types.uint64(again(cuda.threadIdx.x)), types.uint64(again(cuda.threadIdx.y))
        for part in range(each):
            shared[column, row + types.uint64(part * wide)] = ahead[part]

    @device
    def multiply_one(points, queries, y, x, c, sums):
        some = cuda.local.array(each, word)
        others = cuda.local.array(each, word)
        for j in range(each):
            some[j] = points[c, x + place(j)]
            others[j] = queries[c, y + place(j)]
        for i in range(each):
            for j in range(each):
                sums[i, j] = gain(others[i], some[j], sums[i, j])

    def multiply_many(count: int) -> Any:
        """The products of so many coordinates, from c on, one after another, written out, as no compiler would."""
        if count == 1:
            return multiply_one
        half, step = multiply_many(count // 2), np.uint64(count // 2)

        @device
        def both(points, queries, y, x, c, sums):
            half(points, queries, y, x, c, sums)
            half(points, queries, y, x, c + step, sums)

        return both

    many, first_coordinate = multiply_many(wide), np.uint64(0)

    @device
    def multiply(points, queries, sums):
        """sums[i, j] gains the products of the thread's i-th query and j-th point over `wide` coordinates, in order."""
        y, x = lanes()
        many(points, queries, y, x, first_coordinate, sums)

    return (wide, wide * each + vector), lanes, place, place, fetch, fetch, put, multiply


def _matrices(dtype: np.dtype) -> tuple[Any, ...]:
    """The same of products by matrices: eight warps, two along the queries and four along the points of a tile.

    Of sixteen words a lane gives words 4t + 2s and 4t + 2s + 1 of its rows to step s. Those of rows 2g and 2g + 1 lie
    side by side: of queries in the order of the instruction, which has them as rows g and g + 8, of points as it has
    one of two instructions after the other. Lanes that read at once, and those that write, meet in no bank.
    """
    mma = instruction(dtype)
    one, two, three, four, seven = (np.uint64(value) for value in (1, 2, 3, 4, 7))
    again, (copy, arrive) = hidden(), copying(8, 16, 16)

    @device
    def warp_and_lane():
        """Where the warp is across and along the tile, ⌊lane/4⌋, and lane mod 4."""
        me = types.uint64(again(cuda.threadIdx.y * 16 + cuda.threadIdx.x))
        return me >> seven, (me >> np.uint64(5)) & three, (me >> two) & seven, me & three

    @device
    def lanes():
        across, along, group, fourth = warp_and_lane()
        return across * types.uint64(64) + group * two, along * types.uint64(32) + fourth * four

    @device
    def query(i):
        return types.uint64(i // 2 * 16 + i % 2)

    @device
    def point(j):
        return types.uint64(j // 4 * 16 + j // 2 % 2 + j % 2 * 2)

    @device
    def fetch(rows, first, start, shared, row, column):
        """Part p of the thread's, of row first + 16p + y and word start + x, to shared[16p + row, column]."""
        x, y = start + cuda.threadIdx.x, first + cuda.threadIdx.y
        there = types.int32(min(rows.shape[0] - y, 128) if x < rows.shape[1] else 0)
        copy(rows, types.uint64(y * rows.shape[1] + x), there, shared, row, column)

    @device
    def fetch_points(rows, first, start, ahead, shared):  # noqa: ARG001
        x, y = types.uint64(again(cuda.threadIdx.x)), types.uint64(again(cuda.threadIdx.y))
        step = (x >> one) & one
        row, column = (step << three) + ((y >> one) ^ step), (x & ~three) + ((y & one) << one) + (x & one)
        fetch(rows, first, start, shared, row, column)

    @device
    def fetch_queries(rows, first, start, ahead, shared):  # noqa: ARG001
        x, y = types.uint64(again(cuda.threadIdx.x)), types.uint64(again(cuda.threadIdx.y))
        step = (x >> one) & one
        row, column = (step << three) + ((y >> one) ^ step), (x & ~three) + ((x & one) << one) + (y & one)
        fetch(rows, first, start, shared, row, column)

    @device
    def put(ahead, shared):  # noqa: ARG001
        arrive()

    @device
    def multiply(points, queries, sums):
        """sums[i, j] gains the products of the thread's i-th query and j-th point over 16 words."""
        theirs = cuda.local.array((2, 4), types.int32)
        across, along, group, fourth = warp_and_lane()
        first = fourth << two
        for step in range(2):
            own = types.uint64(8 * step) + (group ^ types.uint64(step))
            for pair in range(2):
                row = along * types.uint64(32) + types.uint64(16 * pair) + own
                for w in range(4):
                    theirs[pair, w] = points[row, first + types.uint64(w)]
            for m in range(4):
                row = across * types.uint64(64) + types.uint64(16 * m) + own
                a0, a1 = queries[row, first], queries[row, first + one]
                a2, a3 = queries[row, first + two], queries[row, first + three]
                for n in range(4):
                    i, j, w = 2 * m, 2 * n, n % 2 * 2
                    sums[i, j], sums[i, j + 1], sums[i + 1, j], sums[i + 1, j + 1] = mma(
                        a0, a1, a2, a3, theirs[n // 2, w], theirs[n // 2, w + 1],
                        sums[i, j], sums[i, j + 1], sums[i + 1, j], sums[i + 1, j + 1],
                    )  # fmt: skip

    return (128, 16), lanes, query, point, fetch_points, fetch_queries, put, multiply
