"""How Principal DCI sees points: principal coordinates, the norm of what they leave out, and both in whole steps.

A code holds 63 coordinates and that norm; sixteen codes make a block (knn/kernels/block_keys.py).
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.block_keys import TOGETHER, WIDTH
from knn.kernels.cpu_heap import NOTHING, ascending
from knn.kernels.cpu_look_up import every_key
from knn.kernels.cpu_principal_search import search_codes
from knn.kernels.jit import jit
from knn.kernels.lanes import LANES, lane_sum

#: The largest magnitude of a whole number of a code.
MOST = 127


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
def seen_queries(Q, centre, basis, numbers, codes, looking, coordinates, lengths):
    """What a search needs of queries (q, d), in one call: all that the functions above give, and codes to look up by.

    numbers = (scale, step, kept, the factor of the residual's norm in `looking`); codes and looking int8 (q, 64),
    coordinates (q, m), lengths (2, q) = (‖x'‖², losses).
    """
    scale, step, kept, parallel = numbers[0], numbers[1], np.intp(numbers[2]), numbers[3]
    principal_coordinates(Q, centre, scale, basis, coordinates, lengths[0])
    values = np.empty((Q.shape[0], WIDTH))
    with_residual(coordinates, lengths[0], kept, values)
    encode(values, step, codes, lengths[1])
    for i in range(Q.shape[0]):
        for j in range(WIDTH):
            looking[i, j] = codes[i, j]
        looking[i, kept] = np.int8(np.rint(codes[i, kept] * parallel))


@jit
def quick_codes(Q, seer, codes, looking):
    """The codes of `seen_queries` but for rounding, by a map in float32: half of the reading, where nothing is proved.

    seer = (centre (d,), basis float32 (d, 64), numbers as there); codes and looking int8 (q, 64).
    """
    centre, basis, numbers = seer
    scale, kept, d = numbers[0], np.intp(numbers[2]), Q.shape[1]
    exact, nothing, short = np.empty(d), np.zeros(d), np.empty(d, np.float32)
    values, losses, whole = np.zeros((1, WIDTH)), np.empty(1), d - d % LANES
    for i in range(Q.shape[0]):
        for c in range(d):
            exact[c] = (np.float64(Q[i, c]) - centre[c]) * scale
            short[c] = np.float32(exact[c])
        squared = lane_sum(exact, nothing, 0, whole)
        for c in range(whole, d):
            squared += exact[c] * exact[c]
        sums = np.zeros(WIDTH, np.float32)
        for c in range(0, d - d % 4, 4):
            v0, v1, v2, v3 = short[c], short[c + 1], short[c + 2], short[c + 3]
            b0, b1, b2, b3 = basis[c], basis[c + 1], basis[c + 2], basis[c + 3]
            for j in range(WIDTH):
                sums[j] += (v0 * b0[j] + v1 * b1[j]) + (v2 * b2[j] + v3 * b3[j])
        for c in range(d - d % 4, d):
            for j in range(WIDTH):
                sums[j] += short[c] * basis[c, j]
        for j in range(kept):
            values[0, j] = sums[j]
            squared -= values[0, j] * values[0, j]
        values[0, kept] = math.sqrt(max(squared, 0.0))
        encode(values, numbers[1], codes[i : i + 1], losses)
        for j in range(WIDTH):
            looking[i, j] = codes[i, j]
        looking[i, kept] = np.int8(np.rint(codes[i, kept] * numbers[3]))


@jit
def answer_queries(Q, seer, table, cells, budgets, X, heaps, evaluations):
    """Approximate answers in one call, because for one query each call from Python counts.

    seer as in `quick_codes`, the others as in `search_codes`; heaps are filled, best first.
    """
    codes = np.empty((2, Q.shape[0], WIDTH), np.int8)
    quick_codes(Q, seer, codes[0], codes[1])
    heaps[0][:] = np.inf
    heaps[1][:] = NOTHING
    no_proof = (np.empty((0, 6)), np.empty((0, 0), np.float32), np.empty((0, 0)))
    search_codes(table, cells, (codes[0], codes[1]), budgets, no_proof, (X, Q), heaps, evaluations)
    ascending(heaps[0], heaps[1])


@jit
def prove_queries(Q, seer, table, cells, budgets, proof, X, heaps, evaluations):
    """Proved answers in one call. seer = (centre, basis, numbers) of `seen_queries`; proof = (sizes of `margins_of`,
    fine), of the points; the others as in `answer_queries`.
    """
    sizes, fine = proof
    codes, lengths = np.empty((2, Q.shape[0], WIDTH), np.int8), np.empty((2, Q.shape[0]))
    # Two arrays, not halves of one: those would be of another type, for which the search would be compiled again.
    coordinates, fine_queries = np.empty((Q.shape[0], seer[1].shape[1])), np.empty((Q.shape[0], seer[1].shape[1]))
    margins = np.empty((Q.shape[0], 6))
    seen_queries(Q, seer[0], seer[1], seer[2], codes[0], codes[1], coordinates, lengths)
    with_residual(coordinates, lengths[0], np.intp(sizes[6]), fine_queries)
    margins_of(codes[0], lengths, sizes, (Q.shape[1], fine.shape[1]), margins)
    heaps[0][:] = np.inf
    heaps[1][:] = NOTHING
    search_codes(table, cells, (codes[0], codes[1]), budgets, (margins, fine, fine_queries), (X, Q), heaps, evaluations)
    ascending(heaps[0], heaps[1])


@jit
def margins_of(codes, lengths, sizes, widths, margins):
    """Rows of margins (q, 6) as `prove` has them, of queries with these codes and lengths = (‖x'‖², losses).

    sizes = (scale, step, κ of knn/principal_codes.py, bounds of the points' ‖x'‖ and their losses, the largest moderate
    distance, directions); widths = (columns of a row, of what the finer bound compares).
    """
    scale, step, kappa, radius, loss, moderate = sizes[:6]
    definition = (widths[0] + 8) * 2.0**-53
    for i in range(codes.shape[0]):
        norm = math.sqrt(lengths[0, i])
        error, extent, squared = 1.01 * kappa * (radius + norm), (radius + norm) / scale, 0
        for j in range(WIDTH):
            squared += int(codes[i, j]) * int(codes[i, j])
        margins[i, 0] = definition + (widths[1] + 8) * 2.0**-53
        margins[i, 1] = (error + 1.01 * 2.0**-24 * radius) / scale
        margins[i, 2] = 1.0 / scale
        margins[i, 3] = (1.0 + 2.0 * definition) * scale / step if 1.0 / moderate < extent < moderate else -1.0
        margins[i, 4] = error / step + 1.01 * (loss + lengths[1, i])
        margins[i, 5] = squared


@jit
def terms_of(codes, terms):
    """terms[i] = ‖cᵢ‖², int32."""
    for i in range(codes.shape[0]):
        total = np.int32(0)
        for j in range(WIDTH):
            value = np.int32(codes[i, j])
            total += value * value
        terms[i] = total


@jit
def pack(codes, places, blocks):
    """Writes the codes int8 (n, 64) to their places, int32 (n,), of blocks uint8 (b, 1024)."""
    for i in range(codes.shape[0]):
        block, lane = places[i] // TOGETHER, places[i] % TOGETHER
        for j in range(WIDTH):
            blocks[block, WIDTH * (j // 4) + 4 * lane + j % 4] = np.uint8(np.int32(codes[i, j]) + 128)


@jit
def unpack(blocks, places, codes):
    """What `pack` wrote."""
    for i in range(codes.shape[0]):
        block, lane = places[i] // TOGETHER, places[i] % TOGETHER
        for j in range(WIDTH):
            codes[i, j] = np.int8(np.int32(blocks[block, WIDTH * (j // 4) + 4 * lane + j % 4]) - 128)


@jit
def nearest_codes(codes, prototypes, terms, out):
    """out[i] = which prototype is nearest to code i, the first of equals. codes int8 (n, 64), prototypes in blocks."""
    every = np.empty((prototypes.shape[0], TOGETHER), np.int32)
    keys = every.reshape(-1)
    for i in range(codes.shape[0]):
        every_key(prototypes, terms, codes[i], every)
        least = keys[0]
        for j in range(1, keys.shape[0]):
            least = min(least, keys[j])
        nearest = 0
        while keys[nearest] != least:
            nearest += 1
        out[i] = nearest
