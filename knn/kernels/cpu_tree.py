"""A balanced tree of boxes: built by halving the widest side, searched nearest box first.

Node i has the children 2i + 1 and 2i + 2, which hold the lower and the upper half of its places; a node of at most
LEAF places has none. So ranges need not be stored, and a box (low, high) of each node's points is all there is.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_distance import sum_within
from knn.kernels.cpu_heap import offer
from knn.kernels.cpu_narrow import NARROW
from knn.kernels.jit import jit

#: Points in a leaf at most: a few dozen distances cost about what going down another level does.
LEAF = 16
#: Levels that a stack has room for: 2⁶⁴ points.
DEPTH = 64


def n_nodes(n: int) -> int:
    """How many nodes a tree on n places has room for: all of as many levels as its longest branch has."""
    levels = 1
    while n > LEAF:
        n = (n + 1) // 2
        levels += 1
    return 2**levels - 1


@jit
def build_tree(X, order, boxes):
    """Sorts `order` (n,), the rows of X that the tree holds, into leaves, and fills boxes (nodes, 2, d)."""
    stack = np.empty((DEPTH, 3), np.int64)
    stack[0] = (0, 0, order.shape[0])
    height = 1
    while height:
        height -= 1
        node, start, stop = stack[height]
        widest = _enclose(X, order[start:stop], boxes[node])
        if stop - start > LEAF:
            middle = (start + stop) // 2
            _halve(X, order[start:stop], widest, middle - start)
            stack[height] = (2 * node + 1, start, middle)
            stack[height + 1] = (2 * node + 2, middle, stop)
            height += 2


@jit
def _enclose(X, order, box):
    """The smallest box (2, d) around rows of X; returns its widest side."""
    box[0] = X[order[0]]
    box[1] = X[order[0]]
    for i in order[1:]:
        for c in range(X.shape[1]):
            value = X[i, c]
            box[0, c] = value if value < box[0, c] else box[0, c]
            box[1, c] = value if value > box[1, c] else box[1, c]
    widest = 0
    for c in range(X.shape[1]):
        if box[1, c] - box[0, c] > box[1, widest] - box[0, widest]:
            widest = c
    return widest


@jit
def _halve(X, order, column, middle):
    """Reorders rows so that none before place `middle` exceeds any from there on in that column: quickselect."""
    low, high = 0, order.shape[0] - 1
    while low < high:
        pivot = X[order[(low + high) // 2], column]
        left, right = low, high
        while left <= right:
            while X[order[left], column] < pivot:
                left += 1
            while X[order[right], column] > pivot:
                right -= 1
            if left <= right:
                order[left], order[right] = order[right], order[left]
                left += 1
                right -= 1
        if middle <= right:
            high = right
        elif middle >= left:
            low = left
        else:
            break


@jit
def search_tree(rows, slots, alive, boxes, Q, best, best_slots, evaluations):
    """Offers to the heap of each query all points of a tree that may be among its k nearest.

    rows (n, d) in the order of the leaves, or columns (d, n) if d < 16; slots (n,) where they come from, alive bool
    (all slots,), boxes (nodes, 2, d), Q float64 (q, d), heaps (q, k); adds to evaluations (q,). A box is passed over
    when the distance of its nearest point, by the definition, exceeds the k-th: every step of a distance rounds
    monotonically, so this needs no margin.
    """
    nearest = np.empty(Q.shape[1])
    stack = np.empty((DEPTH, 3), np.int64)
    bounds, totals = np.empty(DEPTH), np.empty(LEAF)
    for row in range(Q.shape[0]):
        q, distances, found = Q[row], best[row], best_slots[row]
        stack[0] = (0, 0, slots.shape[0])
        bounds[0] = 0.0
        height = 1
        while height:
            height -= 1
            node, start, stop = stack[height]
            if bounds[height] > distances[0]:
                continue
            if stop - start <= LEAF:
                if q.shape[0] < NARROW:
                    looked = _look_across(rows, start, slots[start:stop], alive, q, (distances, found), totals)
                else:
                    looked = _look(rows[start:stop], slots[start:stop], alive, q, distances, found)
                evaluations[row] += looked
                continue
            middle = (start + stop) // 2
            lower = _distance_to(boxes[2 * node + 1], q, nearest)
            upper = _distance_to(boxes[2 * node + 2], q, nearest)
            first = 1 if lower <= upper else 0  # the nearer half is put on top, to be taken first
            stack[height + first] = (2 * node + 1, start, middle)
            bounds[height + first] = lower
            stack[height + 1 - first] = (2 * node + 2, middle, stop)
            bounds[height + 1 - first] = upper
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


@jit
def _look_across(columns, start, slots, alive, q, heap, totals):
    """The same for narrow rows, given as columns (d, n): their definition is a plain sum, here of all points at once.

    The leaf begins at place `start`; totals (16,) is scratch.
    """
    distances, found = heap
    n = slots.shape[0]
    totals[:] = 0.0
    for c in range(q.shape[0]):
        column, value = columns[c, start : start + n], q[c]
        for i in range(n):
            gap = value - np.float64(column[i])
            totals[i] += gap * gap
    limit = distances[0] * distances[0] * (1.0 + 2.0**-50)  # a little more than the definition's own
    looked = 0
    for i in range(n):
        if alive[slots[i]]:
            looked += 1
            if totals[i] <= limit:
                offer(distances, found, math.sqrt(totals[i]), slots[i])
    return looked
