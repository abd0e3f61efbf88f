"""The cover tree's kernels: points put in one by one, and searched in the order of what the triangle excludes least.

Every point is one node. Node p covers what lies within reach(p); its children reach 1/1.3 as far, and a new point goes
to the nearest child that covers it, or becomes one. Kept of each node c are the distance to its parent, a(c), and the
largest to anything below it, m(c), so that for each point x at or below c

    d(q, x) ≥ |d(q, p) − a(c)| − m(c)        before d(q, c) is computed
    d(q, x) ≥ d(q, c) − m(c)                 from then on

Distances as computed are within (d + 8)·2⁻⁵³ of the true ones, or within √d·2⁻⁵³² where squares vanish. From each bound
(2d + 32)·2⁻⁵³ times all distances that enter it is subtracted, and √d·2⁻⁵³⁰: that covers them, the rounding of the
bound itself, and that of the distance which it bounds.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.assign import assign
from knn.kernels.cpu_distance import sum_within
from knn.kernels.cpu_heap import offer
from knn.kernels.jit import jit

#: How many times farther a node reaches than its children: least distances at 1.3 (Izbicki & Shelton 2015, §5).
BASE = 1.3
#: No such node.
NONE = -1


@jit
def put_in(X, start, links, spans):
    """Puts the rows of X from `start` on into the tree that holds those before.

    links int64 (n, 2): first child and next sibling; spans (n, 3): distances to the parent and to the farthest
    below, and the reach.
    """
    x = np.empty(X.shape[1])
    for new in range(start, X.shape[0]):
        assign(x, X[new])
        links[new] = NONE
        spans[new] = 0.0
        if new == 0:
            continue
        node, away = 0, math.sqrt(sum_within(x, X[0], np.inf))
        if spans[0, 2] == 0.0:
            spans[0, 2] = away
        while spans[0, 2] < away:
            spans[0, 2] *= BASE
        while True:
            spans[node, 1] = max(spans[node, 1], away)
            nearest, least = NONE, np.inf
            child = links[node, 0] if away > 0.0 else NONE  # a duplicate is a child at once, not a longer branch
            while child != NONE:
                distance = math.sqrt(sum_within(x, X[child], np.inf))
                if distance <= spans[child, 2] and distance < least:
                    nearest, least = child, distance
                child = links[child, 1]
            if nearest == NONE:
                break
            node, away = nearest, least
        spans[new, 0], spans[new, 2] = away, spans[node, 2] / BASE
        links[new, 1] = links[node, 0]
        links[node, 0] = new


@jit
def search_cover(X, alive, links, spans, Q, best, best_slots, evaluations):
    """Offers to the heap of each query all points that may be among its k nearest; counts distances, (q,).

    X (n, d), alive bool (n,), Q float64 (q, d), heaps (q, k). Nodes wait in the order of their bounds, and are measured
    when theirs is the least.
    """
    n, d = X.shape
    bounds, nodes, known = np.empty(n + 1), np.empty(n + 1, np.int64), np.full(n, -1.0)
    relative, absolute = (2 * d + 32) * 2.0**-53, math.sqrt(d) * 2.0**-530
    for row in range(Q.shape[0]):
        q, distances, found = Q[row], best[row], best_slots[row]
        known[:] = -1.0
        bounds[0], nodes[0], size = 0.0, 0, np.int64(1)
        while size and bounds[0] <= distances[0]:
            node = nodes[0]
            size = _pop(bounds, nodes, size)
            away = known[node]
            if away < 0.0:
                away = known[node] = math.sqrt(sum_within(q, X[node], np.inf))
                evaluations[row] += 1
                if alive[node]:
                    offer(distances, found, away, node)
                if links[node, 0] != NONE:
                    below = spans[node, 1]
                    size = _push(bounds, nodes, size, away - below - (away + below) * relative - absolute, node)
                continue
            child = links[node, 0]
            while child != NONE:
                apart, below = spans[child, 0], spans[child, 1]
                bound = abs(away - apart) - below - (away + apart + below) * relative - absolute
                if bound <= distances[0]:
                    size = _push(bounds, nodes, size, bound, child)
                child = links[child, 1]


@jit
def cover_within(X, alive, links, spans, q, radius, slots, distances):
    """Fills slots and distances (n,) with the living points no farther than the radius; returns how many there are."""
    n, d = X.shape
    relative, absolute = (2 * d + 32) * 2.0**-53, math.sqrt(d) * 2.0**-530
    stack, height, count = np.empty(n, np.int64), 1, 0
    stack[0] = 0
    while height:
        height -= 1
        node = stack[height]
        away = math.sqrt(sum_within(q, X[node], np.inf))
        if away <= radius and alive[node]:
            slots[count], distances[count] = node, away
            count += 1
        if away - spans[node, 1] - (away + spans[node, 1]) * relative - absolute > radius:
            continue
        child = links[node, 0]
        while child != NONE:
            apart, below = spans[child, 0], spans[child, 1]
            if abs(away - apart) - below - (away + apart + below) * relative - absolute <= radius:
                stack[height] = child
                height += 1
            child = links[child, 1]
    return count


@jit
def _push(bounds, nodes, size, bound, node):
    """Adds a node to a queue whose least bound comes first; returns its size."""
    hole = size
    while hole > 0 and bounds[(hole - 1) // 2] > bound:
        bounds[hole], nodes[hole] = bounds[(hole - 1) // 2], nodes[(hole - 1) // 2]
        hole = (hole - 1) // 2
    bounds[hole], nodes[hole] = bound, node
    return size + 1


@jit
def _pop(bounds, nodes, size):
    """Takes the first node out of the queue; returns its size."""
    size -= 1
    bound, node, hole = bounds[size], nodes[size], 0
    while 2 * hole + 1 < size:
        child = 2 * hole + 1
        if child + 1 < size and bounds[child + 1] < bounds[child]:
            child += 1
        if bounds[child] >= bound:
            break
        bounds[hole], nodes[hole] = bounds[child], nodes[child]
        hole = child
    bounds[hole], nodes[hole] = bound, node
    return size
