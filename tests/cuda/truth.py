"""What searches on a device are held to: the host's answer, every point measured by the definition."""

import numpy as np
import pytest

from benchmarks.gpu_rows import by_definition
from knn.kernels.cuda_halves import FIRST
from tests.knn.problems import clusters


def on_both(n, d, queries, dtype, seed=0):
    return tuple(part.astype(dtype) for part in clusters(n, d, seed=seed, queries=queries))


def hold(found, X, Q):
    """(distances, slots) are those of the CPU, every point measured by the definition."""
    truth = by_definition(X, Q, found[0].shape[1])
    np.testing.assert_array_equal(found[1], truth[1])
    np.testing.assert_array_equal(found[0], truth[0])


def deep(*values):
    """A case of the second tier alone."""
    return pytest.param(*values, marks=pytest.mark.deep)


def place(array):
    """The address of an array of the device, or of the simulator's."""
    pointer = getattr(array, "device_ctypes_pointer", None)
    return array._ary.ctypes.data if pointer is None else pointer.value


def workspace(rows):
    """(seen, margins, flags, keys, slots, scratch, counts) of the last search; of halves (words, factors, margins)."""
    (made,) = (made for _, made in rows._workspaces.values())
    return [part.copy_to_host() for part in made]


def hold_keys(rows, Q):
    """Searches for as many neighbours as there are points, so that all keys are kept, and holds them to their margins.

    The largest share of its margin by which a key of halves, or where there are none of the rows as seen, is off.
    """
    n, q = rows.shape[0], len(Q)
    rows.nearest(Q, n)
    seen, margins, flags, keys, slots, _, counts, *halves = workspace(rows)
    assert (flags[:q] == FIRST).all()
    scale, kept = 1.0, rows._kept
    if halves:
        scale, margins, keys = kept.halves.scale, halves[2], keys.view(np.float32)
        assert (np.log2(halves[1][:q]) % 1 == 0).all()
    points = kept.seen.copy_to_host().astype(np.longdouble) * scale
    asked, found, worst = seen[:q].astype(np.longdouble) * scale, 0, 0.0
    for query in range(q):
        exact = (points**2).sum(axis=1) - 2 * points @ asked[query]
        for stripe, count in enumerate(counts[query]):
            error = np.abs(keys[query, stripe, :count] - exact[slots[query, stripe, :count]])
            worst = max(worst, float(error.max(initial=0.0) / margins[query, 1]))
            found += count
    assert found == q * n
    assert worst <= 1
    np.testing.assert_allclose(margins[:q, 0], (asked**2).sum(axis=1).astype(float), rtol=1e-12)
    return worst
