"""Searching a balanced tree of boxes on a device: a thread a query, the nearer half first, the other on a stack.

Nodes are those of knn/kernels/cpu_planes.py, halved one by one whatever the width of the rows. A box is passed over
when the sum of squares to its nearest point, in the order of the definition, exceeds what any sum may be whose root
rounds to the k-th distance: every step of a sum rounds monotonically, so this needs no other margin (as in
knn/kernels/cpu_tree.py).
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels import cpu_heap
from knn.kernels.blocks import TOGETHER
from knn.kernels.cuda_definition import definition
from knn.kernels.cuda_tiles import device

#: Places of a stack: a tree of 2³¹ points has 28 levels, of each of which one node waits at most.
DEPTH = 32
#: The slot of a place that nothing fills, above every real one.
NOTHING = np.iinfo(np.int32).max
#: No sum beyond this belongs to a neighbour: what cannot be squared is at no distance.
FINITE = np.finfo(np.float64).max


class Walking(NamedTuple):
    """Two kernels of `threads` a block, a thread a query, called alike: (tree, Q, order, distances, indices, looked).

    tree = (points (n, d) and slots int32 (n,), −1 for the dead, both in the order of the leaves; boxes (nodes, 2, d);
    ranges int32 (nodes, 2), the blocks of sixteen that a node holds, from the first to before the last; roots int64
    (trees, 3), a tree's first node, its first point and where its points end). Q (q, d); order int32 (q,), which query
    a thread has, or (0,) for the i-th the i-th. Filled: distances float64 (q, k), ∞ for nothing, indices int64 (q, k),
    −1 for nothing, by (distance, slot), and looked int64 (q,), how many points were measured.
    """

    threads: int
    #: The most neighbours that `few` finds.
    room: int
    #: For k ≤ room, the k best so far in shared memory.
    few: Any
    #: For any k, the k best so far where the answer lies.
    many: Any


@functools.cache
def walking(threads: int = 64, room: int = 16) -> Walking:
    """The kernels, of any type of data."""
    to_point, to_box = definition()
    sink = device(getattr(cpu_heap.sink, "py_func", cpu_heap.sink))  # the CPU's heap, by its source

    @device
    def limit_of(distance):
        """A sum that no sum exceeds whose root rounds to `distance` or less: a few units above its square."""
        return min(distance * distance * (1.0 + 2.0**-50), FINITE)

    @device
    def walk(tree, q, held, names, waiting, bounds):
        """Fills the heap (k,) of one query from all trees; returns how many points were measured."""
        points, slots, boxes, ranges, roots = tree
        k, looked, limit = held.shape[0], 0, FINITE
        for place in range(k):
            held[place] = math.inf
            names[place] = NOTHING
        for root in range(roots.shape[0]):
            nodes, start, end = roots[root, 0], roots[root, 1], roots[root, 2]
            waiting[0] = 0
            bounds[0] = to_box(q, boxes[nodes])
            height = 1
            while height > 0:
                height -= 1
                node, bound = nodes + waiting[height], bounds[height]
                # What is no number is no bound: a query with NaN goes nowhere.
                while bound <= limit and ranges[node, 1] - ranges[node, 0] > 1:
                    child = nodes + 2 * (node - nodes) + 1
                    lower, upper = to_box(q, boxes[child]), to_box(q, boxes[child + 1])
                    left = lower <= upper
                    farther = upper if left else lower
                    if farther <= limit:
                        waiting[height] = (child + 1 if left else child) - nodes
                        bounds[height] = farther
                        height += 1
                    node = child if left else child + 1
                    bound = lower if left else upper
                if bound <= limit:
                    stop = min(start + TOGETHER * ranges[node, 1], end)
                    for place in range(start + TOGETHER * ranges[node, 0], stop):
                        slot = slots[place]
                        if slot >= 0:
                            looked += 1
                            total = to_point(q, points[place])
                            if total <= limit:
                                distance = math.sqrt(total)
                                if distance < held[0] or (distance == held[0] and slot < names[0]):
                                    sink(held, names, distance, slot, k)
                                    limit = limit_of(held[0])
        return looked

    @device
    def into_order(held, names):
        """Turns a heap into a list from best to worst."""
        for last in range(held.shape[0] - 1, 0, -1):
            distance, slot = held[last], names[last]
            held[last] = held[0]
            names[last] = names[0]
            sink(held, names, distance, slot, last)

    @device
    def answer(held, names, distances, indices):
        """The answer of one query, from what was held in order; they may be the same."""
        for place in range(held.shape[0]):
            distances[place] = held[place]
            indices[place] = names[place] if names[place] != NOTHING else -1

    @cuda.jit
    def few(tree, Q, order, distances, indices, looked):
        waiting = cuda.shared.array((DEPTH, threads), types.int32)
        bounds = cuda.shared.array((DEPTH, threads), types.float64)
        best = cuda.shared.array((room, threads), types.float64)
        slots = cuda.shared.array((room, threads), types.int32)
        at, me, k = cuda.grid(1), cuda.threadIdx.x, distances.shape[1]
        if at < Q.shape[0]:
            row = order[at] if order.shape[0] > 0 else at
            held, names = best[:k, me], slots[:k, me]
            looked[row] = walk(tree, Q[row], held, names, waiting[:, me], bounds[:, me])
            into_order(held, names)
            answer(held, names, distances[row], indices[row])

    @cuda.jit
    def many(tree, Q, order, distances, indices, looked):
        waiting = cuda.shared.array((DEPTH, threads), types.int32)
        bounds = cuda.shared.array((DEPTH, threads), types.float64)
        at, me = cuda.grid(1), cuda.threadIdx.x
        if at < Q.shape[0]:
            row = order[at] if order.shape[0] > 0 else at
            held, names = distances[row], indices[row]
            looked[row] = walk(tree, Q[row], held, names, waiting[:, me], bounds[:, me])
            into_order(held, names)
            answer(held, names, held, names)

    return Walking(threads, room, few, many)
