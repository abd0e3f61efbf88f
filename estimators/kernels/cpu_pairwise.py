"""Sums of a kernel over all pairs of points, without the matrix: 4 rows by 64 columns at a time.

A distance is by definition: differences, squared and added in float64 in the order of the coordinates.
Columns are transposed, so that 64 of them advance side by side and no sum is reordered: LLVM makes
vectors of it without fast-math. Each column's sum over the rows is compensated (TwoSum), so that only
the rounding of the kernel's own values is left.
"""

from __future__ import annotations

import numpy as np

from estimators.kernels.fused import fused
from estimators.kernels.profiles import DISTANCE, GAUSSIAN, IMQ
from estimators.kernels.vectors import COLUMNS, ROWS, add_row, squared_distances
from knn.kernels.jit import jit


@jit
def strip_sums(x, weights, y, column_weights, span, profile, columns, rows):
    """Σᵢ wᵢ k(xᵢ, yⱼ) for the j of `span` to `columns` (2, ·: sum, rest); adds Σⱼ vⱼ k(xᵢ, yⱼ) to `rows` (n, 8).

    x (n, d), weights (n,), y (m, d), column_weights (m,); span = (first, last); profile = (kind, scale).
    A row's sum is that of its 8 lanes.
    """
    values, scratch, four = np.empty((ROWS, COLUMNS)), np.empty(ROWS * COLUMNS), np.empty(ROWS)
    for first in range(span[0], span[1], COLUMNS):
        last = min(first + COLUMNS, span[1])
        block, v = transposed(y, column_weights, first, last)
        sums = np.zeros((2, COLUMNS))
        for i in range(0, len(x), ROWS):
            squared_distances(x, i, block, values)
            apply_profile(values.reshape(values.size), profile, scratch)
            padded(weights, i, four)
            add_columns(values, four, sums[0], sums[1])
            for r in range(min(ROWS, len(x) - i)):
                add_row(values[r], v, rows[i + r])
        keep(sums, columns, first - span[0])


@jit
def triangle_sums(x, weights, span, profile, columns, diagonal, rows):
    """The same within x, each pair once: i before j's block goes to `columns` and `rows`, i in it to `diagonal`.

    Pairs within a block are taken in both orders and so go to `diagonal` (2, ·) alone, where a point also
    meets itself. `span` starts at a multiple of 64 and ends at one, or at n.
    """
    values, scratch, four = np.empty((ROWS, COLUMNS)), np.empty(ROWS * COLUMNS), np.empty(ROWS)
    for first in range(span[0], span[1], COLUMNS):
        last = min(first + COLUMNS, span[1])
        block, v = transposed(x, weights, first, last)
        above, within = np.zeros((2, COLUMNS)), np.zeros((2, COLUMNS))
        for i in range(0, last, ROWS):
            squared_distances(x, i, block, values)
            apply_profile(values.reshape(values.size), profile, scratch)
            padded(weights, i, four)
            if i >= first:
                add_columns(values, four, within[0], within[1])
                continue
            add_columns(values, four, above[0], above[1])
            for r in range(ROWS):
                add_row(values[r], v, rows[i + r])
        keep(above, columns, first - span[0])
        keep(within, diagonal, first - span[0])


@jit
def keep(sums, columns, first):
    """Writes the sums (2, 64) of a block to `columns` (2, m) from column `first` on, as many as there are."""
    for row in range(2):
        for i in range(min(COLUMNS, columns.shape[1] - first)):
            columns[row, first + i] = sums[row, i]


@jit
def transposed(y, weights, first, last):
    """Rows first … last of y as columns of a (d, 64) block, and their weights; what is left over has weight 0."""
    block = np.zeros((y.shape[1], COLUMNS))
    v = np.zeros(COLUMNS)
    for j in range(first, last):
        v[j - first] = weights[j]
        for k in range(y.shape[1]):
            block[k, j - first] = y[j, k]
    return block, v


@jit
def apply_profile(values, profile, scratch):
    """Squared distances s to kernel values: √s, e^(−s/2σ²), e^(−√s/σ) or 1/√(1 + s/σ²); profile = (kind, σ)."""
    kind, scale = profile
    if kind == DISTANCE:
        for j in range(len(values)):
            values[j] = np.sqrt(values[j])
    elif kind == IMQ:
        for j in range(len(values)):
            values[j] = 1 / np.sqrt(1 + values[j] / (scale * scale))
    else:
        if kind == GAUSSIAN:
            for j in range(len(values)):
                values[j] = values[j] / (-2 * scale * scale)
        else:
            for j in range(len(values)):
                values[j] = np.sqrt(values[j]) / -scale
        exp_of_negative(values, scratch)


@jit
def exp_of_negative(x, scratch):
    """x ← eˣ for x ≤ 0, to 2 ulps, side by side: 2ᵏ times the Taylor sum of r = x − k·log 2, |r| ≤ ½ log 2.

    LLVM has no vector exponential of its own, and calling the scalar one takes longer than the distance.
    Below −708 the value is under the smallest normal number, and is 0.
    """
    to_integer = 6755399441055744.0  # 1.5·2⁵²: adding it leaves k in the lowest bits of the sum
    for j in range(len(x)):
        clipped = max(x[j], -708.0)
        shifted = fused(clipped, 1.4426950408889634, to_integer)
        k = shifted - to_integer
        # log 2 in two parts, the first short enough for k times it to be exact.
        r = fused(k, -1.90821492927058770002e-10, fused(k, -6.93147180369123816490e-01, clipped))
        scratch[j] = shifted
        e = 1 / 6227020800  # 1/13!: the next term is below 2⁻⁵⁷
        e = fused(e, r, 1 / 479001600)
        e = fused(e, r, 1 / 39916800)
        e = fused(e, r, 1 / 3628800)
        e = fused(e, r, 1 / 362880)
        e = fused(e, r, 1 / 40320)
        e = fused(e, r, 1 / 5040)
        e = fused(e, r, 1 / 720)
        e = fused(e, r, 1 / 120)
        e = fused(e, r, 1 / 24)
        e = fused(e, r, 1 / 6)
        e = fused(e, r, 0.5)
        e = fused(e, r, 1.0)
        e = fused(e, r, 1.0)
        x[j] = e if x[j] > -708.0 else 0.0
    bits = scratch.view(np.int64)
    for j in range(len(x)):
        bits[j] = (bits[j] + 1023) << 52
    for j in range(len(x)):
        x[j] *= scratch[j]


@jit
def padded(weights, i, four):
    """The weights of rows i … i+3, 0 past the last row."""
    for r in range(ROWS):
        four[r] = weights[i + r] if i + r < len(weights) else 0.0


@jit
def add_columns(values, weights, sums, lost):
    """sums + lost gains Σ wᵣ·valuesᵣ of the 4 rows; `lost` collects what each rounding of `sums` dropped (TwoSum)."""
    w0, w1, w2, w3 = weights[0], weights[1], weights[2], weights[3]
    for j in range(COLUMNS):
        term = fused(w1, values[1, j], w0 * values[0, j]) + fused(w3, values[3, j], w2 * values[2, j])
        before = sums[j]
        after = before + term
        back = after - before
        sums[j] = after
        lost[j] += (before - (after - back)) + (term - back)
