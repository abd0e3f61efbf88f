"""The machine that runs compiled kernels on the host computes what NumPy does, and refuses what a device must not."""

import math

import numpy as np
import pytest
from numba import config, cuda, float64, int32, int64

from tests.cuda.stand_in import machine

pytestmark = pytest.mark.skipif(
    config.ENABLE_CUDASIM, reason="the simulator has no compiler: run without NUMBA_ENABLE_CUDASIM"
)


@pytest.fixture(params=["forwards", "backwards", "shuffled", "7"])
def order(request, monkeypatch):
    monkeypatch.setattr(machine, "ORDER", request.param)


def pairs(values, dtype):
    values = np.array(values, dtype)
    a, b = (part.ravel().copy() for part in np.meshgrid(values, values))
    return a, b


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint64, np.uint32, np.uint8, np.int8, np.int16])
def test_whole_numbers_are_numpys(run, dtype):
    """Sums, products, order, bits, division and shifts: at the ends of the type's range too."""
    ends = np.iinfo(dtype)
    a, b = pairs([0, 1, 2, 3, 31, 100, ends.max, ends.max - 1, ends.min, ends.min + 1, ends.max // 3], dtype)

    def kernel(a, b, out):
        i = cuda.grid(1)
        if i < a.shape[0]:
            x, y = a[i], b[i]
            out[0, i], out[1, i], out[2, i] = x + y, x - y, x * y
            out[3, i], out[4, i], out[5, i] = min(x, y), max(x, y), x & y
            out[6, i], out[7, i] = x | y, x ^ y
            out[8, i], out[9, i] = x < y, x == y
            by = y & 31
            out[10, i], out[11, i] = x >> by, x << by
            # The least number by −1 is left to each machine; Numba divides towards −∞, as NumPy does.
            if y > 0:
                out[12, i], out[13, i] = x // y, x % y

    out = np.zeros((14, a.size), dtype)
    found = run(kernel, a, b, out, blocks=4)[2]
    by = b & 31
    with np.errstate(all="ignore"):
        wide = np.promote_types(dtype, np.int64) if dtype != np.uint64 else np.uint64
        x, y, z = a.astype(wide), b.astype(wide), by.astype(wide)
        truth = [x + y, x - y, x * y, np.minimum(x, y), np.maximum(x, y), x & y, x | y, x ^ y, x < y, x == y]
        truth += [x >> z, x << z, np.where(b > 0, x // np.maximum(y, 1), 0), np.where(b > 0, x % np.maximum(y, 1), 0)]
    for row, want in zip(found, truth, strict=True):
        np.testing.assert_array_equal(row, want.astype(dtype))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_are_numpys_to_the_bit(run, dtype):
    """Rounding of each operation, order where NaN is, roots, whole parts and conversions."""
    a, b = pairs([0.0, -0.0, 1.0, 1 / 3, -2.5, 1e30, np.finfo(dtype).tiny / 8, np.inf, -np.inf, np.nan], dtype)

    def kernel(a, b, out, told):
        i = cuda.grid(1)
        if i < a.shape[0]:
            x, y = a[i], b[i]
            out[0, i], out[1, i], out[2, i] = x + y, x - y, x * y
            out[3, i] = x / y if y != 0 else x
            out[4, i], out[5, i], out[6, i] = abs(x), -x, math.sqrt(abs(x))
            told[0, i], told[1, i], told[2, i] = x < y, x <= y, x == y
            told[3, i], told[4, i], told[5, i] = x > y, x >= y, x != y
            told[6, i] = int64(math.floor(x)) if abs(x) < 1e6 else 0

    found, told = run(kernel, a, b, np.zeros((7, a.size), dtype), np.zeros((7, a.size), np.int64), blocks=4)[2:]
    with np.errstate(all="ignore"):
        truth = [a + b, a - b, a * b, np.where(b != 0, a / b, a), abs(a), -a, np.sqrt(abs(a))]
        whole = np.where(abs(a) < 1e6, np.floor(a), 0)
    for row, want in zip(found, truth, strict=True):
        np.testing.assert_array_equal(row, want)
        np.testing.assert_array_equal(np.signbit(row[~np.isnan(row)]), np.signbit(want[~np.isnan(want)]))
    for row, want in zip(told, [a < b, a <= b, a == b, a > b, a >= b, a != b, whole], strict=True):
        np.testing.assert_array_equal(row, want)


@pytest.mark.usefixtures("order")
def test_a_block_adds_up_through_shared_memory_and_shuffles(run):
    def kernel(x, out):
        shared = cuda.shared.array(96, float64)
        me, at = cuda.threadIdx.x, cuda.grid(1)
        shared[me] = x[at]
        cuda.syncthreads()
        other = shared[95 - me]
        part = shared[me]
        for half in (16, 8, 4, 2, 1):
            part += cuda.shfl_xor_sync(0xFFFFFFFF, part, half)
        out[0, at], out[1, at] = other, part
        out[2, at] = cuda.syncthreads_or(int32(1) if x[at] == 100.0 else int32(0))

    x = np.arange(192.0)
    found = run(kernel, x, np.zeros((3, 192)), blocks=2, threads=96)[1]
    np.testing.assert_array_equal(found[0], x.reshape(2, 96)[:, ::-1].ravel())
    np.testing.assert_array_equal(found[1], np.repeat(x.reshape(6, 32).sum(1), 32))
    np.testing.assert_array_equal(found[2] != 0, np.repeat([False, True], 96))


@pytest.mark.usefixtures("order")
def test_atomics_count_each_thread_once(run):
    def kernel(counts, order_of):
        at = cuda.grid(1)
        order_of[at] = cuda.atomic.add(counts, at % 3, 1)
        cuda.atomic.max(counts, 3, at)
        cuda.atomic.min(counts, 4, -at)

    counts, order_of = run(kernel, np.zeros(5, np.int64), np.zeros(120, np.int64), blocks=4, threads=30)
    np.testing.assert_array_equal(counts, [40, 40, 40, 119, -119])
    for rest in range(3):
        np.testing.assert_array_equal(np.sort(order_of[rest::3]), np.arange(40))


def test_who_comes_first_shows(run, monkeypatch):
    """A kernel whose answer depends on it answers otherwise."""

    def kernel(out):
        out[0] = cuda.grid(1)

    answers = set()
    for order in ("forwards", "backwards", "shuffled"):
        monkeypatch.setattr(machine, "ORDER", order)
        answers.add(int(run(kernel, np.zeros(1), blocks=3)[0][0]))
    assert len(answers) == 3


def reads_behind_the_end(x, out):
    out[cuda.grid(1)] = x[cuda.grid(1) + 1]


def reads_what_nobody_wrote(x, out):
    x[cuda.grid(1)] = out[cuda.grid(1)]


def overruns_an_array_of_the_block(x, out):
    first, second = cuda.shared.array(8, float64), cuda.shared.array(32, float64)
    first[cuda.threadIdx.x & 7] = second[cuda.threadIdx.x] = 1.0
    cuda.syncthreads()
    out[cuda.grid(1)] = first[int64(x[cuda.threadIdx.x])]


def reads_a_neighbour_before_it_wrote(x, out):
    shared = cuda.shared.array(33, float64)
    shared[cuda.threadIdx.x + 1] = x[cuda.threadIdx.x]
    out[cuda.grid(1)] = shared[32 - cuda.threadIdx.x]


def waits_alone(x, out):
    if cuda.threadIdx.x < 10:
        cuda.syncthreads()
    out[cuda.grid(1)] = x[0]


def parts_at_a_barrier(x, out):
    if cuda.threadIdx.x < 10:
        out[cuda.grid(1)] = 1.0
        cuda.syncthreads()
    else:
        out[cuda.grid(1)] = x[0]
        cuda.syncthreads()
        out[cuda.grid(1)] += x[1]


def shuffles_alone(x, out):
    if cuda.threadIdx.x < 10:
        out[cuda.grid(1)] = cuda.shfl_xor_sync(0xFFFFFFFF, x[0], 1)


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (reads_behind_the_end, "thread 31 .* nothing is allocated"),
        (reads_what_nobody_wrote, r"thread 0 .*ld.global.*byte 0 of 256 allocated"),
        (overruns_an_array_of_the_block, "thread 8 .*ld.shared.* of the block's"),
        (reads_a_neighbour_before_it_wrote, "thread 0 .*ld.shared.* of the block's"),
        (waits_alone, "waits for others that never come"),
        (parts_at_a_barrier, "parted from its warp"),
        (shuffles_alone, "waits for others that never come"),
    ],
)
def test_what_a_device_would_do_wrong_in_silence_is_told(run, monkeypatch, kernel, message):
    monkeypatch.setattr(machine, "ORDER", "forwards")
    with pytest.raises(machine.Fault, match=f"{kernel.__name__}.*{message}"):
        run(kernel, np.arange(32.0), np.full(32, np.nan))


PTX = """
.version 8.0
.target sm_90
.address_size 64
.visible .entry kernel( .param .u64 a, .param .u64 b, .param .u64 c, .param .u64 d, .param .u64 address,
    .param .u64 n, .param .u64 e )
{
    .reg .b64 %rd<4>;
    .reg .f32 %f<6>;
    ld.param.u64 %rd1, [address];
    ld.global.v2.f32 {%f1, %f2}, [%rd1+AT];
    LINE
    st.global.f32 [%rd1], %f3;
    ret;
}
"""


def test_what_lies_between_the_places_of_its_size_is_refused(run):
    x = np.arange(8, dtype=np.float32)
    text = PTX.replace("LINE", "add.f32 %f3, %f1, %f2;")
    assert run.text(text.replace("AT", "8"), x, threads=1)[0][0] == 5.0
    with pytest.raises(machine.Fault, match="byte 4 of 32 allocated, aligned 4"):
        run.text(text.replace("AT", "4"), x, threads=1)


@pytest.mark.parametrize("line", ["add.rz.f32 %f3, %f1, %f2;", "tanh.approx.f32 %f3, %f1;", "bar.sync 3;"])
def test_an_instruction_that_is_not_known_is_refused_by_its_line(run, line):
    with pytest.raises(NotImplementedError, match="line 12: "):
        run.text(PTX.replace("AT", "0").replace("LINE", line), np.zeros(8, np.float32), threads=1)


def test_products_that_a_device_may_round_with_their_sum_are_found():
    from tests.cuda.stand_in.flow import contractible
    from tests.cuda.stand_in.ptx import read

    for product, total, many in (("mul.f32", "add.f32", 1), ("mul.rn.f32", "add.f32", 0), ("mul.f32", "sub.rn.f32", 0)):
        (entry,) = read(
            PTX.replace("AT", "0").replace("LINE", f"{product} %f4, %f1, %f2;\n{total} %f3, %f4, %f1;")
        ).entries.values()
        assert len(contractible(entry)) == many
