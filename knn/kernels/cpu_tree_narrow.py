"""Searching a balanced tree where rows are narrow: side by side, block by block.

A node's bound is ρ = Σ_c s_c, s_c the square of how far its half lies from the query along column c. Going down changes
one s_c only (Arya & Mount 1993). ρ is rounded in another order than the definition: at most three roundings a level and
four a column, of numbers up to ρ, together below (3·64 + 4·16)·2⁻⁵³ < 2⁻⁴⁴ of it. So what is left out has
ρ > limit·(1 + 2⁻⁴³), and then no point of it has a sum of squares within the limit.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.blocks import TOGETHER, lowest, near_in_block
from knn.kernels.cpu_heap import SHORT
from knn.kernels.cpu_narrow import limit_of
from knn.kernels.cpu_planes import DEPTH
from knn.kernels.jit import jit
from knn.kernels.short import closed, opened, put


@jit
def search_blocks(tree, alive, Q, best, best_slots, evaluations):
    """Offers to the heap of each query all points of a tree that may be among its k nearest.

    tree: blocks (blocks, d, 16) in the order of the leaves, slots (n,) where their points come from, columns (nodes,),
    planes (nodes, 2), box (2, d) of all; alive bool (all slots,), Q float64 (q, d), heaps (q, k). Adds to evaluations
    (q,) the points of the leaves visited, those deleted since the tree was built among them.
    """
    blocks, slots, columns, planes, box = tree
    d, totals = Q.shape[1], np.empty(TOGETHER)
    lanes, lane_slots = np.empty(SHORT), np.empty(SHORT, np.int64)
    sides, side = np.empty((DEPTH, d)), np.empty(d)
    stack, bounds = np.empty((DEPTH, 3), np.int64), np.empty(DEPTH)
    for row in range(Q.shape[0]):
        q = Q[row]
        distances, found = opened(best, best_slots, row, lanes, lane_slots)
        bounds[0] = _sides_of_box(box, q, sides[0])
        stack[0] = (0, 0, blocks.shape[0])
        height = 1
        while height:
            height -= 1
            limit = limit_of(distances[0])
            cut, bound = limit * (1.0 + 2.0**-43), bounds[height]
            if bound > cut:
                continue
            node, first, last = stack[height]
            for c in range(d):
                side[c] = sides[height, c]
            while last - first > 1:
                c, middle = columns[node], (first + last) // 2
                value, known = q[c], side[c]
                below = max(value - np.float64(planes[node, 0]), 0.0)
                above = max(np.float64(planes[node, 1]) - value, 0.0)
                to_lower, to_upper = max(below * below, known), max(above * above, known)
                nearer, farther = min(to_lower, to_upper), max(to_lower, to_upper)
                lower_first = to_lower <= to_upper
                beyond = (bound - known) + farther
                if beyond <= cut:
                    bounds[height] = beyond
                    stack[height, 0] = 2 * node + 1 + lower_first
                    stack[height, 1] = middle if lower_first else first
                    stack[height, 2] = last if lower_first else middle
                    for i in range(d):
                        sides[height, i] = side[i]
                    sides[height, c] = farther
                    height += 1
                bound = (bound - known) + nearer
                side[c] = nearer
                node = 2 * node + 2 - lower_first
                first, last = (first, middle) if lower_first else (middle, last)
            mask = near_in_block(blocks, first, q, limit, totals)
            start = first * TOGETHER
            evaluations[row] += min(TOGETHER, slots.shape[0] - start)
            while mask:
                i = lowest(mask)
                mask &= mask - 1
                if totals[i] < np.inf and alive[slots[start + i]]:
                    put(distances, found, math.sqrt(totals[i]), slots[start + i])
        closed(best, best_slots, row, lanes, lane_slots)


@jit
def _sides_of_box(box, q, sides):
    """Squares of how far a box lies from q along each column; returns their sum."""
    total = 0.0
    for c in range(q.shape[0]):
        gap = max(np.float64(box[0, c]) - q[c], q[c] - np.float64(box[1, c]), 0.0)
        sides[c] = gap * gap
        total += sides[c]
    return total


@jit
def leaves_of(columns, planes, n_leaves, Q, leaves):
    """The leaf on whose side of every plane a query lies: near queries, near leaves. Q (q, d), leaves int64 (q,)."""
    for row in range(Q.shape[0]):
        node, first, last = 0, 0, n_leaves
        while last - first > 1:
            middle = (first + last) // 2
            upper = Q[row, columns[node]] >= planes[node, 1]
            node = 2 * node + 1 + upper
            first, last = (middle, last) if upper else (first, middle)
        leaves[row] = first
