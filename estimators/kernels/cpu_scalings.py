"""Sinkhorn's scalings of one matrix after another, each swept while it lies in the cache."""

from __future__ import annotations

import numpy as np

from knn.kernels.jit import jit

#: What became of a problem: at the tolerance; its scalings have grown and want to go into the potentials; given up.
DONE, GROWN, FAILED = 0, 1, 2
#: e^±20: how far scalings may grow. float32 ends near e^88, and what is below e^-88 of a row that sums to 1 stays below
#: its rounding when both scalings are at their largest.
LARGEST = 4.85e8
#: The power of a correction, in the first sweeps: above 1 it overshoots, and few modes are left to the slow ones, and
#: 7/4 takes two square roots. From any start only the power 1 is proved to converge, which the sweeps that follow have.
OVERSHOT, RELAXED_SWEEPS = 1.75, 200
#: Sweeps from one look at what is missing to the next, which costs about half as much as a sweep.
ASKED = 3


@jit
def balance(kernel, u, v, swept, missed, state, tolerance, max_iter, same):
    """Scales K = kernel[p] to diag(u) K diag(v) of rows 1 and columns n/m; kernel (p, n, m) becomes that, over n.

    u (p, n) and v (p, m) begin at 1 and end as the scalings, swept (p,) counts on from what it holds, missed (p,) is
    the mean |column · m/n − 1| at most, and state (p,) one of DONE, GROWN and FAILED; only of what is DONE `kernel` is
    changed. Rows are exact then. No sweep overshoots of what comes in as FAILED. `same`: the steps of v are averaged
    with standing still, for a symmetric K.
    """
    problems, n, m = kernel.shape
    turned = np.empty((m, n), kernel.dtype)
    by_rows, by_columns = np.empty(n, kernel.dtype), np.empty(m, kernel.dtype)
    one = kernel.dtype.type(1)
    share = kernel.dtype.type(m / n)
    for p in range(problems):
        matrix, a, b = kernel[p], u[p], v[p]
        for i in range(n):
            for j in range(m):
                turned[j, i] = matrix[i, j]
        careful = same or state[p] == FAILED
        state[p] = FAILED
        while swept[p] < max_iter:
            relaxed = not careful and swept[p] < RELAXED_SWEEPS
            weighted_rows(turned, b, by_rows)
            for i in range(n):
                row = a[i] * by_rows[i]
                a[i] /= row * np.sqrt(row) * np.sqrt(np.sqrt(row)) if relaxed else row
            weighted_rows(matrix, a, by_columns)
            for j in range(m):
                by_columns[j] *= b[j] * share
            if swept[p] % ASKED == 0 or swept[p] == max_iter - 1:
                # With rows made exact the columns miss at most this: what they miss now, and what the rows do.
                lacking = np.float64(0)
                for j in range(m):
                    lacking += abs(by_columns[j] - one)
                lacking /= m
                off = np.float64(0)
                for i in range(n):
                    off += abs(a[i] * by_rows[i] - one)
                missed[p] = lacking + off / n
                if missed[p] <= tolerance:
                    state[p] = DONE
                    for i in range(n):
                        a[i] = one / by_rows[i]
                        for j in range(m):
                            matrix[i, j] *= a[i] * b[j] / n
            swept[p] += 1
            if state[p] == DONE:
                break
            for j in range(m):
                column = by_columns[j]
                if same:
                    b[j] /= np.sqrt(column)
                elif relaxed:
                    b[j] /= column * np.sqrt(column) * np.sqrt(np.sqrt(column))
                else:
                    b[j] /= column
            least, most = min(a.min(), b.min()), max(a.max(), b.max())
            if not (least > 0 and most < np.inf):  # a NaN too
                break
            if least < one / LARGEST or most > LARGEST:
                state[p] = GROWN if swept[p] < max_iter else FAILED
                break


@jit
def weighted_rows(matrix, weights, out):
    """out_j = Σᵢ weightsᵢ matrixᵢⱼ, four rows at a time, in their order."""
    out[:] = 0
    n, m = matrix.shape
    for i in range(0, n - 3, 4):
        w, x, y, z = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        for j in range(m):
            out[j] += (w * matrix[i, j] + x * matrix[i + 1, j]) + (y * matrix[i + 2, j] + z * matrix[i + 3, j])
    for i in range(n - n % 4, n):
        w = weights[i]
        for j in range(m):
            out[j] += w * matrix[i, j]
