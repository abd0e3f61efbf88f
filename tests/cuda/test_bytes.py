"""Products of bytes, four at a time, held to whole numbers of 64 bits: in the simulator, and on a device.

The simulator has a twin of the instruction, so what the instruction does only a device can show: both run one test.
"""

import functools
import itertools

import numpy as np
import pytest
from numba import config, cuda, types

from benchmarks import device_code
from benchmarks.device_code_kernels import Kernel
from knn.device_codes import DeviceCodes
from knn.kernels.cuda_dot4 import dot4
from tests.cuda.whole_numbers import STEP, extreme_rows, nearest_by_hand, promised


@pytest.fixture(
    params=[
        pytest.param("simulator", marks=pytest.mark.simulator),
        pytest.param("device", marks=pytest.mark.cuda),
    ]
)
def where(request):
    """In the simulator by small blocks, on a device by those of the library."""
    if request.param == "simulator":
        request.getfixturevalue("small_screens")
    return request.param


@functools.cache
def kernel():
    @cuda.jit
    def products(a, b, totals, out):
        for i in range(cuda.grid(1), out.shape[0], cuda.gridsize(1)):
            out[i] = dot4(a[i], b[i], totals[i])

    return products


def words(bytes_):
    """int8 (n, 4) as int32 (n,), the first byte the lowest."""
    return np.ascontiguousarray(bytes_, np.int8).view(np.int32)[:, 0]


def test_four_products_of_bytes_are_those_of_whole_numbers(where):  # noqa: ARG001
    """All pairs of words of −128, 127 and 0, and bytes of any kind, on totals as far out as the sums allow."""
    extremes = np.array(list(itertools.product((-128, 127, 0), repeat=8)))
    some = np.random.default_rng(0).integers(-128, 128, (1500, 8))
    both = np.concatenate([extremes, some])
    exact = (both[:, :4] * both[:, 4:]).sum(axis=1)
    largest = np.iinfo(np.int32).max - 4 * 128**2
    totals = np.resize(np.array([0, -7, largest, -largest]), len(both))
    arrays = words(both[:, :4]), words(both[:, 4:]), totals.astype(np.int32), np.zeros(len(both), np.int32)
    device = [cuda.to_device(array) for array in arrays]
    kernel()[2, 4](*device)
    np.testing.assert_array_equal(device[-1].copy_to_host(), totals + exact)


@pytest.mark.skipif(config.ENABLE_CUDASIM, reason="the simulator has no compiler: run without NUMBA_ENABLE_CUDASIM")
def test_the_kernel_that_a_device_would_run_compiles_to_the_instruction():
    numbers = types.int32[::1]
    code = device_code.ptx(Kernel("products", kernel().py_func, (numbers,) * 4, 128), (8, 0))
    assert "dp4a.s32.s32" in code


@pytest.mark.parametrize("m", [1, 4, 7, 64])
def test_extreme_codes_are_scanned_as_whole_numbers(where, m):
    """Codes of −127, 127 and 0 alone, the largest sums there are, of which many tie; some points are dead."""
    n, q, k = (37, 6, 5) if where == "simulator" else (20_003, 300, 100)
    points, queries = extreme_rows(n, m, m), extreme_rows(q, m, m + 1)
    alive = np.ones(n, bool)
    alive[3::5] = False
    distances, slots, losses = promised(DeviceCodes(cuda.to_device(points), alive, STEP), queries, k)
    squared, order = nearest_by_hand(points, queries, alive, k)
    np.testing.assert_array_equal(slots, order)
    np.testing.assert_array_equal(distances, np.sqrt(squared))
    assert (losses == 0).all()  # clipped rows are moved to whole steps, which is no loss
