"""Slow, obvious twins: the truth that fast kernels are held to. Plain Python, one operation at a time."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np


def distance(q, x):
    """‖q − x‖ by the definition: differences in float64, chunks of 64 coordinates, sixteen lanes in a chunk."""
    q, x = [float(value) for value in q], [float(value) for value in x]
    total = 0.0
    for start in range(0, len(q), 64):
        chunk = range(start, min(start + 64, len(q)))
        lanes = [0.0] * 16
        whole = len(chunk) - len(chunk) % 16
        for i in chunk[:whole]:
            lanes[(i - start) % 16] += square(q[i] - x[i])
        while len(lanes) > 1:
            half = len(lanes) // 2
            lanes = [lanes[j] + lanes[j + half] for j in range(half)]
        total += lanes[0]
        for i in chunk[whole:]:
            total += square(q[i] - x[i])
    return math.sqrt(total)


def neighbours(X, Q, k, ids=None):
    """The k nearest rows of X to each row of Q: (distances, ids), ranked by (distance, id)."""
    ids = range(len(X)) if ids is None else ids
    ranked = [sorted((distance(q, x), int(i)) for x, i in zip(X, ids, strict=True))[:k] for q in Q]
    return np.array([[d for d, _ in row] for row in ranked]), np.array([[i for _, i in row] for row in ranked])


def unit_rows(X):
    """Rows scaled to length 1: norms summed in float64 in order, quotients rounded to the width of X."""
    norms = [math.sqrt(sum_in_order(square(float(value)) for value in x)) for x in X]
    return np.array([[float(v) / norm for v in x] for x, norm in zip(X, norms, strict=True)]).astype(X.dtype)


def largest_products(X, Q, k, ids=None):
    """The k rows of X of the largest ⟨q, x⟩ with each row of Q: (−⟨q, x⟩, ids), ranked by (−⟨q, x⟩, id)."""
    ids = range(len(X)) if ids is None else ids
    ranked = []
    for q in Q:
        products = [sum_in_order(float(a) * float(b) for a, b in zip(q, x, strict=True)) for x in X]
        ranked.append(sorted((0.0 - product, int(i)) for product, i in zip(products, ids, strict=True))[:k])
    return np.array([[d for d, _ in row] for row in ranked]), np.array([[i for _, i in row] for row in ranked])


def square(value):
    """value · value, rounded once; the power function of the C library may be an ulp off."""
    return value * value


def sum_in_order(values):
    """Left to right, in float64, one rounding an addition (Python's own `sum` compensates since 3.12)."""
    total = 0.0
    for value in values:
        total += value
    return total


def projections(X, directions, dtype):
    """⟨u, x⟩ for every row x of X and every column u of directions (d, m), rounded once to `dtype`: (m, n)."""
    products = [[sum_in_order(float(a) * float(b) for a, b in zip(x, u, strict=True)) for x in X] for u in directions.T]
    return np.array(products, dtype=dtype).reshape(directions.shape[1], len(X))


def prioritized_candidates(keys, q, visits, candidates):
    """One composite index of Prioritized DCI: (slots in the order of completion, last popped distance or ∞).

    All entries (|keys[j, i] − q[j]|, j, i) sorted, popped until `visits` entries or `candidates` points are reached,
    and then as long as the next entry ties with the last.
    """
    m, n = keys.shape
    entries = sorted((float(abs(keys[j, i] - q[j])), j, i) for j in range(m) for i in range(n))
    visited, complete, last = [0] * n, [], 0.0
    for popped, (gap, _, i) in enumerate(entries):
        if (popped >= visits or len(complete) >= candidates) and gap > last:
            return complete, last
        last = gap
        visited[i] += 1
        if visited[i] == m:
            complete.append(i)
    return complete, math.inf


def dci_candidates(keys, q, visits):
    """One composite index of DCI: the slots that all m lists have visited after `visits` steps in step, ties included.

    keys (m, n), q (m,). A list visits its entries in the order of |keys[j, i] − q[j]|.
    """
    gaps = np.abs(keys - q[:, None])
    last = np.sort(gaps, axis=1)[:, visits - 1]
    return [i for i in range(keys.shape[1]) if all(gaps[j, i] <= last[j] for j in range(len(q)))]


def codes(values, step):
    """Whole steps of the values, halves upwards, clipped to ±127: (codes, how far rounding moved each row)."""
    rounded, losses = [], []
    for row in values:
        clipped = [min(max(float(value) / step, -127.0), 127.0) for value in row]
        rounded.append([math.floor(value + 0.5) for value in clipped])
        gaps = [value - code for value, code in zip(clipped, rounded[-1], strict=True)]
        losses.append(math.sqrt(sum_in_order(square(gap) for gap in gaps)))
    return np.array(rounded, np.int8), np.array(losses)


def key(code, query):
    """‖c − b‖² − ‖b‖² in whole numbers."""
    return sum((int(c) - int(b)) ** 2 - int(b) ** 2 for c, b in zip(code, query, strict=True))


def least_keys(codes, cells, tail, near, b, probes, wanted):
    """The points of the `probes` cells whose prototypes' keys are least and of the tail, of the `wanted` least keys.

    cells: a list of (prototype, points); points are places in codes. What ties with the last is taken, of cells as of
    points; the places are given with their keys, as a set.
    """
    last = sorted(key(prototype, near) for prototype, _ in cells)[probes - 1]
    visited = [i for prototype, points in cells if key(prototype, near) <= last for i in points] + list(tail)
    keys = {i: key(codes[i], b) for i in visited}
    limit = sorted(keys.values())[min(wanted, len(keys)) - 1]
    return {(i, value) for i, value in keys.items() if value <= limit}


def buckets(X, directions, shifts, width, tables):
    """Each row's tuple of ⌊(⟨a, x⟩ + b)/w⌋ for each table: columns of directions (d, m) shared out in order.

    shifts (m,) are b/w.
    """
    each = directions.shape[1] // tables
    products = projections(X, directions, np.float64)
    numbers = [
        [math.floor(product / width + shift) for product in row] for row, shift in zip(products, shifts, strict=True)
    ]
    return [[tuple(numbers[t * each + j][i] for j in range(each)) for t in range(tables)] for i in range(len(X))]


def colliding(points, query, budget):
    """The points that share a bucket with a query, table by table, until there are `budget`; each once, as a set."""
    found = set()
    for table, bucket in enumerate(query):
        if len(found) >= budget:
            break
        found |= {i for i, of_point in enumerate(points) if of_point[table] == bucket}
    return found


def fisher_too_few(a, b, n, m):
    """P(at most b of a + b rows are samples), of n real rows and m samples whose labels are exchanged, exactly."""
    total = math.comb(n + m, a + b)
    return Fraction(sum(math.comb(m, i) * math.comb(n, a + b - i) for i in range(b + 1)), total)
