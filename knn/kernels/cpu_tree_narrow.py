"""Searching a balanced tree where rows are narrow: sixteen boxes at a time, then block by block.

Any sixteen blocks that belong together are a node, and so are sixteen nodes; the boxes of a node's children are
measured in vectors (as ray tracers do: Wald, Benthin & Boulos 2008, "Getting rid of packets"). Halving one by one, a
search for ten neighbours in three dimensions waited for some forty wrong guesses of which way to go.
"""

from __future__ import annotations

import numpy as np

from knn.kernels.blocks import TOGETHER, lowest, near_in_block
from knn.kernels.boxes import ALL, least_bound, measure_boxes, within_bounds
from knn.kernels.cpu_heap import SHORT
from knn.kernels.cpu_narrow import limit_of
from knn.kernels.cpu_planes import halfway
from knn.kernels.jit import jit
from knn.kernels.short import closed, opened, put_marked

#: No sum beyond this belongs to a neighbour: what cannot be squared is at no distance.
FINITE = np.finfo(np.float64).max


@jit
def first_nodes(n_leaves):
    """Where each level of nodes begins, the parents of leaves first, and how many nodes there are: int64 (levels + 1,).

    Node i of a level has the children 16i … 16i + 15 of the level before, or these blocks.
    """
    starts = np.zeros(TOGETHER + 1, np.int64)
    levels = 0
    while levels == 0 or n_leaves > 1:
        n_leaves = -(-n_leaves // TOGETHER)
        starts[levels + 1] = starts[levels] + n_leaves
        levels += 1
    return starts[: levels + 1].copy()


@jit
def enclose_blocks(blocks, n, boxes):
    """boxes[i, :, :, j] = the least box around the points of child j of node i. blocks (blocks, d, 16) of n points."""
    starts = first_nodes(blocks.shape[0])
    boxes[:, 0] = np.inf
    boxes[:, 1] = -np.inf
    for leaf in range(blocks.shape[0]):
        node, child = divmod(leaf, TOGETHER)
        for c in range(blocks.shape[1]):
            points = blocks[leaf, c, : min(TOGETHER, n - leaf * TOGETHER)]
            boxes[node, 0, c, child], boxes[node, 1, c, child] = points.min(), points.max()
    for level in range(1, len(starts) - 1):
        for place in range(starts[level] - starts[level - 1]):
            node, child = divmod(place, TOGETHER)
            for c in range(blocks.shape[1]):
                inner = boxes[starts[level - 1] + place]
                boxes[starts[level] + node, 0, c, child] = inner[0, c].min()
                boxes[starts[level] + node, 1, c, child] = inner[1, c].max()


@jit
def search_blocks(tree, alive, Q, best, best_slots, evaluations):
    """Offers to the heap of each query all points of a tree that may be among its k nearest.

    tree: blocks (blocks, d, 16) in the order of the leaves, slots (n,) where their points come from, what this search
    has no use for, and boxes (nodes, 2, d, 16) of all levels; alive bool (all slots,), Q float64 (q, d), heaps (q, k).
    Adds to evaluations (q,) the points of the leaves visited, those deleted since the tree was built among them.

    A node's nearest child is taken first and the others as they come: then the k-th distance has hardly far to fall.
    """
    blocks, slots, _, _, boxes = tree
    totals, starts = np.empty(TOGETHER), first_nodes(blocks.shape[0])
    lanes, lane_slots = np.empty(SHORT), np.empty(SHORT, np.int64)
    levels = len(starts) - 1
    bounds, nodes, left = np.empty((levels, TOGETHER)), np.empty(levels, np.int64), np.empty(levels, np.int64)
    for row in range(Q.shape[0]):
        q = Q[row]
        distances, found = opened(best, best_slots, row, lanes, lane_slots)
        limit = min(limit_of(distances[0]), FINITE)
        level, node, entered = levels - 1, 0, True
        measure_boxes(boxes, starts[level], q, bounds, level)
        near = within_bounds(bounds, level, ALL, limit)
        while True:
            if near == 0:
                level += 1
                if level == levels:
                    break
                node, near = nodes[level], within_bounds(bounds, level, left[level], limit)
                continue
            i = least_bound(bounds, level, near) if entered else lowest(near)
            near &= ~(1 << i)
            child, entered = node * TOGETHER + i, level > 0
            if level > 0:
                nodes[level], left[level] = node, near
                level, node = level - 1, child
                measure_boxes(boxes, starts[level] + node, q, bounds, level)
                near = within_bounds(bounds, level, ALL, limit)
                continue
            mask = near_in_block(blocks, child, q, limit, totals)
            evaluations[row] += min(TOGETHER, slots.shape[0] - child * TOGETHER)
            if mask:
                put_marked(distances, found, totals, slots, child * TOGETHER, alive, mask)
                limit = min(limit_of(distances[0]), FINITE)
                near = within_bounds(bounds, level, near, limit)
        closed(best, best_slots, row, lanes, lane_slots)


@jit
def leaves_of(columns, planes, n_leaves, Q, leaves):
    """The leaf on whose side of every plane a query lies: near queries, near leaves. Q (q, d), leaves int64 (q,)."""
    for row in range(Q.shape[0]):
        node, first, last = 0, np.int64(0), n_leaves
        while last - first > 1:
            middle = halfway(first, last)
            upper = Q[row, columns[node]] >= planes[node, 1]
            node = 2 * node + 1 + upper
            first, last = (middle, last) if upper else (first, middle)
        leaves[row] = first
