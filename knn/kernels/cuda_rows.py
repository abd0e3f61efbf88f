"""Rows and queries on a device as the exact screen sees them: knn/screening.py, a thread a row."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types


class Taking(NamedTuple):
    """Two kernels of a thread a row, for points of one type; `threads` a block.

    points(X, alive, centre, scale, direct, largest, seen, norms, radius, bad): x' = (x − c)·s into seen, unless direct;
    ‖x'‖² into norms, ∞ for the dead; radius (1,) rises to R ≥ ‖x'‖, and bad (1,) falls to the first row with an entry
    that is not finite or exceeds `largest`.

    queries(Q, centre, scale, radius, limit, seen, margins, flags): the same for queries; rows (ρ², E, δ, ε) into
    margins, float64 (q, 4), and flags 1 where a magnitude of `limit` or more, or NaN, leaves margins without ground.
    """

    threads: int
    points: Any
    queries: Any
    #: every(X, step, sample): row i of the sample is row i·step of X, a block a row.
    every: Any


@functools.cache
def taking(dtype: np.dtype, threads: int = 128) -> Taking:
    """The kernels for points of `dtype`; queries may have another."""
    kind = dtype.type
    u = float(np.finfo(dtype).eps) / 2
    least = float(np.finfo(dtype).smallest_subnormal)
    infinite = kind(np.inf)

    @cuda.jit
    def points(X, alive, centre, scale, direct, largest, seen, norms, radius, bad):
        row = cuda.grid(1)
        if row >= X.shape[0]:
            return
        total, sound = 0.0, True
        for j in range(X.shape[1]):
            value = X[row, j]
            sound = sound and abs(value) <= largest
            if not direct:
                value = (value - centre[j]) * scale
                seen[row, j] = value
            total += np.float64(value) * np.float64(value)
        if alive[row]:
            norms[row] = kind(total)
            reach = 1.01 * math.sqrt(total)
            if sound and reach > radius[0]:  # which only rises: few rows have to wait for each other to raise it
                cuda.atomic.max(radius, 0, reach)
            if not sound:
                cuda.atomic.min(bad, 0, types.int64(row))
        else:
            norms[row] = infinite

    @cuda.jit
    def queries(Q, centre, scale, radius, limit, seen, margins, flags):
        row = cuda.grid(1)
        if row >= Q.shape[0]:
            return
        d, squared, sound = Q.shape[1], 0.0, radius[0] < limit
        for j in range(d):
            value = kind((Q[row, j] - centre[j]) * scale)  # rounded to the points' width after centring
            seen[row, j] = value
            squared += np.float64(value) * np.float64(value)
            sound = sound and abs(value) < limit
        rho, reach = math.sqrt(squared), radius[0]
        gamma = d * u / (1 - d * u)
        gamma64 = (d + 2) * 2.0**-53
        vanishing = 8 * d * least
        product = 2 * gamma * reach * rho + u * (reach * reach + 2 * reach * rho) * (1 + gamma)
        margins[row, 0] = squared
        margins[row, 1] = 1.01 * (product + (u + gamma64) * reach * reach + gamma64 * squared + vanishing)
        margins[row, 2] = 1.01 * (u * (reach + rho) + vanishing)
        margins[row, 3] = (d + 8) * 2.0**-53
        flags[row] = 0 if sound else 1

    @cuda.jit
    def every(X, step, sample):
        row = cuda.blockIdx.x
        for j in range(cuda.threadIdx.x, X.shape[1], threads):
            sample[row, j] = X[row * step, j]

    return Taking(threads, points, queries, every)
