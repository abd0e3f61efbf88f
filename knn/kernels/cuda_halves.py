"""Rows as halves on a device, for a first look by matrices: knn/screening.py's margins, of coarser numbers.

Points and queries as the exact screen sees them, x' and q', are brought to x = s·x' and q = s·q' with a power of two s
that makes R = max ‖x‖ at most 2^TOP, and a query to t·q with one of its own. Of both the nearest halves are taken, and
nought for what is less than the least normal half, since devices may treat those below as they like. How much that
moved a row is measured, in the length of the difference: at most λ for a point, μ for a query. With ρ = ‖q‖, u = 2⁻²⁴,
and γ what a device's sums of products may be off (knn/kernels/cuda_matrix.py), keys ‖x‖² − 2⟨x, q⟩ are right to

    E = 2(ρλ + μ(R + λ) + γ(ρ + μ)(R + λ)) + u(R² + 2(R + λ)(ρ + μ)(1 + γ)) + uR²,

by the Cauchy–Schwarz inequality, and the rest follows as from the margins of the exact screen.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda

from knn.kernels.cuda_matrix import UNIT
from knn.kernels.cuda_tiles import device

#: The logarithm of the longest point at most, and of the longest query that halves are taken of.
TOP, FAR = 12, 50
#: The least normal half.
LEAST = 2.0**-14
#: Flags: served by the first look, by the exact screen's products, by the definition alone.
FIRST, ALL, AGAIN = 0, 1, 2


class Halving(NamedTuple):
    """Two kernels of a thread a row, for rows seen in one type; `threads` a block.

    halve(seen, alive, scale, halves, norms, loss): the halves of x into halves float16 (n, ≥ d), noughts behind them
    and for the dead of alive uint8 (n,); ‖x‖² into norms float32 (n,), ∞ for the dead; loss float64 (1,) rises to λ.

    halve_queries(seen, scale, radius, loss, halves, factors, margins, flags): the halves of t·q, for R and λ; 2/t into
    factors float32 (q,), rows (ρ², E, δ, ε) into margins float64 (q, 4); flags int32 (q,) of FIRST become AGAIN where
    the query is farther than 2^FAR.
    """

    threads: int
    halve: Any
    halve_queries: Any


def scale_of(radius: float) -> float:
    """The power of two s that takes the longest row to at most 2^TOP."""
    return math.ldexp(1.0, TOP - math.frexp(radius)[1]) if radius > 0 else 1.0


def key_error(d: int, radius: Any, loss: Any, rho: Any, mu: Any) -> Any:
    """E for rows of d coordinates, with R, λ, ρ and μ, numbers or arrays; rounding in float64 included.

    Sixteen products and the sum so far are added at a time, and the sum is rounded, twice for 32 coordinates, noughts
    behind the last among them: with g = 36·⌈d/32⌉·UNIT, γ = g/(1 − g).
    """
    each, gamma64, u = UNIT * 36 * ((d + 31) // 32), (d + 2) * 2.0**-53, 2.0**-24
    gamma = each / (1 - each) if each < 0.5 else math.inf  # of which nothing can be told, so that all pass
    reach, length = radius + loss, rho + mu
    product = 2 * (rho * loss + mu * reach + gamma * length * reach)
    rounding = u * (radius * radius + 2 * reach * length * (1 + gamma)) + (u + gamma64) * radius * radius
    return product + rounding + gamma64 * rho * rho + 2.0**-140


@functools.cache
def halving(dtype: np.dtype, threads: int = 128) -> Halving:
    """The kernels for rows seen as `dtype`."""
    error, u_rows = device(key_error), float(np.finfo(dtype).eps) / 2
    least = float(np.finfo(dtype).smallest_subnormal)
    infinite = np.float32(np.inf)

    @cuda.jit
    def halve(seen, alive, scale, halves, norms, loss):
        row = cuda.grid(1)
        if row >= seen.shape[0]:
            return
        d, total, lost = seen.shape[1], 0.0, 0.0
        for j in range(halves.shape[1]):
            value = np.float64(seen[row, j]) * scale if alive[row] and j < d else 0.0
            half = np.float16(np.float32(value if abs(value) >= LEAST else 0.0))
            gap = value - np.float64(np.float32(half))
            halves[row, j] = half
            total += value * value
            lost += gap * gap
        norms[row] = np.float32(total) if alive[row] else infinite
        reach = 1.01 * math.sqrt(lost)
        if reach > loss[0]:  # which only rises: few rows have to wait for each other to raise it
            cuda.atomic.max(loss, 0, reach)

    @cuda.jit
    def halve_queries(seen, scale, radius, loss, halves, factors, margins, flags):
        row = cuda.grid(1)
        if row >= seen.shape[0]:
            return
        d, squared, lost = seen.shape[1], 0.0, 0.0
        for j in range(d):
            value = np.float64(seen[row, j]) * scale
            squared += value * value
        rho = math.sqrt(squared)
        near = rho < 2.0**FAR  # false for what is no number
        if not near and flags[row] == FIRST:
            flags[row] = AGAIN
        exponent = max(math.frexp(rho)[1], -FAR) if near else 0
        own = math.ldexp(1.0, TOP - exponent)
        for j in range(halves.shape[1]):
            value = np.float64(seen[row, j]) * scale if near and j < d else 0.0
            half = np.float16(np.float32(value * own if abs(value) * own >= LEAST else 0.0))
            gap = value - np.float64(np.float32(half)) / own
            halves[row, j] = half
            lost += gap * gap
        mu = 1.01 * math.sqrt(lost)
        factors[row] = np.float32(2.0 / own)
        margins[row, 0] = squared
        margins[row, 1] = 1.01 * error(d, radius, loss, rho, mu)
        margins[row, 2] = 1.01 * (u_rows * (radius + rho) + 8 * d * least * scale)
        margins[row, 3] = (d + 8) * 2.0**-53

    return Halving(threads, halve, halve_queries)
