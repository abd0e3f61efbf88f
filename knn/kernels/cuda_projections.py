"""Candidates by projections on a device: every query's gaps to every point, and how far each list is visited.

The lists are those of C composite indices of s directions each: keys (C, s, n) of the points by slot, near (C, q, s) of
the queries, radii (C, q, s), how far a list is visited, all of the type of the data. A point is a candidate of a
composite index if all its lists have visited it, |key − near| ≤ radius: so by the CPU too (knn/kernels/cpu_dci.py), and
in Prioritized DCI, whose s radii are one reach (knn/kernels/cpu_prioritized.py). Gaps are one subtraction, and so the
CPU's bits; what is selected among them is a value, whatever the order in which it is looked for.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_definition import times
from knn.kernels.cuda_digits import digits
from knn.kernels.cuda_tiles import device


class Projecting(NamedTuple):
    """Five kernels for points of one type; the blocks have `threads`."""

    #: project(Q, directions, near): ⟨u, q⟩ for the columns of directions float64 (d, C·s), a block a query.
    project: Any
    #: margins(Q, radius, relative, factor, vanishing, margins, radii): (c·u, η) of knn/projections.py into margins
    #: float64 (q, 2), and ∞ into the radii; a thread a query.
    margins: Any
    #: mark(keys, alive, near, radii, bounds): bounds (q, n) = the largest gap of each point; below zero for those that
    #: are no candidates of any composite index, ±∞ for the dead. Blocks (points / (threads·each), queries / each). No
    #: gap of 0 is below zero: it is within every radius.
    mark: Any
    #: select(bits, rank, radii): the rank-th least of gaps (q, n), none below zero, into radii (q, s), both seen as
    #: whole numbers of the same width; a block a query.
    select: Any
    #: visit(sorted_keys, near, visits, lists, radii): lowers the radii to the `visits`-th least gap of so many `lists`
    #: together, where more entries are within; sorted_keys (C·s, living). A thread a query and group of lists.
    visit: Any


@functools.cache
def projecting(dtype: np.dtype, threads: int = 128, each: int = 4, digit: int = 8) -> Projecting:
    """The kernels for keys of `dtype`, one of two widths; queries may have the other.

    A thread of `mark` holds each × each gaps, and `select` counts digits of so many bits.
    """
    kind = dtype.type
    number = types.float32 if dtype == np.float32 else types.float64
    width = 8 * dtype.itemsize
    nothing, infinite, limit = kind(0), kind(np.inf), float(np.finfo(dtype).max / 4)

    @cuda.jit
    def project(Q, directions, near):
        row = cuda.blockIdx.x
        for j in range(cuda.threadIdx.x, directions.shape[1], threads):
            total = 0.0
            for i in range(Q.shape[1]):
                total += times(np.float64(Q[row, i]), directions[i, j])
            if abs(total) > limit:  # as on the host; what is not a number stays so
                total = math.copysign(limit, total)
            near[j // near.shape[2], row, j % near.shape[2]] = total

    @cuda.jit
    def margins(Q, radius, relative, factor, vanishing, margins, radii):
        row = cuda.grid(1)
        if row < Q.shape[0]:
            squared = 0.0
            for i in range(Q.shape[1]):
                value = np.float64(Q[row, i])
                squared += times(value, value)
            margins[row, 0] = relative
            margins[row, 1] = times(factor, radius + math.sqrt(squared)) + vanishing
            for c in range(radii.shape[0]):
                for j in range(radii.shape[2]):
                    radii[c, row, j] = infinite

    @cuda.jit
    def mark(keys, alive, near, radii, bounds):
        worst = cuda.local.array((each, each), number)
        inside = cuda.local.array((each, each), types.boolean)
        here = cuda.local.array((each, each), types.boolean)
        some = cuda.local.array(each, number)
        n, q = keys.shape[2], near.shape[1]
        first = cuda.blockIdx.x * threads * each + cuda.threadIdx.x
        first_query = cuda.blockIdx.y * each
        for a in range(each):
            point = min(first + a * threads, n - 1)
            for b in range(each):
                worst[a, b] = nothing if alive[point] else infinite
                inside[a, b] = False
        for c in range(keys.shape[0]):
            for a in range(each):
                for b in range(each):
                    here[a, b] = True
            for j in range(keys.shape[1]):
                for a in range(each):
                    some[a] = keys[c, j, min(first + a * threads, n - 1)]
                for b in range(each):
                    row = min(first_query + b, q - 1)
                    here_near, radius = near[c, row, j], radii[c, row, j]
                    for a in range(each):
                        gap = abs(some[a] - here_near)
                        worst[a, b] = gap if gap > worst[a, b] else worst[a, b]
                        here[a, b] = here[a, b] and gap <= radius
            for a in range(each):
                for b in range(each):
                    inside[a, b] = inside[a, b] or here[a, b]
        for a in range(each):
            for b in range(each):
                if first + a * threads < n and first_query + b < q:
                    bounds[first_query + b, first + a * threads] = worst[a, b] if inside[a, b] else -worst[a, b]

    @device
    def bits_at(bits, at):
        return bits[at]

    # Numbers of one sign are in the order of their bits, and so of their digits from the first on.
    room, of_rank = digits(bits_at, width, threads, digit)

    @cuda.jit
    def select(bits, rank, radii):
        scratch = cuda.shared.array(room, types.int64)
        row = cuda.blockIdx.x
        value = of_rank(bits[row], bits.shape[1], rank, scratch)
        for j in range(cuda.threadIdx.x, radii.shape[1], threads):
            radii[row, j] = value

    @device
    def inside_of(line, q, radius):
        """How many of a sorted line lie within the radius, by two binary searches."""
        start, stop = 0, line.shape[0]
        while start < stop:
            middle = (start + stop) // 2
            if line[middle] < q and q - line[middle] > radius:
                start = middle + 1
            else:
                stop = middle
        first, stop = start, line.shape[0]
        while start < stop:
            middle = (start + stop) // 2
            if line[middle] > q and line[middle] - q > radius:
                stop = middle
            else:
                start = middle + 1
        return start - first

    @device
    def entries(sorted_keys, near, row, first, lists, radius):
        total = 0
        for line in range(first, first + lists):
            total += inside_of(sorted_keys[line], near[line // near.shape[2], row, line % near.shape[2]], radius)
        return total

    @cuda.jit
    def visit(sorted_keys, near, visits, lists, radii):
        at = cuda.grid(1)
        q, s, last = near.shape[1], near.shape[2], sorted_keys.shape[1] - 1
        row, first = at % q, at // q * lists
        if first >= sorted_keys.shape[0]:
            return
        now = radii[first // s, row, first % s]
        if entries(sorted_keys, near, row, first, lists, now) <= visits:
            return
        low, high = nothing, nothing
        for line in range(first, first + lists):
            own = near[line // s, row, line % s]
            high = max(high, max(abs(sorted_keys[line, 0] - own), abs(sorted_keys[line, last] - own)))
        if entries(sorted_keys, near, row, first, lists, low) >= visits:
            high = low
        # Bisection, until no number lies between a radius that has too few and one that has enough.
        middle = kind(low + (high - low) / kind(2))
        while low < middle < high:
            if entries(sorted_keys, near, row, first, lists, middle) >= visits:
                high = middle
            else:
                low = middle
            middle = kind(low + (high - low) / kind(2))
        for line in range(first, first + lists):
            radii[line // s, row, line % s] = high

    return Projecting(project, margins, mark, select, visit)
