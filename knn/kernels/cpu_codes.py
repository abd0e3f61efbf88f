"""Exact search by codes of one byte a coordinate: which points can be among the k nearest, in whole numbers.

A row is coded as c = round(clip((x − m)/s)), in [−128, 127]; e bounds how far rounding moved the clipped row. Clipping
moves no two rows apart, so for a query coded as b, with its own e',

    ‖q − x‖/s ≥ ‖clip q − clip x‖ ≥ √K − e − e',        K = ‖c − b‖² = ‖c‖² − 2⟨c, b⟩ + ‖b‖², a whole number.

Points whose K exceeds ((τ(1 + 2ε) + η)/s + e + e')², τ the k-th distance found so far, can be neither nearer nor
equally near. knn/codes.py says what is kept, and where ε and η come from.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_distance import sum_within
from knn.kernels.cpu_heap import offer
from knn.kernels.cpu_select import kth_smallest
from knn.kernels.jit import jit
from knn.kernels.lanes import LANES, lane_sum
from knn.kernels.panels import BLOCK, BLOCKS, QUERIES, line_products, panel_products

#: The squared length of a dead point's code: beyond every key, and no sum with it overflows.
DEAD_CODE = 2**30
#: Points to a tile, a whole number of panels; their products with a block of queries stay in the second-level cache.
TILE = 256
#: Coordinates at most: then |2Σ(c + 128)b| ≤ 2²⁸, living keys stay below ½ and dead ones above ¾ of DEAD_CODE.
WIDEST = 4096
#: No key exceeds it.
UNKNOWN = np.iinfo(np.int32).max


@jit
def _round(x, centre, inverse, clipped, rounded):
    """The clipped row and its code, as float64 (d padded to 16s,); returns how far apart they are."""
    for c in range(x.shape[0]):
        value = (np.float64(x[c]) - centre[c]) * inverse
        value = min(max(value, -128.0), 127.0)
        clipped[c] = value
        rounded[c] = math.floor(value + 0.5)
    return math.sqrt(lane_sum(clipped, rounded, 0, clipped.shape[0]))


@jit
def encode_points(X, centre, inverse, first, codes, norms):
    """Codes the rows of X as points `first`, first + 1, …; returns the largest e. codes (blocks, d/4, 64): c + 128."""
    d = X.shape[1]
    clipped, rounded = np.zeros(-(-d // LANES) * LANES), np.zeros(-(-d // LANES) * LANES)
    largest = 0.0
    for i in range(X.shape[0]):
        largest = max(largest, _round(X[i], centre, inverse, clipped, rounded))
        block, lane = divmod(first + i, BLOCK)
        code, total = codes[block], np.int32(0)
        for c in range(d):
            value = np.int32(rounded[c])
            total += value * value
            code[c // 4, 4 * lane + c % 4] = value + 128
        norms[first + i] = total
    return largest


@jit
def encode_queries(Q, centre, inverse, codes, terms):
    """Codes queries: int8 (q, d padded to 4s), and terms float64 (q, 2): e', and 256·Σb + ‖b‖²."""
    d = Q.shape[1]
    clipped, rounded = np.zeros(-(-d // LANES) * LANES), np.zeros(-(-d // LANES) * LANES)
    for i in range(Q.shape[0]):
        terms[i, 0] = _round(Q[i], centre, inverse, clipped, rounded)
        total = 0.0
        for c in range(d):
            codes[i, c] = np.int8(rounded[c])
            total += rounded[c] * (256.0 + rounded[c])
        terms[i, 1] = total


@jit
def search_panels(codes, norms, X, Q, queries, terms, margins, heaps):
    """Offers to the heap of each query all points that may be among its k nearest.

    codes uint8 (blocks, d/4, 64), norms int32 (16·blocks,), X (n, d), Q float64 (q, d), queries int32 (q padded to 12s
    or less than 12, d/4), terms float64 (q, 2): e + e' and 256·Σb + ‖b‖²; margins (1/s, 1 + 2ε, η/s), heaps of (q, k).
    """
    n_queries, k = heaps[0].shape
    room = 4 * k + 64
    products = np.empty((queries.shape[0], TILE), np.int32)
    keys, slots = np.empty((n_queries, room + TILE), np.int32), np.empty((n_queries, room + TILE), np.int64)
    counts, limits = np.zeros(n_queries, np.int64), np.full(n_queries, UNKNOWN, np.int32)
    for start in range(0, norms.shape[0], TILE):
        stop = min(start + TILE, norms.shape[0])
        for column in range(0, stop - start, BLOCKS * BLOCK):
            if queries.shape[0] < QUERIES:
                for row in range(n_queries):
                    line_products(codes, (start + column) // BLOCK, queries, row, products, column)
            else:
                for row in range(0, queries.shape[0], QUERIES):
                    panel_products(codes, (start + column) // BLOCK, queries, row, products, column)
        for row in range(n_queries):
            found = (keys[row], slots[row], heaps[0][row], heaps[1][row])
            products_of, norms_of = products[row, : stop - start], norms[start:stop]
            above = np.int32(-UNKNOWN)
            if limits[row] == UNKNOWN:
                above = np.int32(_kth_key(products_of, norms_of, k))
                # Of the types that it has below: for others, or a literal, what is called would be compiled again.
                filled = _collect(products_of, norms_of, start, np.int32(-UNKNOWN), above, found, np.int64(0))
                limits[row] = _settle(X, Q[row], filled, np.int32(UNKNOWN), terms[row], margins, found)
            counts[row] = _collect(products_of, norms_of, start, above, limits[row], found, counts[row])
            if counts[row] > room or limits[row] == UNKNOWN:
                limits[row] = _settle(X, Q[row], counts[row], limits[row], terms[row], margins, found)
                counts[row] = 0
    for row in range(n_queries):
        found = (keys[row], slots[row], heaps[0][row], heaps[1][row])
        _settle(X, Q[row], counts[row], limits[row], terms[row], margins, found)


@jit
def _kth_key(products, norms, k):
    """A key that at least k living points of a tile do not exceed; of all points if there are fewer than k."""
    n = norms.shape[0]
    groups = min(n, max(64, 4 * k))
    least = np.full(groups, UNKNOWN, np.int32)
    for start in range(0, n, groups):
        for i in range(min(groups, n - start)):
            key = norms[start + i] - 2 * products[start + i]
            least[i] = key if key < least[i] else least[i]
    return min(kth_smallest(least, k) if k <= groups else UNKNOWN, DEAD_CODE // 2)


@jit
def _collect(products, norms, first, above, limit, found, filled):
    """Appends the points of a tile with above < key ≤ limit to the buffers, so full; returns how full they are now."""
    keys, slots = found[:2]
    for start in range(0, norms.shape[0], BLOCKS * BLOCK):
        below = 0
        for i in range(start, start + BLOCKS * BLOCK):
            below += norms[i] - 2 * products[i] <= limit
        if below == 0:
            continue
        for i in range(start, start + BLOCKS * BLOCK):
            key = norms[i] - 2 * products[i]
            if above < key <= limit and norms[i] < DEAD_CODE:
                keys[filled] = key
                slots[filled] = first + i
                filled += 1
    return filled


@jit
def _settle(X, q, filled, limit, terms, margins, found):
    """Ranks by the definition what the buffers hold, least keys first, while any can matter; returns the limit."""
    keys, slots, distances, best_slots = found
    for i in np.argsort(keys[:filled]):
        if keys[i] > limit:
            break
        total = sum_within(q, X[slots[i]], distances[0])
        if total < np.inf:
            offer(distances, best_slots, math.sqrt(total), slots[i])
            if distances[0] < np.inf:
                limit = min(limit, _limit(distances[0], terms, margins))
    return limit


@jit
def _limit(distance, terms, margins):
    """The largest ‖c‖² − 2Σ(c + 128)b of a point that may be no farther than `distance`."""
    # Some six roundings of float64, each of at most half an ulp, lead to the key; doubled.
    reach = (distance * margins[1] * margins[0] + margins[2] + terms[0]) * (1.0 + 2.0**-49)
    key = math.floor(min(reach * reach, DEAD_CODE // 2)) - terms[1]
    return np.int32(key)
