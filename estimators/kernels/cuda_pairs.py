"""Sums of a kernel over all pairs of points on a CUDA device, a tile of products at a time; no matrix is stored.

A squared distance is ‖x'‖² + ‖y'‖² − 2⟨x', y'⟩ of centred rows, in the type of the data; where that is less than `NEAR`
of ‖x'‖² + ‖y'‖², so that it may have lost digits, it is taken anew from the differences of the rows themselves. With u
the unit roundoff of the type, each distance that enters a sum is right to `relative_error` of itself. A tile's values
are added in the type of the data, eight by eight, everything beyond in float64 and in one fixed order.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from estimators.kernels.profiles import DISTANCE, GAUSSIAN, IMQ, LAPLACE
from knn.kernels.cuda_tiles import device, resident, tiles

#: Below this share of ‖x'‖² + ‖y'‖² a squared distance is computed anew.
NEAR = 0.25
#: Beside the kernels of estimators/kernels/profiles.py: e^(−(s − sᵢ)·σ) with a shift sᵢ for each row, σ a rate.
SHIFTED = 4


def relative_error(d: int, dtype: np.dtype) -> float:
    """A bound on the relative error of a distance, to first order with one per cent to spare.

    Of the square: d products and sums, two norms, the sums of the three: (d + 4)u(‖x'‖² + ‖y'‖²), of which the square
    is NEAR or more; halved by the root. Centring moves the distance by u(‖x'‖ + ‖y'‖) ≤ u√(2/NEAR) of itself.
    Differences lose less.
    """
    u = float(np.finfo(dtype).eps) / 2
    return 1.01 * u * ((d + 4) / (2 * NEAR) + math.sqrt(2 / NEAR) + 2)


def factor(kind: int, scale: float) -> float:
    """What a kernel of this kind multiplies by, for its scale σ.

    Exponentials are powers of two, hence log₂ e: of half as many instructions, so that a thread's values
    stay in registers.
    """
    if kind == GAUSSIAN:
        return -0.5 * math.log2(math.e) / scale**2
    if kind == LAPLACE:
        return -math.log2(math.e) / scale
    if kind == IMQ:
        return 1 / scale**2
    return -math.log2(math.e) * scale if kind == SHIFTED else 1.0


class Pairing(NamedTuple):
    """Two kernels, for one type of data and one kernel of the distance.

    pairs(X, Y, x, y, nx, ny, w, v, shift, scale, triangle, first, rows, columns): X (n, d), Y (m, d) the rows, x, y the
    same centred, nx, ny their squared norms, w, v weights, scale the `factor`; on a grid (tiles of rows from tile
    `first` on, stripes) of wide × wide threads. Fills rows (n, stripes): Σⱼ vⱼ k(xᵢ, yⱼ) over the stripe, and columns
    (tiles, m): Σᵢ wᵢ k over the tile. With `triangle`, X is Y, and of two tiles of rows only the later are columns of
    the earlier; a tile's pairs with itself go to `rows` alone. shift (n,) serves SHIFTED.

    add(columns, first, triangle, sums): adds the tiles of `columns` to sums (m,), in order, a thread a column.
    """

    tile: int
    pairs: Any
    add: Any


@functools.cache
def pairing(dtype: np.dtype, kind: int, wide: int = 16, each: int = 8) -> Pairing:
    """The kernels for values of `kind`, of estimators/kernels/profiles.py or SHIFTED."""
    tile, shape, alignment, _, number, lanes, query, point, fetch, _, put, multiply = tiles(dtype, wide, each)
    cast, both_sides = dtype.type, (2, *shape)
    nothing, one, two, near = cast(0), cast(1), cast(2), cast(NEAR)
    far = np.finfo(dtype).max / cast(4)  # two of them are no infinity

    @device
    def profile(square, scale, shift):
        if kind == DISTANCE:
            return math.sqrt(square)
        if kind == GAUSSIAN:
            return math.exp2(square * scale)
        if kind == LAPLACE:
            return math.exp2(math.sqrt(square) * scale)
        if kind == IMQ:
            return one / math.sqrt(one + square * scale)
        return math.exp2((square - shift) * scale)

    @device
    def by_differences(a, b):
        total = nothing
        for c in range(a.shape[0]):
            gap = a[c] - b[c]
            total += gap * gap
        return total

    @device
    def evaluate(sums, mine, theirs, shifts, scale):
        """Products to values, in place, 0 for those that are too near; answers which these are, a bit each.

        The norms of rows beyond the last are so large that their values are 0, or finite, and their weights are 0.
        """
        too_near, (y, x) = 0, lanes()
        for i in range(each):
            row = y + query(i)
            moved = shifts[row] if kind == SHIFTED else nothing
            for j in range(each):
                both = mine[row] + theirs[x + point(j)]
                square = both - two * sums[i, j]
                if square < near * both:
                    too_near |= 1 << (i * each + j)
                    sums[i, j] = nothing
                else:
                    sums[i, j] = profile(square, scale, moved)
        return too_near

    @device
    def mend(too_near, sums, X, Y, shifts, scale, first_row, first):
        """The values of those that were too near in their places, each in a loop: they are few.

        The place is looked for among all, since registers have no numbers that a thread could work out.
        """
        y, x = lanes()
        for bit in range(each * each):
            if (too_near >> bit) & 1:
                local = types.int64(y + query(bit // each))
                square = by_differences(X[first_row + local], Y[first + types.int64(x + point(bit % each))])
                value = profile(square, scale, shifts[local])
                for i in range(each):
                    for j in range(each):
                        if i * each + j == bit:
                            sums[i, j] = value

    @device
    def take(values, first, beyond, into):
        """into[i] = values[first + i], for a tile; what is beyond the last is `beyond`."""
        me = cuda.threadIdx.y * wide + cuda.threadIdx.x
        if me < tile:
            into[me] = values[first + me] if first + me < values.shape[0] else beyond

    @resident(wide * wide)
    def pairs(X, Y, x, y, nx, ny, w, v, shift, scale, triangle, first, rows, columns):
        points = cuda.shared.array(both_sides, number, alignment)
        queries = cuda.shared.array(both_sides, number, alignment)
        parts = cuda.shared.array(shape, number, alignment)
        mine = cuda.shared.array(tile, number, alignment)
        theirs = cuda.shared.array(tile, number, alignment)
        by_row = cuda.shared.array(tile, number, alignment)
        by_column = cuda.shared.array(tile, number, alignment)
        shifts = cuda.shared.array(tile, number, alignment)
        totals = cuda.shared.array(tile, types.float64)  # of its thread alone, which has no register to spare
        sums = cuda.local.array((each, each), number)
        some = cuda.local.array(each, number)
        others = cuda.local.array(each, number)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        lane_y, lane_x = lanes()
        me, which, step = ty * wide + tx, first + cuda.blockIdx.x, cuda.gridDim.y * tile
        first_row = which * tile
        begin = (which if triangle else 0) * tile + cuda.blockIdx.y * tile
        if me < tile:
            totals[me] = 0.0
        take(nx, first_row, far, mine)
        take(w, first_row, nothing, by_row)
        take(shift, first_row, nothing, shifts)
        fetch(y, begin, 0, some, points[0])
        fetch(x, first_row, 0, others, queries[0])
        put(some, points[0])
        put(others, queries[0])
        cuda.syncthreads()
        side = types.uint64(0)
        for at in range(begin, Y.shape[0], step):
            for i in range(each):
                for j in range(each):
                    sums[i, j] = nothing
            take(ny, at, far, theirs)
            take(v, at, nothing, by_column)
            for start in range(wide, X.shape[1] + wide, wide):
                last, other = start >= X.shape[1], types.uint64(1) - side
                fetch(y, at + step if last else at, 0 if last else start, some, points[other])
                fetch(x, first_row, 0 if last else start, others, queries[other])
                multiply(points[side], queries[side], sums)
                side = other
                put(some, points[side])
                put(others, queries[side])
                cuda.syncthreads()
            too_near = evaluate(sums, mine, theirs, shifts, scale)
            if too_near != 0:
                mend(too_near, sums, X, Y, shifts, scale, first_row, at)
            for i in range(each):
                part = nothing
                for j in range(each):
                    part += sums[i, j] * by_column[lane_x + point(j)]
                parts[tx, lane_y + query(i)] = part
            cuda.syncthreads()
            if me < tile:
                total = totals[me]
                for line in range(wide):
                    total += np.float64(parts[line, me])
                totals[me] = total
            cuda.syncthreads()
            for j in range(each):
                part = nothing
                for i in range(each):
                    part += sums[i, j] * by_row[lane_y + query(i)]
                parts[ty, lane_x + point(j)] = part
            cuda.syncthreads()
            if me < tile and at + me < Y.shape[0]:
                column_sum = 0.0
                for line in range(wide):
                    column_sum += np.float64(parts[line, me])
                columns[cuda.blockIdx.x, at + me] = column_sum  # the next products' barrier parts it from new parts
        if me < tile and first_row + me < X.shape[0]:
            rows[first_row + me, cuda.blockIdx.y] = totals[me]

    @cuda.jit
    def add(columns, first, triangle, sums):
        column = cuda.grid(1)
        if column < columns.shape[1]:
            tiles_before = min(columns.shape[0], column // tile - first) if triangle else columns.shape[0]
            total = sums[column]
            for which in range(tiles_before):
                total += columns[which, column]
            sums[column] = total

    return Pairing(tile, pairs, add)
