"""Codes of bytes by whole numbers of 64 bits: the slow twins of what a device adds up four products at a time."""

import numpy as np
from numba import cuda

#: The step of a code.
STEP = 0.0625


def rows_of(n, m, seed, extent=3.0):
    """Rows float32 (n, m), most of them within 127 steps."""
    return (extent * np.random.default_rng(seed).standard_normal((n, m))).astype(np.float32)


def extreme_rows(n, m, seed):
    """Rows float32 (n, m) of codes −127, 0 and 127 alone, a third of them clipped to that; the first are constant."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(np.array([-127.0, 0.0, 127.0]), (n, m)) * rng.choice([1.0, 1.0, 9.0], (n, 1)) * STEP
    for row, code in zip(rows, (-127.0, 127.0, 0.0), strict=False):
        row[:] = code * STEP
    return rows.astype(np.float32)


def by_hand(rows):
    """(codes int64 (n, m), losses): the slow twin of `encode`."""
    values = np.clip(rows.astype(np.float64) / STEP, -127, 127)
    codes = np.floor(values + 0.5)
    return codes.astype(np.int64), np.sqrt(((values - codes) ** 2).sum(axis=1))


def nearest_by_hand(points, queries, alive, k):
    """(squared distances of codes, slots), by (distance, slot): the slow twin of `promising`."""
    c, b = by_hand(points)[0], by_hand(queries)[0]
    squared = (b**2).sum(axis=1)[:, None] + (c**2).sum(axis=1) - 2 * (b @ c.T)
    squared[:, ~alive] = np.iinfo(np.int64).max
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(squared, order, axis=1), order


def promised(codes, queries, k):
    """What `promising` fills and returns, on the host."""
    distances, slots = (cuda.device_array((len(queries), k), kind) for kind in (np.float64, np.int64))
    losses = codes.promising(cuda.to_device(queries), distances, slots, 0)
    return distances.copy_to_host(), slots.copy_to_host(), losses.copy_to_host()
