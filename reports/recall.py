"""Recall by distances that are computed again: what a search says of its own answers is not believed."""

from __future__ import annotations

import numpy as np

#: Queries whose distances to all rows are held at once, as float64.
_BLOCK = 64


def true_kth_distances(X: np.ndarray, Q: np.ndarray, k: int) -> np.ndarray:
    """The distance from each query to its k-th nearest row, shape (q,), by the definition √Σⱼ(xⱼ − qⱼ)² in float64.

    Screened by ‖x‖² + ‖q‖² − 2 x·q: a row is ranked by the definition unless the expansion,
    lessened by the most that rounding can add, is beyond the k-th smallest one, increased by as much.
    """
    rows, queries = np.asarray(X, dtype=np.float64), np.asarray(Q, dtype=np.float64)
    if not 1 <= k <= len(rows):
        raise ValueError(f"k is {k}; it must be between 1 and the {len(rows)} rows of X")
    norms = np.square(rows).sum(axis=1)
    # A dot product of d terms is off by at most γ_d ‖x‖‖q‖, and each of the three sums rounds once more;
    # (‖x‖ + ‖q‖)² bounds what is summed. Factor 2: γ_n = n·u / (1 − n·u) for the n at hand.
    unit = 2 * (rows.shape[1] + 4) * np.finfo(np.float64).eps / 2
    kth = np.empty(len(queries))
    for start in range(0, len(queries), _BLOCK):
        block = queries[start : start + _BLOCK]
        own = np.square(block).sum(axis=1)[:, None]
        squared = norms + own - 2 * (block @ rows.T)
        margin = unit * np.square(np.sqrt(norms) + np.sqrt(own))
        reach = np.partition(squared + margin, k - 1, axis=1)[:, k - 1]
        for i, query in enumerate(block):
            near = np.flatnonzero(squared[i] - margin[i] <= reach[i])
            kth[start + i] = np.partition(distances(rows[near], query), k - 1)[k - 1]
    return kth


def distances(rows: np.ndarray, query: np.ndarray) -> np.ndarray:
    """√Σⱼ(xⱼ − qⱼ)² in float64 for each row x, summed in the same order however many rows there are."""
    difference = np.asarray(rows, dtype=np.float64) - np.asarray(query, dtype=np.float64)
    return np.sqrt(np.square(difference).sum(axis=1))


def recalls(X: np.ndarray, Q: np.ndarray, indices: np.ndarray, kth: np.ndarray) -> np.ndarray:
    """For each query the share of `indices` (q, k) that are distinct rows no farther than the true k-th, shape (q,).

    So ties count whichever row was given, as in ann-benchmarks; −1 and repeated rows do not count.
    """
    n, k = len(X), indices.shape[1]
    found = np.zeros(len(Q))
    for i, given in enumerate(np.asarray(indices)):
        valid = np.unique(given[(given >= 0) & (given < n)])
        found[i] = np.count_nonzero(distances(X[valid], Q[i]) <= kth[i])
    return found / k
