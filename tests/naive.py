"""Slow, obvious twins: the truth that fast kernels are held to. Plain Python, one operation at a time."""

from __future__ import annotations

import math

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
