"""Codes of one to four bits a coordinate after a random rotation (Gao & Long 2024, RaBitQ; Gao et al. 2024, extended).

With z = R(x − c)·σ for a rotation R, a point keeps u = the nearest of 2^B even steps of each coordinate, the steps as
wide as the cosine of g = u − (2^B − 1)/2 with z is largest, and two numbers, ‖z‖² and ‖z‖²/⟨g, z⟩. For a query y

    ⟨z, y⟩ ≈ ‖z‖² ⟨g, y⟩ / ⟨g, z⟩

without bias over R, within ε‖z‖‖y‖√((1/cos² − 1)/(w − 1)) but for a share of about 2 exp(−ε²/2), w the coordinates
(theorem 3.2 of the former). y itself is rounded to six bits, and what that does to its length is taken out again.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.assign import assign
from knn.kernels.bit_planes import QUERY_BITS, TOGETHER, WORD, block_products
from knn.kernels.cpu_distance import rank
from knn.kernels.cpu_principal_search import sort_by
from knn.kernels.cpu_select import kth_smallest
from knn.kernels.jit import jit

#: Steps in standard deviations that are tried of B bits, around the best one of normal deviates (Max 1960), and their
#: factors: rotated rows are near normal, but not if they have few columns.
STEPS = (2.0, 0.9957, 0.586, 0.3352)
TRIED = (0.7, 0.85, 1.0, 1.2, 1.45)
#: The largest number of a query.
MOST = 2 ** (QUERY_BITS - 1) - 1
#: Keys of the living are below; the dead have infinity.
ANY = 1.7e308


@jit
def rotate(values, places, signs, scratch):
    """values (w,) ← R·values: in each round a permutation, signs, and Walsh–Hadamard transforms side by side.

    places int32 and signs float64 (rounds, w). The transforms are of lengths 2^k that add up to w, so R is orthogonal.
    """
    w = values.shape[0]
    for r in range(places.shape[0]):
        for i in range(w):
            scratch[i] = values[places[r, i]] * signs[r, i]
        start, size = 0, 1
        while 2 * size <= w:
            size *= 2
        while start < w:
            if size <= w - start:
                _hadamard(scratch[start : start + size])
                start += size
            size //= 2
        assign(values, scratch)


@jit
def _hadamard(values):
    """The orthonormal Walsh–Hadamard transform of 2^k values, in place."""
    n, half = values.shape[0], 1
    while half < n:
        for start in range(0, n, 2 * half):
            for i in range(start, start + half):
                a, b = values[i], values[i + half]
                values[i], values[i + half] = a + b, a - b
        half *= 2
    scale = 1.0 / math.sqrt(n)
    for i in range(n):
        values[i] *= scale


@jit
def encode_rotated(X, centre, scale, turn, first, words, terms):
    """Codes of the rows of X (n, d) in the slots from `first` on; returns the largest ‖z‖² and the mean 1/cos² − 1.

    turn = (places, signs) of `rotate`; words uint64 (b, B, w/64, 8), zero where it is written; terms float32 (2, 8b).
    """
    bits, width = words.shape[1], WORD * words.shape[2]
    z, scratch, u = np.zeros(width), np.empty(width), np.empty(width, np.int64)
    largest = lost = 0.0
    for i in range(X.shape[0]):
        z[:] = 0.0
        for j in range(X.shape[1]):
            z[j] = (np.float64(X[i, j]) - centre[j]) * scale
        rotate(z, turn[0], turn[1], scratch)
        squared, product, norm = _nearest_steps(z, bits, u)
        slot = first + i
        terms[0, slot] = squared
        terms[1, slot] = squared / product if product > 0.0 else 0.0
        largest = max(largest, squared)
        lost += squared * norm / (product * product) - 1.0 if product > 0.0 else 0.0
        for j in range(width):
            for plane in range(bits):
                bit = np.uint64((u[j] >> plane) & 1) << np.uint64(j % WORD)
                words[slot // TOGETHER, plane, j // WORD, slot % TOGETHER] |= bit
    return largest, lost / max(1, X.shape[0])


@jit
def _nearest_steps(z, bits, u):
    """Writes u for z; returns (‖z‖², ⟨g, z⟩, ‖g‖²)."""
    half, squared = 1 << (bits - 1), 0.0
    for j in range(z.shape[0]):
        squared += z[j] * z[j]
    step, best = 0.0, -1.0
    for factor in TRIED:
        tried = factor * STEPS[bits - 1] * math.sqrt(squared / z.shape[0])
        if tried > 0.0:
            product = norm = 0.0
            for j in range(z.shape[0]):
                g = min(max(math.floor(z[j] / tried), -half), half - 1) + 0.5
                product += g * z[j]
                norm += g * g
            if product * product > best * norm:
                step, best = tried, product * product / norm
        if bits == 1:
            break  # signs have no step
    product = norm = 0.0
    for j in range(z.shape[0]):
        whole = math.floor(z[j] / step) if step > 0.0 else 0.0
        g = min(max(whole, -half), half - 1) + 0.5
        u[j] = np.int64(g - 0.5) + half
        product += g * z[j]
        norm += g * g
    return squared, product, norm


@jit
def encode_asked(q, centre, exponent, turn, bits, planes):
    """The planes uint64 (w/64, 6) of a query (d,), and (α, β, s): ‖z − y‖² − ‖y‖² ~ α‖z‖² − β (Σ uv − s)‖z‖²/⟨g, z⟩.

    The points' scale is 2^exponent. Queries are scaled to a length near one, and whichever of α and β would be large
    is one: so nothing overflows, however far they are.
    """
    width = WORD * planes.shape[0]
    y, scratch = np.zeros(width), np.empty(width)
    farthest = 0.0
    for j in range(q.shape[0]):
        y[j] = np.float64(q[j]) - centre[j]
        farthest = max(farthest, abs(y[j]))
    planes[:] = 0
    if farthest == 0.0:
        return 1.0, 0.0, 0.0
    own = math.frexp(farthest)[1]
    for j in range(q.shape[0]):
        y[j] = math.ldexp(y[j], -own)
    rotate(y, turn[0], turn[1], scratch)
    step = 0.0
    for j in range(width):
        step = max(step, abs(y[j]) / MOST)
    total = squared = product = 0.0
    for j in range(width):
        v = np.int64(np.rint(y[j] / step))
        total += v
        squared += y[j] * y[j]
        product += step * v * y[j]
        for bit in range(QUERY_BITS):
            planes[j // WORD, bit] |= np.uint64((v >> bit) & 1) << np.uint64(j % WORD)
    beyond = own + exponent
    near = math.ldexp(1.0, min(beyond, 0))
    return math.ldexp(1.0, -max(beyond, 0)), 2.0 * near * step * squared / product, 0.5 * ((1 << bits) - 1) * total


@jit
def least_keys(words, terms, planes, numbers, wanted):
    """The slots of the `wanted` least α‖z‖² − β (Σ uv − s)‖z‖²/⟨g, z⟩, ties taken, least first: (keys, slots)."""
    alpha, beta, shift = numbers
    products, limit = np.empty(TOGETHER, np.int64), ANY
    filled, full = np.int64(0), 2 * wanted + 64
    keys, slots = np.empty(full + TOGETHER), np.empty(full + TOGETHER, np.int64)
    for block in range(words.shape[0]):
        block_products(words, block, planes, products)
        for lane in range(TOGETHER):
            slot = TOGETHER * block + lane
            keys[filled] = alpha * terms[0, slot] - beta * (products[lane] - shift) * terms[1, slot]
            slots[filled] = slot
            filled += keys[filled] <= limit
        if filled >= full:
            limit = kth_smallest(keys[:filled], wanted)
            filled = _kept(keys, slots, filled, limit)
            if 2 * filled > full:  # so many tie that looking again would find the same
                full = 2 * filled
                keys = np.concatenate((keys[:filled], np.empty(full + TOGETHER - filled)))
                slots = np.concatenate((slots[:filled], np.empty(full + TOGETHER - filled, np.int64)))
    if filled > wanted:
        filled = _kept(keys, slots, filled, kth_smallest(keys[:filled], wanted))
    sort_by(keys[:filled], slots)
    return keys[:filled], slots[:filled]


@jit
def _kept(keys, slots, filled, limit):
    """Drops what is above the limit; returns how many stay."""
    kept = 0
    for i in range(filled):
        keys[kept], slots[kept] = keys[i], slots[i]
        kept += keys[kept] <= limit
    return kept


@jit
def search_rotated(words, terms, seer, wanted, X, Q, heaps, evaluations):
    """Ranks by the definition the `wanted` points of X (n, d) that promise most to each query of Q (q, d).

    seer = (centre, the exponent of the scale, places, signs); heaps = (distances, slots) (q, k); evaluations (q,).
    """
    planes = np.empty((words.shape[2], QUERY_BITS), np.uint64)
    for row in range(Q.shape[0]):
        numbers = encode_asked(Q[row], seer[0], seer[1], (seer[2], seer[3]), words.shape[1], planes)
        slots = least_keys(words, terms, planes, numbers, wanted)[1]
        rank(X, slots, Q[row].astype(np.float64), heaps[0][row], heaps[1][row])
        evaluations[row] = len(slots)
