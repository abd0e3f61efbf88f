"""Building a balanced tree: blocks of points, halved again and again by a plane across the column that varies most.

The points are sorted into blocks of sixteen, the last of which may be shorter. Node i holds some blocks and has the
children 2i + 1 and 2i + 2, which hold the lower and the upper half of them; a node of one block is a leaf. So ranges
need not be stored, and where its halves end along one column is all there is to a node. Halves end at whole numbers of
16, 256, … blocks, so that any sixteen blocks from such a place on belong together, and any sixteen of these sixteens.
"""

from __future__ import annotations

import numpy as np

from knn.kernels.blocks import TOGETHER
from knn.kernels.jit import jit

#: Levels that a stack has room for: 2⁶⁴ points.
DEPTH = 64
#: Points of a node that are looked at to choose a column, and keys among which a pivot is taken.
LOOKED_AT, PIVOTS = 64, 15


def n_blocks(n: int) -> int:
    """How many blocks n points fill."""
    return -(-n // TOGETHER)


def n_nodes(n: int) -> int:
    """How many nodes a tree on n points has room for: all of as many levels as its longest branch has."""
    return 2 ** ((n_blocks(n) - 1).bit_length() + 1) - 1


@jit
def halfway(first, last):
    """Where the lower half of the blocks from `first` to `last` ends, two or more of them."""
    unit = 1
    while unit * TOGETHER < last - first:
        unit *= TOGETHER
    return first + (-(-(last - first) // unit) + 1) // 2 * unit


@jit
def put_node(nodes, place, node, first, last):
    """nodes[place] = (node, first, last): a node and the blocks below it. nodes int64 (·, 3)."""
    nodes[place, 0], nodes[place, 1], nodes[place, 2] = node, first, last


@jit
def build_planes(X, order, columns, planes):
    """Sorts `order` (n,), the rows of X that the tree holds, into blocks; fills columns int64 (nodes,) and planes.

    planes (nodes, 2): along columns[i] the lower half of node i ends at planes[i, 0], the upper begins at planes[i, 1].
    """
    n = order.shape[0]
    stack = np.empty((DEPTH, 3), np.int64)
    keys = np.empty(n, X.dtype)
    stack[0] = 0
    stack[0, 2] = -(-n // TOGETHER)
    height = 1
    while height:
        height -= 1
        node, first, last = stack[height]
        if last - first == 1:
            continue
        middle = halfway(first, last)
        start, stop, half = first * TOGETHER, min(last * TOGETHER, n), middle * TOGETHER
        column = _widest(X, order[start:stop])
        for i in range(start, stop):
            keys[i] = X[order[i], column]
        _halve(keys[start:stop], order[start:stop], half - start)
        columns[node] = column
        lower, upper = keys[start], keys[half]
        for i in range(start, half):
            lower = max(lower, keys[i])
        for i in range(half, stop):
            upper = min(upper, keys[i])
        planes[node, 0], planes[node, 1] = lower, upper
        put_node(stack, height, 2 * node + 1, first, middle)
        put_node(stack, height + 1, 2 * node + 2, middle, last)
        height += 2


@jit
def _widest(X, order):
    """The column in which some of the rows lie farthest apart: any choice is right, a good one is fast."""
    step = max(1, order.shape[0] // LOOKED_AT)
    widest, most = 0, X.dtype.type(-1)
    d = X.shape[1]
    low, high = X[order[0]].copy(), X[order[0]].copy()
    for place in range(0, order.shape[0], step):
        x = X[order[place]]
        for c in range(d):
            low[c] = min(low[c], x[c])
            high[c] = max(high[c], x[c])
    for c in range(d):
        if high[c] - low[c] > most:
            widest, most = c, high[c] - low[c]
    return widest


@jit
def _halve(keys, order, middle):
    """Reorders both so that no key before place `middle` exceeds any from there on: quickselect without branches."""
    low, high = np.int64(0), keys.shape[0]  # typed: for a literal, what is called would be compiled again
    while high - low > 1:
        pivot = _pivot(keys, low, high, middle)
        border = _part(keys, order, low, high, pivot, False)
        if middle < border:
            high = border
            continue
        low = border
        border = _part(keys, order, low, high, pivot, True)  # what equals the pivot: at least one does
        if middle < border:
            return
        low = border


@jit
def _part(keys, order, low, high, pivot, equal):
    """Moves what is below the pivot (or equals it) to the front of low … high; returns where it ends."""
    border = low
    for i in range(low, high):
        key, row = keys[i], order[i]
        keys[i], order[i] = keys[border], order[border]
        keys[border], order[border] = key, row
        border += (key <= pivot) if equal else (key < pivot)
    return border


@jit
def _pivot(keys, low, high, middle):
    """A key of about the rank that is wanted: that of a few keys, sorted by insertion."""
    n = high - low
    count = min(PIVOTS, n)
    few = np.empty(PIVOTS, keys.dtype)
    for i in range(count):
        key, place = keys[low + i * n // count], i
        while place > 0 and few[place - 1] > key:
            few[place] = few[place - 1]
            place -= 1
        few[place] = key
    return few[min(count - 1, (middle - low) * count // n)]


@jit
def fill_blocks(X, order, blocks):
    """blocks[b, c, i] = X[order[16b + i], c], and ∞ where the last block has no more points. blocks (blocks, d, 16)."""
    for block in range(blocks.shape[0]):
        for i in range(TOGETHER):
            place = block * TOGETHER + i
            for c in range(X.shape[1]):
                blocks[block, c, i] = X[order[place], c] if place < order.shape[0] else np.inf
