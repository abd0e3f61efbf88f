"""All points within a radius by the definition: of every point, of some, and of the trees' leaves.

A half beyond a plane is left out if the squared gap along the plane's column, rounded as the definition rounds, exceeds
what `limit_of` gives: no sum of squares falls below one of its terms, so nothing in that half is within the radius.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.blocks import TOGETHER, lowest, near_in_block
from knn.kernels.cpu_distance import sum_within
from knn.kernels.cpu_narrow import limit_of
from knn.kernels.cpu_planes import DEPTH, halfway, put_node
from knn.kernels.jit import jit


@jit
def scan_within(X, alive, q, radius, slots, distances):
    """Fills slots and distances (n,) with the living points no farther than the radius; returns how many there are."""
    count = 0
    for slot in range(X.shape[0]):
        if alive[slot]:
            distance = math.sqrt(sum_within(q, X[slot], radius))
            if distance <= radius and distance < np.inf:
                slots[count], distances[count] = slot, distance
                count += 1
    return count


@jit
def listed_within(X, listed, alive, q, radius, slots, distances):
    """The same of the points listed, slots int (m,), alone."""
    count = 0
    for slot in listed:
        if alive[slot]:
            distance = math.sqrt(sum_within(q, X[slot], radius))
            if distance <= radius and distance < np.inf:
                slots[count], distances[count] = slot, distance
                count += 1
    return count


@jit
def blocks_within(tree, alive, q, radius, slots, distances):
    """The same for a tree of narrow rows, as `search_blocks` has it: halves whose plane is beyond are left out."""
    blocks, places, columns, planes, _ = tree
    totals, stack = np.empty(TOGETHER), np.empty((DEPTH, 3), np.int64)
    stack[0] = 0
    stack[0, 2] = blocks.shape[0]
    height, count, limit = 1, 0, limit_of(radius)
    while height:
        height -= 1
        node, first, last = stack[height]
        if last - first > 1:
            value, middle = q[columns[node]], halfway(first, last)
            if max(value - np.float64(planes[node, 0]), 0.0) ** 2 <= limit:
                put_node(stack, height, 2 * node + 1, first, middle)
                height += 1
            if max(np.float64(planes[node, 1]) - value, 0.0) ** 2 <= limit:
                put_node(stack, height, 2 * node + 2, middle, last)
                height += 1
            continue
        mask = near_in_block(blocks, first, q, limit, totals)
        while mask:
            i = lowest(mask)
            mask &= mask - 1
            distance = math.sqrt(totals[i])
            if distance <= radius and distance < np.inf and alive[places[first * TOGETHER + i]]:
                slots[count], distances[count] = places[first * TOGETHER + i], distance
                count += 1
    return count


@jit
def rows_within(tree, alive, q, radius, slots, distances):
    """The same for a tree of wide rows."""
    rows, places, columns, planes, _ = tree
    stack = np.empty((DEPTH, 3), np.int64)
    stack[0] = 0
    stack[0, 2] = -(-places.shape[0] // TOGETHER)
    height, count, limit = 1, 0, limit_of(radius)
    while height:
        height -= 1
        node, first, last = stack[height]
        if last - first > 1:
            value, middle = q[columns[node]], halfway(first, last)
            if max(value - np.float64(planes[node, 0]), 0.0) ** 2 <= limit:
                put_node(stack, height, 2 * node + 1, first, middle)
                height += 1
            if max(np.float64(planes[node, 1]) - value, 0.0) ** 2 <= limit:
                put_node(stack, height, 2 * node + 2, middle, last)
                height += 1
            continue
        for i in range(first * TOGETHER, min(last * TOGETHER, places.shape[0])):
            distance = math.sqrt(sum_within(q, rows[i], radius))
            if distance <= radius and distance < np.inf and alive[places[i]]:
                slots[count], distances[count] = places[i], distance
                count += 1
    return count
