"""What searches on a device are held to: the host's answer, every point measured by the definition."""

import numpy as np
import pytest

from benchmarks.gpu_rows import by_definition
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
