"""Screening by inner products: which points can be among the k nearest, given what rounding may have done.

Of a query q' and points x' (centred and scaled) the screen sees key(x) = fl(‖x'‖² − 2⟨q', x'⟩) = D'² − ‖q'‖² ± E.
Whatever k points have keys ≤ κ, the k-th distance is at most √(κ + ‖q'‖² + E) + δ, and no point whose key exceeds

    T(κ) = ((√(κ + ‖q'‖² + E) + δ)(1 + 2ε) + δ)² − ‖q'‖² + E

can be nearer, nor equally near: E bounds the error of a key, δ that of centring and ε that of the definition.
They come as the row (‖q'‖², E, δ, ε, scale) of `margins`; knn/screening.py derives them.
"""

from __future__ import annotations

import math

import numpy as np

from knn.kernels.cpu_distance import rank
from knn.kernels.cpu_select import kth_smallest
from knn.kernels.jit import jit

#: Keys looked at together: one comparison turns away most groups.
GROUP = 32


@jit
def rescale(X, centre, scale, out):
    """out = (X − centre)·scale, row by row in the type of X. `scale` is a power of two, so one rounding is all."""
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            out[i, j] = (X[i, j] - centre[j]) * scale


@jit
def squared_norms(X, out):
    """out[i] = ‖xᵢ‖², summed in float64 and rounded to the type of `out`. X (n, d), out (n,)."""
    for i in range(X.shape[0]):
        x = X[i]
        total = 0.0
        for j in range(X.shape[1]):
            value = np.float64(x[j])
            total += value * value
        out[i] = total


@jit
def collect(dots, norms, first, thresholds, keys, slots, counts):
    """Appends to each query's buffer the points of a tile whose key is at most its threshold.

    dots (q, n) holds −2⟨q', x'⟩, norms (n,) holds ‖x'‖² (∞ for a dead point); point i of the tile is slot first + i.
    keys, slots (q, c) are filled up to counts (q,); the caller leaves room for a whole tile.
    """
    n = norms.shape[0]
    for row in range(dots.shape[0]):
        threshold = thresholds[row]
        dot = dots[row]
        filled = counts[row]
        for start in range(0, n, GROUP):
            stop = min(start + GROUP, n)
            if not _any_below(dot[start:stop], norms[start:stop], threshold):
                continue
            for i in range(start, stop):
                key = norms[i] + dot[i]
                if key <= threshold:
                    keys[row, filled] = key
                    slots[row, filled] = first + i
                    filled += 1
        counts[row] = filled


@jit
def seed(dots, norms, thresholds, margins, k):
    """Lowers each threshold to T(κ), κ a key that k points of this tile do not exceed, before any is collected.

    Some 4k strided groups have a least key each; the k-th of those bounds the k-th of all, at a pass without branches.
    """
    n = norms.shape[0]
    groups = min(n, max(2 * GROUP, 4 * k))
    if groups < k:
        return
    least = np.empty(groups, dots.dtype)
    for row in range(dots.shape[0]):
        dot = dots[row]
        least[:] = np.inf
        for start in range(0, n, groups):
            for i in range(min(groups, n - start)):
                key = norms[start + i] + dot[start + i]
                least[i] = key if key < least[i] else least[i]
        kth = np.float64(kth_smallest(least, k))
        margin = margins[row]
        if kth < np.inf:
            _lower(thresholds, row, math.sqrt(max(kth + margin[0] + margin[1], 0.0)) + margin[2], margin)


@jit
def _any_below(dot, norms, threshold):
    """Whether any key of a group is at most the threshold; counted, because a count is summed in vectors."""
    below = 0
    for i in range(dot.shape[0]):
        below += norms[i] + dot[i] <= threshold
    return below > 0


@jit
def tighten(keys, slots, counts, thresholds, margins, k, enough):
    """Lowers the threshold to T(κ), κ the k-th key, wherever at least `enough` ≥ k keys are held; drops those above."""
    for row in range(keys.shape[0]):
        filled = counts[row]
        if filled < enough:
            continue
        kth = np.float64(kth_smallest(keys[row, :filled], k))
        margin = margins[row]
        _lower(thresholds, row, math.sqrt(max(kth + margin[0] + margin[1], 0.0)) + margin[2], margin)
        kept = 0
        for i in range(filled):
            if keys[row, i] <= thresholds[row]:
                keys[row, kept] = keys[row, i]
                slots[row, kept] = slots[row, i]
                kept += 1
        counts[row] = kept


@jit
def _lower(thresholds, row, nearest, margin):
    """thresholds[row] = min(itself, T) where `nearest` bounds the k-th distance; rounded upwards."""
    reach = nearest * (1.0 + 2.0 * margin[3]) + margin[2]
    exact = reach * reach - margin[0] + margin[1]
    # Some eight roundings of float64 lead here, each of at most half an ulp of the largest term.
    slack = 2.0**-49 * (reach * reach + margin[0] + margin[1])
    bound = np.nextafter(thresholds.dtype.type(exact + slack), thresholds.dtype.type(np.inf))
    if bound < thresholds[row]:
        thresholds[row] = bound


@jit
def settle(X, Q, slots, counts, best, best_slots, thresholds, margins):
    """Ranks by the definition all that the buffers hold, empties them, and lowers the thresholds to what was found.

    X (n, d), Q float64 (q, d), heaps (q, k).
    """
    for row in range(Q.shape[0]):
        rank(X, slots[row, : counts[row]], Q[row], best[row], best_slots[row])
        counts[row] = 0
        if best[row, 0] < np.inf:
            _lower(thresholds, row, best[row, 0] * margins[row, 4], margins[row])
