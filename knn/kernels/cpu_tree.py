"""A balanced tree with a box around each node's points, for wide rows: searched nearest box first.

Blocks and nodes are those of knn/kernels/cpu_planes.py. A box sees all columns at once, which pays where points lie on
a surface of few dimensions: there planes across single columns exclude little.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.assign import assign
from knn.kernels.blocks import TOGETHER
from knn.kernels.cpu_distance import sum_within
from knn.kernels.cpu_heap import offer
from knn.kernels.cpu_planes import DEPTH, halfway, put_node
from knn.kernels.jit import jit


@jit
def enclose_nodes(rows, boxes):
    """boxes[i] = the least box (2, d) around the points of node i, from the leaves up. rows (n, d) in their order."""
    nodes = np.empty((boxes.shape[0], 3), np.int64)
    nodes[0] = 0
    nodes[0, 2] = -(-rows.shape[0] // TOGETHER)
    count, place = np.int64(1), 0
    while place < count:
        node, first, last = nodes[place]
        if last - first > 1:
            middle = halfway(first, last)
            put_node(nodes, count, 2 * node + 1, first, middle)
            put_node(nodes, count + 1, 2 * node + 2, middle, last)
            count += 2
        place += 1
    for place in range(count - 1, -1, -1):
        node, first, last = nodes[place]
        box = boxes[node]
        if last - first > 1:
            lower, upper = boxes[2 * node + 1], boxes[2 * node + 2]
            for c in range(rows.shape[1]):
                box[0, c] = min(lower[0, c], upper[0, c])
                box[1, c] = max(lower[1, c], upper[1, c])
        else:
            assign(box[0], rows[first * TOGETHER])
            assign(box[1], rows[first * TOGETHER])
            for i in range(first * TOGETHER + 1, min(last * TOGETHER, rows.shape[0])):
                for c in range(rows.shape[1]):
                    box[0, c] = min(box[0, c], rows[i, c])
                    box[1, c] = max(box[1, c], rows[i, c])


@jit
def search_tree(rows, slots, alive, boxes, Q, best, best_slots, evaluations):
    """Offers to the heap of each query all points of a tree that may be among its k nearest.

    rows (n, d) in the order of the leaves, slots (n,) where they come from, alive bool (all slots,), boxes (nodes, 2,
    d), Q float64 (q, d), heaps (q, k); adds to evaluations (q,). A box is passed over when the distance of its nearest
    point, by the definition, exceeds the k-th: every step of a distance rounds monotonically, so this needs no margin.
    """
    nearest = np.empty(Q.shape[1])
    stack = np.empty((DEPTH, 3), np.int64)
    bounds = np.empty(DEPTH)
    for row in range(Q.shape[0]):
        q, distances, found = Q[row], best[row], best_slots[row]
        stack[0] = 0
        stack[0, 2] = -(-slots.shape[0] // TOGETHER)
        bounds[0] = 0.0
        height = 1
        while height:
            height -= 1
            node, first, last = stack[height]
            if bounds[height] > distances[0]:
                continue
            if last - first == 1:
                start, stop = first * TOGETHER, min(last * TOGETHER, slots.shape[0])
                evaluations[row] += _look(rows[start:stop], slots[start:stop], alive, q, distances, found)
                continue
            middle = halfway(first, last)
            lower = _distance_to(boxes[2 * node + 1], q, nearest)
            upper = _distance_to(boxes[2 * node + 2], q, nearest)
            top = 1 if lower <= upper else 0  # the nearer half is put on top, to be taken first
            put_node(stack, height + top, 2 * node + 1, first, middle)
            bounds[height + top] = lower
            put_node(stack, height + 1 - top, 2 * node + 2, middle, last)
            bounds[height + 1 - top] = upper
            height += 2


@jit
def _distance_to(box, q, nearest):
    """The distance from q to the nearest point of a box, by the definition."""
    for c in range(q.shape[0]):
        low, high = np.float64(box[0, c]), np.float64(box[1, c])
        value = q[c]
        value = low if value < low else value
        nearest[c] = high if value > high else value
    return math.sqrt(sum_within(q, nearest, np.inf))


@jit
def _look(rows, slots, alive, q, distances, found):
    """Offers the living points of a leaf; returns how many there are."""
    looked = 0
    for i in range(rows.shape[0]):
        if alive[slots[i]]:
            looked += 1
            total = sum_within(q, rows[i], distances[0])
            if total < np.inf:
                offer(distances, found, math.sqrt(total), slots[i])
    return looked
