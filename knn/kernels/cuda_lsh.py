"""Hashing on a device: a query's buckets, and the points in them, table by table, until there are enough."""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_definition import times
from knn.kernels.cuda_keeping import keeping
from knn.kernels.cuda_tiles import device


class Hashing(NamedTuple):
    """Two kernels, of which a block of `threads` has one query."""

    #: hash(Q, directions, width, shifts, factors, last, hashes): Σⱼ fⱼ⌊⟨aⱼ, q⟩/w + bⱼ⌋ mod 2⁶⁴ of each table, as int64,
    #: into hashes (q, m), of directions float64 (d, m·p), shifts (m·p,) and factors int64 (m·p,); whole numbers are
    #: held to ±last. The operations of knn/lsh.py.
    hash: Any
    #: collide(X, Q, tables, order, hashes, budget, living, held, names, distances, indices, evaluations, certified):
    #: the nearest of the points that share a bucket, by the definition. tables uint64 (m, n) hold the buckets of the
    #: points by slot, order int32 (m, living) the living in their order, and hashes are seen as uint64; living tells
    #: how many live; evaluations int64 (q,), certified bool (q,); held float64 and names int32 are (q, c),
    #: c ≥ k + threads·(1 + ahead).
    collide: Any


@functools.cache
def hashing(threads: int = 128, ahead: int = 4) -> Hashing:
    """The kernels, of any type of data; threads look at `ahead` points each before all wait for another."""
    chunk, room = threads * ahead, threads * (1 + ahead)
    scratch, clear, keep_nearest, measure = keeping(threads)

    @cuda.jit
    def hash_queries(Q, directions, width, shifts, factors, last, hashes):
        row, each = cuda.blockIdx.x, directions.shape[1] // hashes.shape[1]
        for table in range(cuda.threadIdx.x, hashes.shape[1], threads):
            total = types.int64(0)
            for j in range(table * each, (table + 1) * each):
                projected = 0.0
                for i in range(Q.shape[1]):
                    projected += times(np.float64(Q[row, i]), directions[i, j])
                value = max(-last, min(last, projected / width + shifts[j]))
                total += types.int64(math.floor(value)) * factors[j]
            hashes[row, table] = total

    @device
    def first_beyond(table, line, bucket, equal):
        """The first place of a sorted line whose bucket is more, or not less unless `equal`, than the given one."""
        start, stop = 0, line.shape[0]
        while start < stop:
            middle = (start + stop) // 2
            other = table[line[middle]]
            if other < bucket or (equal and other == bucket):
                start = middle + 1
            else:
                stop = middle
        return start

    @device
    def is_new(tables, slot, hashes, table):
        """Whether no earlier table has the point in the query's bucket."""
        for earlier in range(table):  # noqa: SIM110 (Numba compiles a loop where it would not a generator)
            if tables[earlier, slot] == hashes[earlier]:
                return False
        return True

    @cuda.jit
    def collide(X, Q, tables, order, hashes, budget, living, held, names, distances, indices, evaluations, certified):
        waiting = cuda.shared.array(room, types.int32)
        chosen = cuda.shared.array(scratch, types.int64)
        count = cuda.shared.array(1, types.int32)
        kept = cuda.shared.array(1, types.int32)
        bound = cuda.shared.array(1, types.float64)
        found = cuda.shared.array(1, types.int32)
        row, me = cuda.blockIdx.x, cuda.threadIdx.x
        query, own_held, own_names, near, slots = Q[row], held[row], names[row], distances[row], indices[row]
        clear(near, slots)
        if me == 0:
            count[0] = 0
            kept[0] = 0
            bound[0] = math.inf
            found[0] = 0
        cuda.syncthreads()
        for table in range(tables.shape[0]):
            enough = found[0] >= budget
            cuda.syncthreads()
            if enough:
                break
            bucket = hashes[row, table]
            start = first_beyond(tables[table], order[table], bucket, False)
            stop = first_beyond(tables[table], order[table], bucket, True)
            for first in range(start + me, stop + me, chunk):
                for part in range(ahead):
                    place = first + part * threads
                    if place < stop and is_new(tables, order[table, place], hashes[row], table):
                        waiting[cuda.atomic.add(count, 0, 1)] = order[table, place]
                        cuda.atomic.add(found, 0, 1)
                cuda.syncthreads()
                full = count[0] >= threads
                cuda.syncthreads()
                if full:
                    measure(X, query, waiting, count, own_held, own_names, kept, bound, near, slots, chosen)
        measure(X, query, waiting, count, own_held, own_names, kept, bound, near, slots, chosen)
        keep_nearest(own_held, own_names, kept, bound, near, slots, chosen)
        if me == 0:
            evaluations[row] = found[0]
            certified[row] = found[0] == living and bound[0] < math.inf

    return Hashing(hash_queries, collide)
