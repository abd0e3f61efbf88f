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
from numba import cuda

from estimators.kernels.profiles import DISTANCE, GAUSSIAN, IMQ, LAPLACE
from knn.kernels.cuda_tiles import device, tiles

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
    tile, padded, alignment, number, place, fetch, put, multiply = tiles(dtype, wide, each)
    cast = dtype.type
    nothing, one, two, near = cast(0), cast(1), cast(2), cast(NEAR)

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
    def evaluate(sums, X, Y, nx, ny, shift, scale, first_row, first):
        """Products to values, in place, 0 for those that are too near; answers which these are, a bit each.

        Nothing is asked of rows beyond the last, whose weights are 0.
        """
        too_near = 0
        for i in range(each):
            row = first_row + place(i, cuda.threadIdx.y)
            inside = row < X.shape[0]
            mine = nx[row] if inside else nothing
            moved = shift[row] if inside and kind == SHIFTED else nothing
            for j in range(each):
                column = first + place(j, cuda.threadIdx.x)
                theirs = ny[column] if column < Y.shape[0] else nothing
                square = mine + theirs - two * sums[i, j]
                if square < near * (mine + theirs):
                    too_near |= 1 << (i * each + j)
                    sums[i, j] = nothing
                else:
                    sums[i, j] = profile(square, scale, moved)
        return too_near

    @device
    def mend(too_near, parts, X, Y, weights, shift, scale, first_row, first, by_rows):
        """Adds the values of those that were too near to the thread's own parts, each in a loop: they are few."""
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        for bit in range(each * each):
            if (too_near >> bit) & 1:
                i, j = place(bit // each, ty), place(bit % each, tx)
                row, column = first_row + i, first + j
                if row < X.shape[0] and column < Y.shape[0]:
                    value = profile(by_differences(X[row], Y[column]), scale, shift[row])
                    if by_rows:
                        parts[tx, i] += value * weights[column]
                    else:
                        parts[ty, j] += value * weights[row]

    @cuda.jit
    def pairs(X, Y, x, y, nx, ny, w, v, shift, scale, triangle, first, rows, columns):
        points = cuda.shared.array((2, wide, padded), number, alignment)
        queries = cuda.shared.array((2, wide, padded), number, alignment)
        parts = cuda.shared.array((wide, padded), number, alignment)
        sums = cuda.local.array((each, each), number)
        some = cuda.local.array(each, number)
        others = cuda.local.array(each, number)
        tx, ty = cuda.threadIdx.x, cuda.threadIdx.y
        me, which, step = ty * wide + tx, first + cuda.blockIdx.x, cuda.gridDim.y * tile
        first_row, total = which * tile, 0.0
        begin = (which if triangle else 0) * tile + cuda.blockIdx.y * tile
        fetch(y, begin, 0, some)
        fetch(x, first_row, 0, others)
        put(some, points[0])
        put(others, queries[0])
        cuda.syncthreads()
        side = 0
        for at in range(begin, Y.shape[0], step):
            for i in range(each):
                for j in range(each):
                    sums[i, j] = nothing
            for start in range(wide, X.shape[1] + wide, wide):
                last = start >= X.shape[1]
                fetch(y, at + step if last else at, 0 if last else start, some)
                fetch(x, first_row, 0 if last else start, others)
                multiply(points[side], queries[side], sums)
                side = 1 - side
                put(some, points[side])
                put(others, queries[side])
                cuda.syncthreads()
            too_near = evaluate(sums, X, Y, nx, ny, shift, scale, first_row, at)
            for i in range(each):
                part = nothing
                for j in range(each):
                    column = at + place(j, tx)
                    part += sums[i, j] * (v[column] if column < Y.shape[0] else nothing)
                parts[tx, place(i, ty)] = part
            if too_near != 0:
                mend(too_near, parts, X, Y, v, shift, scale, first_row, at, True)
            cuda.syncthreads()
            if me < tile:
                for lane in range(wide):
                    total += np.float64(parts[lane, me])
            cuda.syncthreads()
            for j in range(each):
                part = nothing
                for i in range(each):
                    row = first_row + place(i, ty)
                    part += sums[i, j] * (w[row] if row < X.shape[0] else nothing)
                parts[ty, place(j, tx)] = part
            if too_near != 0:
                mend(too_near, parts, X, Y, w, shift, scale, first_row, at, False)
            cuda.syncthreads()
            if me < tile and at + me < Y.shape[0]:
                column_sum = 0.0
                for lane in range(wide):
                    column_sum += np.float64(parts[lane, me])
                columns[cuda.blockIdx.x, at + me] = column_sum
            cuda.syncthreads()
        if me < tile and first_row + me < X.shape[0]:
            rows[first_row + me, cuda.blockIdx.y] = total

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
