"""The points that bounds leave a chance to be within a radius: by the codes of Principal DCI, and cell by cell.

Each bound is that of the proofs for k neighbours (knn/kernels/cpu_principal_search.py, cpu_levels.py), with the radius
for the k-th distance: what is left out is farther than the radius by the definition, rounding included.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.block_keys import TOGETHER, WIDTH, keys_within
from knn.kernels.blocks import lowest
from knn.kernels.cpu_distance import definition_sum, sum_within
from knn.kernels.cpu_level_bounds import lower_bounds
from knn.kernels.cpu_look_up import ANY, shift_of
from knn.kernels.cpu_principal import margins_of, seen_queries, with_residual
from knn.kernels.jit import jit


@jit
def codes_leave(Q, seer, table, sizes, fine, radius, out):
    """Fills out int32 (slots,) with the points that neither bound puts beyond the radius of Q (1, d); how many.

    seer, sizes and fine as in `prove_queries`, table as in `search_codes`; the dead are not among them.
    """
    blocks, terms, slots = table
    codes, lengths = np.empty((2, 1, WIDTH), np.int8), np.empty((2, 1))
    # Of the types that `prove_queries` has, so that what is called is compiled once.
    coordinates, finer = np.empty((1, seer[1].shape[1])), np.empty((1, seer[1].shape[1]))
    margins, keys = np.empty((1, 6)), np.empty(TOGETHER, np.int32)
    seen_queries(Q, seer[0], seer[1], seer[2], codes[0], codes[1], coordinates, lengths)
    with_residual(coordinates, lengths[0], np.intp(sizes[6]), finer)
    margins_of(codes[0], lengths, sizes, (Q.shape[1], fine.shape[1]), margins)
    margin = margins[0]
    everything = margin[3] < 0.0
    reach = radius * margin[3] + margin[4]
    # As in `prove`: a few roundings, far below 2⁻⁴⁰.
    nearer = min(reach * reach * (1.0 + 2.0**-40) + 1.0 - margin[5], float(ANY))
    limit = np.int32(ANY if everything else nearer)
    most = np.inf if everything else (radius + margin[1]) / (margin[2] * (1.0 - margin[0])) * (1.0 + 2.0**-40)
    b, shift, count = codes[0, 0], shift_of(codes[0, 0]), 0
    for block in range(blocks.shape[0]):
        mask = keys_within(blocks, terms, block, b, shift, limit, keys)
        while mask:
            slot = slots[TOGETHER * block + lowest(mask)]
            mask &= mask - 1
            if everything or sum_within(finer[0], fine[slot], most) < np.inf:
                out[count] = slot
                count += 1
    return count


@jit
def cells_leave(tree, table, X, query, margin, radius, out):
    """Fills out int32 (places,) with the points of cells that reach the radius of a query; returns how many.

    tree and margin as in knn/kernels/cpu_levels.py, table and query as in `lower_bounds`. A head whose own bound does
    not exclude its cell is measured; of the cells left, and of the tail, what the bound of a point itself excludes is
    left out. The dead are among them.
    """
    slots, begin, end, reach, first = tree
    size = slots.shape[0]
    places, kept, lower = np.arange(first[1]), np.empty(size, np.int64), np.empty(size)
    for _ in range(first.shape[0] - 2):
        lower_bounds(table, query, places, lower)
        heads = 0
        for i in range(places.shape[0]):
            head = places[i]
            if _beyond(lower[i], reach[head], margin, radius):
                continue
            if not _beyond(math.sqrt(definition_sum(query[0], X[slots[head]])), reach[head], margin, radius):
                kept[heads] = head
                heads += 1
        count = 0
        for i in range(heads):
            count += end[kept[i]] - begin[kept[i]]
        places = np.empty(count, np.int64)
        count = 0
        for i in range(heads):
            for place in range(begin[kept[i]], end[kept[i]]):
                places[count] = place
                count += 1
    places = np.append(places, np.arange(first[-1], size))
    lower_bounds(table, query, places, lower)
    count = 0
    for i in range(places.shape[0]):
        if not lower[i] > radius:
            out[count] = slots[places[i]]
            count += 1
    return count


@jit
def _beyond(distance, reach, margin, radius):
    """Whether a cell lies beyond the radius whose head is at least so far away and no farther than `reach` from all."""
    return distance * (1.0 - margin[0]) - reach - margin[1] > radius
