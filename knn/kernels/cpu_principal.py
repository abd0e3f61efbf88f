"""Principal DCI: points seen as 64 small whole numbers, scanned by integer products, then proved by bounds.

A code holds 63 coordinates and the norm of what they leave out, in whole steps. Of two codes c (a point's) and b (the
query's), ‖c − b‖² = ‖b‖² + (‖c‖² − 2⟨c, b⟩); what stands in brackets is the point's key, an int32, and exact.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_distance import definition_sum, rank
from knn.kernels.cpu_prioritized import bounded
from knn.kernels.cpu_select import kth_smallest
from knn.kernels.jit import jit
from knn.kernels.products import TOGETHER, WIDTH, sixteen_products

#: The largest magnitude of each.
MOST = 127
#: The term of a dead point: its key exceeds every living one's, which are below 3 · 64 · 127² < 2²².
DEAD = 2**30
#: No key of a living point is above.
ANY = 2**24
#: Keys looked at together: one comparison turns away most groups.
GROUP = 32
#: Points whose keys are found together.
TILE = 2048


@jit
def principal_coordinates(X, centre, scale, basis, out, squared):
    """out = Vᵀx', squared = ‖x'‖² for x' = (x − centre)·scale, in float64, coordinates in order, four at a time.

    X (n, d), centre (d,), basis V float64 (d, m), out (n, m), squared (n,). A row's result does not depend on others.
    """
    d, m = basis.shape
    for i in range(X.shape[0]):
        x, sums = X[i], out[i]
        sums[:] = 0.0
        total = 0.0
        whole = d - d % 4
        for c in range(0, whole, 4):
            v0 = (np.float64(x[c]) - centre[c]) * scale
            v1 = (np.float64(x[c + 1]) - centre[c + 1]) * scale
            v2 = (np.float64(x[c + 2]) - centre[c + 2]) * scale
            v3 = (np.float64(x[c + 3]) - centre[c + 3]) * scale
            total += (v0 * v0 + v1 * v1) + (v2 * v2 + v3 * v3)
            b0, b1, b2, b3 = basis[c], basis[c + 1], basis[c + 2], basis[c + 3]
            for j in range(m):
                sums[j] += (v0 * b0[j] + v1 * b1[j]) + (v2 * b2[j] + v3 * b3[j])
        for c in range(whole, d):
            value = (np.float64(x[c]) - centre[c]) * scale
            total += value * value
            row = basis[c]
            for j in range(m):
                sums[j] += value * row[j]
        squared[i] = total


@jit
def with_residual(coordinates, squared, kept, out):
    """out[i] = (the first `kept` coordinates, √(‖x'‖² − what they hold), zeros). coordinates (n, m), out (n, w)."""
    for i in range(out.shape[0]):
        held = 0.0
        for j in range(kept):
            value = coordinates[i, j]
            held += value * value
            out[i, j] = value
        rest = squared[i] - held
        out[i, kept] = math.sqrt(rest) if rest > 0.0 else 0.0
        for j in range(kept + 1, out.shape[1]):
            out[i, j] = 0.0


@jit
def encode(values, step, codes, losses):
    """Codes int8 (n, 64) of values (n, 64), clipped to 127 steps; losses (n,), in steps: how far rounding moved one."""
    for i in range(values.shape[0]):
        lost = 0.0
        for j in range(WIDTH):
            value = values[i, j] / step
            value = min(max(value, -float(MOST)), float(MOST))
            code = np.floor(value + 0.5)
            lost += (value - code) * (value - code)
            codes[i, j] = np.int8(code)
        losses[i] = math.sqrt(lost)


@jit
def terms_of(codes, terms):
    """terms[i] = ‖cᵢ‖², int32."""
    for i in range(codes.shape[0]):
        terms[i] = _product(codes[i], codes[i])


@jit
def nearest_codes(codes, prototypes, terms, out):
    """out[i] = which prototype's code is nearest to code i, the first of equals. codes (n, 64), prototypes (p, 64)."""
    keys = np.empty(prototypes.shape[0], np.int32)
    for i in range(codes.shape[0]):
        _keys(prototypes, terms, codes[i], keys)
        out[i] = np.argmin(keys)


@jit
def _product(c, b):
    """⟨c, b⟩ of two codes in int32; LLVM makes it a handful of vector instructions."""
    total = np.int32(0)
    for j in range(WIDTH):
        total += np.int32(c[j]) * np.int32(b[j])
    return total


@jit
def _keys(codes, terms, b, out):
    """out[i] = terms[i] − 2⟨cᵢ, b⟩: codes (n, 64), terms (n,), b (64,), out (n,)."""
    n = codes.shape[0]
    whole = n - n % TOGETHER
    for i in range(0, whole, TOGETHER):
        sixteen_products(codes, i, b, out)
    for i in range(whole, n):
        out[i] = _product(codes[i], b)
    for i in range(n):
        out[i] = terms[i] - np.int32(2) * out[i]


@jit
def _any_within(keys, limit):
    """Whether any key of a group is at most the limit; counted, because a count is summed in vectors."""
    within = 0
    for i in range(keys.shape[0]):
        within += keys[i] <= limit
    return within > 0


@jit
def look_up(codes, terms, spans, near, b, probes, wanted, places, scratch):
    """The places of the `wanted` least keys in the `probes` nearest cells and the tail, ties taken; returns how many.

    The least key comes first, so that distances measured in this order are abandoned early.

    spans = (ends, prototypes, their terms): places ends[c] to ends[c + 1] hold cell c, and the last span the tail of
    points in no cell. `near` is the code by which cells are chosen, `b` the one by which points are. Writes to `places`
    int32 (n,); scratch int32 (2, n).
    """
    ends, prototypes, prototype_terms = spans
    cells = prototypes.shape[0]
    far = np.empty(cells, np.int32)
    _keys(prototypes, prototype_terms, near, far)
    visited = np.flatnonzero(far <= kth_smallest(far, probes)) if probes < cells else np.arange(cells)
    visited = np.append(visited[np.argsort(far[visited], kind="mergesort")], cells)
    keys, held = scratch[0], scratch[1]
    limit, filled, full = np.int32(ANY), 0, 2 * wanted + 64
    for cell in visited:
        for start in range(ends[cell], ends[cell + 1], TILE):
            stop = min(start + TILE, ends[cell + 1])
            tile = keys[: stop - start]
            _keys(codes[start:stop], terms[start:stop], b, tile)
            for first in range(0, stop - start, GROUP):
                last = min(first + GROUP, stop - start)
                if _any_within(tile[first:last], limit):
                    for i in range(first, last):
                        if tile[i] <= limit:
                            held[filled] = tile[i]
                            places[filled] = start + i
                            filled += 1
            if filled >= full:
                limit = kth_smallest(held[:filled], wanted)
                filled = _keep(held, places, filled, limit)
                full = max(full, 2 * filled)  # so many tie that looking again would find the same
    if filled > wanted:
        filled = _keep(held, places, filled, kth_smallest(held[:filled], wanted))
    places[:filled] = places[:filled][np.argsort(held[:filled], kind="mergesort")]
    return filled


@jit
def _keep(held, places, filled, limit):
    """Drops what is above the limit; returns how many stay."""
    kept = 0
    for i in range(filled):
        if held[i] <= limit:
            held[kept] = held[i]
            places[kept] = places[i]
            kept += 1
    return kept


@jit
def search_codes(table, cells, queries, budgets, proof, X, Q, best, best_slots, evaluations):
    """Ranks by the definition what `look_up` finds for each query, and with a proof what else may belong there.

    table = (codes, terms, slots), cells = (ends, prototypes, their terms), queries = (codes b of the queries, codes by
    which points are looked up), each int8 (q, 64); budgets int64 (4,): cells, points, neighbours, points alive.
    proof = (margins, fine, fine_queries), margins (q, 6) or (0, 6) for none. X (n, d), Q float64 (q, d), heaps (q, k).

    A point within the k-th distance τ has ‖c − b‖ ≤ a₃τ + a₄, and no less than ‖fine − fine_query‖ a₂ (1 − a₀) − a₁
    is its distance, a the row of margins and a₅ = ‖b‖²; a₃ < 0 tells that they do not hold, and all are measured.
    """
    codes, terms, slots = table
    margins, fine, fine_queries = proof
    places, scratch = np.empty(codes.shape[0], np.int32), np.empty((2, codes.shape[0]), np.int32)
    proving = margins.shape[0] > 0
    seen = np.zeros(X.shape[0] if proving else 0, np.bool_)
    survivors, bounds = np.empty(len(seen), np.int64), np.empty(len(seen))
    for row in range(Q.shape[0]):
        near, b, probes = queries[0][row], queries[1][row], budgets[0]
        count = look_up(codes, terms, cells, near, b, probes, budgets[1], places, scratch)
        while count < budgets[2] and probes < cells[1].shape[0]:
            probes *= 2  # the nearest cells hold fewer than k points
            count = look_up(codes, terms, cells, near, b, probes, budgets[1], places, scratch)
        found = slots[places[:count]]
        rank(X, found, Q[row], best[row], best_slots[row])
        evaluations[row] = count
        if proving and count < budgets[3]:
            seen[found] = True
            margin, of_query, kth = margins[row], (queries[0][row], fine_queries[row]), best[row, 0]
            left = _not_excluded(table, seen, of_query, fine, margin, kth, survivors, bounds)
            rest, lower = survivors[:left], bounds[:left]
            evaluations[row] += bounded(X, rest, lower, Q[row], margin[:2], best[row], best_slots[row])
            seen[found] = False


@jit
def _not_excluded(table, seen, of_query, fine, margin, kth, rest, bounds):
    """Writes the slots not seen that neither bound excludes, and their finer bounds; returns how many."""
    codes, terms, slots = table
    b, fine_query = of_query
    n = codes.shape[0]
    keys = np.empty(TILE, np.int32)
    everything = margin[3] < 0.0
    reach = kth * margin[3] + margin[4]
    # The square and its comparison with whole numbers cost a few roundings of float64, far below 2⁻⁴⁰.
    limit = np.int32(ANY if everything else min(reach * reach * (1.0 + 2.0**-40) + 1.0 - margin[5], float(ANY)))
    count = 0
    for start in range(0, n, TILE):
        stop = min(start + TILE, n)
        tile = keys[: stop - start]
        _keys(codes[start:stop], terms[start:stop], b, tile)
        for first in range(0, stop - start, GROUP):
            last = min(first + GROUP, stop - start)
            if not _any_within(tile[first:last], limit):
                continue
            for i in range(first, last):
                if tile[i] <= limit:
                    rest[count] = slots[start + i]
                    count += 1
    # In a pass of its own, so that the machine can fetch the next rows while it measures one.
    kept = 0
    for slot in rest[:count]:
        if seen[slot]:
            continue
        bound = 0.0 if everything else math.sqrt(definition_sum(fine_query, fine[slot])) * margin[2]
        if bound * (1.0 - margin[0]) - margin[1] <= kth:
            rest[kept] = slot
            bounds[kept] = bound
            kept += 1
    return kept
