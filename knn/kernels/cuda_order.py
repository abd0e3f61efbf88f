"""Queries in an order in which near ones are neighbours, on a device: counted by the planes of a tree, then lined up.

Threads that walk a tree together then go the same way. The order within a bucket is the hardware's; no answer depends
on any order.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

from numba import cuda, types

from knn.kernels.cuda_prefix import prefix_sums


class Ordering(NamedTuple):
    """Three kernels, called one after the other; in the first and the last a thread has a query, the second has a block
    of `threads` alone.

    count(Q, columns, planes, depth, buckets, counts): on which side of `depth` planes a query (d,) lies, by the planes
    of knn/kernels/cpu_planes.py from the root on, into buckets int32 (q,); counts int32 (2^depth,) grow from 0.
    starts(counts): where each bucket starts, Σ of the counts before it, in their place.
    line_up(buckets, counts, order): order int32 (q,) holds all queries, bucket after bucket.
    """

    threads: int
    count: Any
    starts: Any
    line_up: Any


@functools.cache
def ordering(threads: int = 128) -> Ordering:
    """The kernels, of any type of data."""
    up_to, twice = prefix_sums(threads), 2 * threads

    @cuda.jit
    def count(Q, columns, planes, depth, buckets, counts):
        row = cuda.grid(1)
        if row < Q.shape[0]:
            node = 0
            for _ in range(depth):
                node = 2 * node + (2 if Q[row, columns[node]] >= planes[node, 1] else 1)
            buckets[row] = node - (1 << depth) + 1
            cuda.atomic.add(counts, buckets[row], 1)

    @cuda.jit
    def starts(counts):
        sums = cuda.shared.array(twice, types.int32)
        last = cuda.shared.array(1, types.int32)
        me, before = cuda.threadIdx.x, types.int32(0)
        for first in range(0, counts.shape[0], threads):
            bucket = first + me
            here = counts[bucket] if bucket < counts.shape[0] else types.int32(0)
            total = up_to(here, sums)
            if bucket < counts.shape[0]:
                counts[bucket] = before + total - here
            if me == threads - 1:
                last[0] = total
            cuda.syncthreads()
            before += last[0]  # read again before the next is written: `up_to` has barriers in between

    @cuda.jit
    def line_up(buckets, counts, order):
        row = cuda.grid(1)
        if row < buckets.shape[0]:
            order[cuda.atomic.add(counts, buckets[row], 1)] = row

    return Ordering(threads, count, starts, line_up)
