"""Principal DCI's search: the most promising points measured (knn/kernels/cpu_look_up.py), then what may be nearer."""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.assign import assign
from knn.kernels.block_keys import TOGETHER, fetch, keys_within
from knn.kernels.blocks import lowest
from knn.kernels.cpu_distance import sum_within
from knn.kernels.cpu_heap import offer
from knn.kernels.cpu_look_up import ANY, look_up, shift_of
from knn.kernels.jit import jit

#: Queries that are proved together, and blocks scanned for all of them in turn while they are near: 16 kB of codes.
QUERIES, TILE = 8, 16
#: Points of a query for which there is room at first when it is proved: for most there are enough.
ROOM = 2048
#: Rows that are asked for before they are measured.
AHEAD = 4
#: Coordinates up to which a sum of squared differences of bytes fits in an int32.
MOST_BYTES = 2**15


@jit
def sort_by(keys, items):
    """Sorts keys ascending and moves items with them, in place: Shell's sort, for some tens or hundreds."""
    gap = 1
    while gap < len(keys) // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, len(keys)):
            key, item, hole = keys[i], items[i], i
            while hole >= gap and keys[hole - gap] > key:
                keys[hole] = keys[hole - gap]
                items[hole] = items[hole - gap]
                hole -= gap
            keys[hole] = key
            items[hole] = item
        gap //= 3


@jit
def search_codes(table, cells, queries, budgets, proof, rows, heaps, evaluations):
    """Ranks by the definition what `look_up` finds for each query, and with a proof what else may belong there.

    table = (blocks, terms, slots), cells as in `look_up`, queries = (codes b of the queries, codes by which points are
    looked up), each int8 (q, 64); budgets int64 (4,): cells, points, neighbours, points alive. rows = (X (n, d),
    Q (q, d)), heaps = (distances, slots) (q, k). proof = (margins, fine, fine_queries), margins (q, 6) or (0, 6) for
    none; see `prove`.
    """
    blocks, terms, slots = table
    proving = proof[0].shape[0] > 0
    together = QUERIES if proving else 1
    for first in range(0, rows[1].shape[0], together):
        last = min(first + together, rows[1].shape[0])
        measured = [np.empty(0, np.int32) for _ in range(0)]  # empty, of this type
        for row in range(first, last):
            query, probes = (queries[0][row], queries[1][row]), budgets[0]
            keys, held = look_up((blocks, terms), cells, query, probes, budgets[1])
            while len(held) < budgets[2] and probes < cells[0].shape[0] - 2:
                probes *= 2  # the nearest cells hold fewer than k points
                keys, held = look_up((blocks, terms), cells, query, probes, budgets[1])
            count = len(held)
            for i in range(count):
                held[i] = slots[held[i]]
                fetch(rows[0], held[i])
            # Done while the rows are on their way. The least key comes first, so that distances are abandoned early.
            sort_by(keys, held)
            asked, heap = prepared(rows[1][row], rows[0]), (heaps[0][row], heaps[1][row])
            for i in range(count):
                measure(rows[0], held[i], asked, heap)
            evaluations[row] = count
            if proving:
                measured.append(held)
        if proving:
            prove(table, queries[0], proof, (first, last), (measured, budgets[3]), rows, heaps, evaluations)


@jit
def prepared(q, X):
    """A query (d,) as the definition wants it: (float64, bytes, whether the bytes are the query and those of X too).

    Squares of whole numbers from 0 to 255 may be added as such: float64 would add them without rounding as well.
    """
    whole = q.shape[0] <= MOST_BYTES and X.itemsize == 1
    few = np.empty(q.shape[0], np.uint8)
    if whole:
        wrong = 0
        for i in range(q.shape[0]):
            few[i] = np.uint8(min(max(q[i], 0), 255))
            wrong += few[i] != q[i]
        whole = wrong == 0
    return q.astype(np.float64), few, whole


@jit
def measure(X, slot, query, heap):
    """Offers a point to one query's heap = (distances, slots), by the definition. X (n, d), query as `prepared`."""
    best, best_slots = heap
    exact, few, whole = query
    total = np.float64(_sum_of_bytes(few, X[slot])) if whole else sum_within(exact, X[slot], best[0])
    if total < np.inf:
        offer(best, best_slots, math.sqrt(total), slot)


@jit
def _sum_of_bytes(q, x):
    """Σ (qᵢ − xᵢ)² of bytes, in int32, which vectors of whole numbers hold; x of another type is never asked for."""
    total = np.int32(0)
    for i in range(q.shape[0]):
        gap = np.int32(np.int32(q[i]) - np.int32(x[i]))
        total = np.int32(total + np.int32(gap * gap))
    return total


@jit
def prove(table, codes, proof, span, seen, rows, heaps, evaluations):
    """Measures what may still belong to the k nearest of the queries from span[0] to span[1] (at most `QUERIES`).

    A point within the k-th distance τ has ‖c − b‖ ≤ a₃τ + a₄, and no less than ‖fine − fine_query‖ a₂ (1 − a₀) − a₁
    is its distance, a the query's row of margins and a₅ = ‖b‖²; a₃ < 0 tells that they do not hold, and all are
    measured. seen = (for each query the slots measured already, points alive).
    """
    blocks, terms, slots = table
    margins = proof[0]
    first, last = span
    limits, shifts = np.empty(QUERIES, np.int32), np.empty(QUERIES, np.int32)
    for row in range(first, last):
        margin = margins[row]
        reach = heaps[0][row, 0] * margin[3] + margin[4]
        # The square and its comparison with whole numbers cost a few roundings of float64, far below 2⁻⁴⁰.
        nearer = min(reach * reach * (1.0 + 2.0**-40) + 1.0 - margin[5], float(ANY))
        limits[row - first] = np.int32(ANY if margin[3] < 0.0 else nearer)
        shifts[row - first] = shift_of(codes[row])
    left, found = np.zeros(QUERIES, np.int64), np.empty((last - first, ROOM), np.int32)
    keys = np.empty(TOGETHER, np.int32)
    for start in range(0, blocks.shape[0], TILE):
        stop = min(start + TILE, blocks.shape[0])
        for row in range(first, last):
            r = row - first
            b, limit, shift, filled = codes[row], limits[r], shifts[r], left[r]
            if filled + TILE * TOGETHER > found.shape[1]:
                found = _wider(found, 2 * found.shape[1])
            for block in range(start, stop):
                mask = keys_within(blocks, terms, block, b, shift, limit, keys)
                while mask:
                    found[r, filled] = slots[TOGETHER * block + lowest(mask)]
                    mask &= mask - 1
                    filled += 1
            left[r] = filled
    was_seen = np.zeros(rows[0].shape[0] // 8 + 1, np.uint8)
    for row in range(first, last):
        r = row - first
        measured = seen[0][r]
        if len(measured) < seen[1]:
            for slot in measured:
                was_seen[slot >> 3] |= 1 << (slot & 7)
            rest = found[r][: left[r]]
            heap = heaps[0][row], heaps[1][row]
            evaluations[row] += settle_rest(was_seen, rest, (proof[1], proof[2][row], margins[row]), rows, row, heap)
            for slot in measured:
                was_seen[slot >> 3] = 0


@jit
def _wider(array, width):
    wider = np.empty((array.shape[0], width), array.dtype)
    for row in range(array.shape[0]):
        assign(wider[row], array[row])
    return wider


@jit
def settle_rest(was_seen, rest, bound, rows, row, heap):
    """Measures those of `rest` not seen that the finer bound does not exclude, in its order; returns how many.

    bound = (fine float32 (n, w), that of the query float64 (w,), its margins).
    """
    fine, fine_query, margin = bound
    everything = margin[3] < 0.0
    # Beyond this length of the difference the bound exceeds the k-th distance; a little more, for its own rounding.
    most = np.inf if everything else (heap[0][0] + margin[1]) / (margin[2] * (1.0 - margin[0])) * (1.0 + 2.0**-40)
    bounds, kept = np.empty(len(rest)), 0
    for i in range(len(rest)):
        if i + AHEAD < len(rest):
            fetch(fine, rest[i + AHEAD])
        slot = rest[i]
        if was_seen[slot >> 3] >> (slot & 7) & 1:
            continue
        total = 0.0 if everything else sum_within(fine_query, fine[slot], most)
        if total < np.inf:
            rest[kept] = slot
            bounds[kept] = math.sqrt(total) * margin[2] if not everything else 0.0
            kept += 1
    sort_by(bounds[:kept], rest)
    query = prepared(rows[1][row], rows[0])
    for done in range(kept):
        # A tie is not passed: it may have the smaller slot.
        if bounds[done] * (1.0 - margin[0]) - margin[1] > heap[0][0]:
            return done
        if done + AHEAD < kept:
            fetch(rows[0], rest[done + AHEAD])
        measure(rows[0], rest[done], query, heap)
    return kept
