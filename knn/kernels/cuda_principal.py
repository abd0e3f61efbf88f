"""Principal coordinates on a device, and the proof of what they promise: knn/principal_codes.py, in float32."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

#: What `prove` says of a query: not proved, proved, or so far out that its coordinates say nothing.
OPEN, PROVED, BEYOND = 0, 1, 2


class Principal(NamedTuple):
    """Four kernels; in the first three a block of `threads` has one row, in the last each thread one query.

    reduce(X, centre, scale, basis, reduced, sizes): φ(x) into reduced float32 (n, m + 1), of basis float64 (d, m), and
    ‖x'‖ into sizes (n,).
    gather(X, places, out): out[i] = X[places[i]].   scatter(values, places, out): out[places[i]] = values[i].
    prove(lower, losses, steps, distances, sizes, radius, scale, error, slack, status): status uint8 (q,): PROVED where
    no point beside those of lower (q, c) can be among the k nearest of distances (q, k). `steps` = (s, loss of points):
    lower is in units of s, and falls short of ‖φ(x) − φ(q)‖ by at most both losses, losses (q,), or (0,) for none.
    """

    threads: int
    reduce: Any
    gather: Any
    scatter: Any
    prove: Any


@functools.cache
def principal(threads: int = 128) -> Principal:
    """The kernels, of any type of data."""

    @cuda.jit
    def reduce(X, centre, scale, basis, reduced, sizes):
        squares = cuda.shared.array(threads, types.float64)
        caught = cuda.shared.array(threads, types.float64)
        row, me, m = cuda.blockIdx.x, cuda.threadIdx.x, basis.shape[1]
        inside, total = 0.0, 0.0
        for j in range(me, m, threads):
            value = 0.0
            for i in range(X.shape[1]):
                value += basis[i, j] * ((np.float64(X[row, i]) - centre[i]) * scale)
            reduced[row, j] = value
            inside += value * value
        for i in range(me, X.shape[1], threads):
            value = (np.float64(X[row, i]) - centre[i]) * scale
            total += value * value
        squares[me] = total
        caught[me] = inside
        cuda.syncthreads()
        if me == 0:
            for other in range(1, threads):
                total += squares[other]
                inside += caught[other]
            reduced[row, m] = math.sqrt(max(total - inside, 0.0))
            sizes[row] = math.sqrt(total)

    @cuda.jit
    def gather(X, places, out):
        row = cuda.blockIdx.x
        for j in range(cuda.threadIdx.x, X.shape[1], threads):
            out[row, j] = X[places[row], j]

    @cuda.jit
    def scatter(values, places, out):
        row = cuda.blockIdx.x
        for j in range(cuda.threadIdx.x, values.shape[1], threads):
            out[places[row], j] = values[row, j]

    @cuda.jit
    def prove(lower, losses, steps, distances, sizes, radius, scale, error, slack, status):
        row = cuda.grid(1)
        if row < lower.shape[0]:
            status[row] = OPEN
            if not (sizes[row] < 2.0**60 and distances[row, distances.shape[1] - 1] < math.inf):
                status[row] = BEYOND
            else:
                # To divide by s moved a row too, by at most √64·127 u ≤ 2⁻⁴³ steps.
                lost = (steps[1] + losses[row]) * (1.0 + 2.0**-40) + 2.0**-40 if losses.shape[0] > 0 else 0.0
                near = steps[0] * (lower[row, lower.shape[1] - 1] * (1.0 - slack) - lost)
                bound = near - error * (radius + sizes[row])
                if bound > scale * distances[row, distances.shape[1] - 1] * (1.0 + slack):
                    status[row] = PROVED

    return Principal(threads, reduce, gather, scatter, prove)
