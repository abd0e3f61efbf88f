"""Products of matrices and copies without registers, as the machine that runs compiled kernels on the host has them."""

import numpy as np
import pytest
from numba import config, cuda, float32, int32, uint64

from knn.kernels import cuda_matrix
from tests.cuda.stand_in import machine

pytestmark = pytest.mark.skipif(
    config.ENABLE_CUDASIM, reason="the simulator has no compiler: run without NUMBA_ENABLE_CUDASIM"
)


def product(run, dtype, rows, columns, start):
    """start + rows·columnsᵀ by one instruction, of words (16, 8) and (8, 8)."""
    mma, number = cuda_matrix.instruction(np.dtype(dtype)), float32 if start.dtype == np.float32 else int32

    def kernel(rows, columns, start, out):
        g, t = cuda.threadIdx.x // 4, cuda.threadIdx.x % 4
        sums = mma(
            rows[g, t], rows[g + 8, t], rows[g, t + 4], rows[g + 8, t + 4], columns[g, t], columns[g, t + 4],
            number(start[g, 2 * t]), number(start[g, 2 * t + 1]),
            number(start[g + 8, 2 * t]), number(start[g + 8, 2 * t + 1]),
        )  # fmt: skip
        out[g, 2 * t], out[g, 2 * t + 1], out[g + 8, 2 * t], out[g + 8, 2 * t + 1] = sums

    return run(kernel, rows.view(np.int32), columns.view(np.int32), start, np.zeros((16, 8), start.dtype))[3]


def test_bytes_are_multiplied_without_an_error(run):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-128, 128, (n, 32)).astype(np.int8) for n in (16, 8))
    start = rng.integers(-1000, 1000, (16, 8)).astype(np.int32)
    exact = start + a.astype(np.int32) @ b.T.astype(np.int32)
    np.testing.assert_array_equal(product(run, np.int32, a, b, start), exact)


def test_halves_are_multiplied_to_what_is_assumed_of_a_device(run):
    rng = np.random.default_rng(1)
    for spread in (0, 8, 30):
        a, b = (
            (rng.standard_normal((n, 16)) * 2.0 ** rng.integers(-spread, 1, (n, 16)) * 50).astype(np.float16)
            for n in (16, 8)
        )
        start = (rng.standard_normal((16, 8)) * 10).astype(np.float32)
        found = product(run, np.float16, a, b, start)
        exact, a, b = start.astype(float), a.astype(float), b.astype(float)
        largest = np.maximum(np.abs(a[:, None] * b).max(axis=2), np.abs(start))
        error = np.abs(found - (exact + a @ b.T))
        assert (error <= 18 * cuda_matrix.UNIT * largest).all()
        # And it is no better than the coarsest of devices.
        assert (error > 2.0**-24 * largest).any()


def test_small_whole_numbers_in_halves_are_exact_and_subnormal_ones_count(run):
    rng = np.random.default_rng(2)
    a, b = (rng.integers(-30, 31, (n, 16)).astype(np.float16) for n in (16, 8))
    start = rng.integers(-100, 101, (16, 8)).astype(np.float32)
    np.testing.assert_array_equal(product(run, np.float16, a, b, start), start + a.astype(float) @ b.T.astype(float))
    tiny = np.full((16, 16), 2.0**-24, np.float16)
    ones = np.ones((8, 16), np.float16)
    np.testing.assert_array_equal(product(run, np.float16, tiny, ones, np.zeros((16, 8), np.float32)), 2.0**-20)


def test_the_plain_twins_add_up_to_the_same():
    rng = np.random.default_rng(3)
    bytes_, halves = rng.integers(-128, 128, (2, 4)).astype(np.int8), rng.standard_normal((2, 2)).astype(np.float16)
    a, b = bytes_.view(np.int32)[:, 0]
    assert cuda_matrix.PLAIN[np.dtype(np.int32)](a, b, 7) == 7 + bytes_[0].astype(int) @ bytes_[1].astype(int)
    a, b = halves.view(np.int32)[:, 0]
    total = cuda_matrix.PLAIN[np.dtype(np.float16)](a, b, np.float32(7))
    one, other = halves.astype(np.float32)
    assert total == np.float32(np.float32(7 + one[0] * other[0]) + one[1] * other[1])
    assert total.dtype == np.float32


def copied(run, waits, all_wait=True):
    """Words turned about by threads of which each copies two and reads another's; the last of them are noughts."""
    copy, arrive = cuda_matrix.copying(2, 2, 16)

    def kernel(words, out):
        held = cuda.shared.array((4, 16), int32)
        me = cuda.threadIdx.x
        row, column = uint64(me // 16), uint64(me % 16)
        copy(words, uint64(me), int32(4 if me < 30 else 2), held, row, column)
        if waits and (all_wait or me != 3):
            arrive()
        cuda.syncthreads()
        for part in range(2):
            out[part, me] = held[2 * part + (31 - me) // 16, (31 - me) % 16]

    return run(kernel, np.arange(1, 65, dtype=np.int32).reshape(4, 16), np.zeros((2, 32), np.int32))[1]


def test_what_is_copied_is_there_after_the_wait_and_the_barrier(run):
    np.testing.assert_array_equal(copied(run, waits=True), [range(32, 0, -1), [0, 0, *range(62, 32, -1)]])


def test_what_a_copy_is_under_way_to_is_not_read(run):
    """Whatever lay there before: on a device the copy may come sooner."""
    copy, arrive = cuda_matrix.copying(1, 1, 16)

    def kernel(words, out):
        held = cuda.shared.array((1, 16), int32)
        me = cuda.threadIdx.x
        held[0, me] = me
        cuda.syncthreads()
        copy(words, uint64(me), int32(1), held, uint64(0), uint64(me))
        out[me] = held[0, me]
        arrive()

    with pytest.raises(machine.Fault, match=r"ld\.shared"):
        run(kernel, np.ones((1, 16), np.int32), np.zeros(16, np.int32), threads=16)


@pytest.mark.parametrize("waits", [False, True], ids=["nobody waits", "one does not"])
def test_what_nobody_waited_for_is_not_there(run, waits):
    with pytest.raises(machine.Fault, match=r"ld\.shared"):
        copied(run, waits=waits, all_wait=False)
