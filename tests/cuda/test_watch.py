"""The watch for what no barrier orders, held to kernels with faults of each kind, and to ones without."""

import linecache

import numpy as np
import pytest
from numba import cuda, types

from tests.cuda.races import watched
from tests.cuda.turns import Diverged

pytestmark = [pytest.mark.simulator, pytest.mark.simulator_alone]


@cuda.jit
def right(values, out):
    shared = cuda.shared.array(4, types.float64)
    shared[cuda.threadIdx.x] = values[cuda.threadIdx.x]
    cuda.syncthreads()
    out[cuda.grid(1)] = shared[3 - cuda.threadIdx.x]


@cuda.jit
def without_a_barrier(values, out):
    shared = cuda.shared.array(4, types.float64)
    shared[cuda.threadIdx.x] = values[cuda.threadIdx.x]
    out[cuda.grid(1)] = shared[3 - cuda.threadIdx.x]


@cuda.jit
def read_beside_an_atomic(values, out):
    shared = cuda.shared.array(1, types.float64)
    if cuda.threadIdx.x == 0:
        shared[0] = values[0]
    cuda.syncthreads()
    cuda.atomic.add(shared, 0, 1.0)
    out[cuda.grid(1)] = shared[0]


@cuda.jit
def barrier_in_a_branch(values, out):
    if values[cuda.threadIdx.x] > 1:
        cuda.syncthreads()
    out[cuda.grid(1)] = 0


@cuda.jit
def barriers_of_two_branches(values, out):
    if values[cuda.threadIdx.x] > 1:
        cuda.syncthreads()
    else:
        cuda.syncthreads()
    out[cuda.grid(1)] = 0


@cuda.jit
def votes_after_votes(values, out):
    """Each is counted among its own, however the threads take turns."""
    for turn in range(3):
        out[cuda.grid(1)] += cuda.syncthreads_count(values[cuda.threadIdx.x] > turn)


@cuda.jit
def numbers_exchanged(values, out):
    """Each has its partner's, again and again."""
    for by in (1, 2):
        out[cuda.grid(1)] += 10**by * cuda.shfl_xor_sync(0xFFFFFFFF, values[cuda.threadIdx.x], by)


@cuda.jit
def exchange_for_a_barrier(values, out):
    shared = cuda.shared.array(4, types.float64)
    shared[cuda.threadIdx.x] = values[cuda.threadIdx.x]
    cuda.shfl_xor_sync(0xFFFFFFFF, values[cuda.threadIdx.x], 1)
    out[cuda.grid(1)] = shared[3 - cuda.threadIdx.x]


@cuda.jit
def exchange_of_some(values, out):
    if values[cuda.threadIdx.x] > 1:
        cuda.shfl_xor_sync(0xFFFFFFFF, values[cuda.threadIdx.x], 1)
    out[cuda.grid(1)] = 0


@cuda.jit
def blocks_that_meet(values, out):
    out[cuda.threadIdx.x] = values[cuda.threadIdx.x]


@cuda.jit
def read_before_it_is_written(values, out):
    local = cuda.local.array(2, types.float64)
    local[0] = values[cuda.threadIdx.x]
    out[cuda.grid(1)] = local[1]


@cuda.jit
def read_from_the_end(values, out):
    out[cuda.grid(1)] = values[cuda.threadIdx.x - 1]


@pytest.mark.parametrize(
    ("kernel", "faults"),
    [
        (right, set()),
        (without_a_barrier, {"race", "unwritten"}),
        (read_beside_an_atomic, {"race"}),
        (barrier_in_a_branch, {"divergence"}),
        (barriers_of_two_branches, {"divergence"}),
        (votes_after_votes, set()),
        (numbers_exchanged, set()),
        (exchange_for_a_barrier, {"race"}),
        (exchange_of_some, {"divergence"}),
        (blocks_that_meet, {"blocks"}),
        (read_before_it_is_written, {"unwritten"}),
        (read_from_the_end, {"bounds"}),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_a_fault_is_seen(kernel, faults):
    values, out = cuda.to_device(np.arange(4.0)), cuda.to_device(np.zeros(8))
    with watched() as watch:
        try:
            kernel[2, 4](values, out)
        except Diverged:
            assert faults == {"divergence"}
    assert {what for what, *_ in watch.found} == faults
    if kernel is votes_after_votes:
        assert out.copy_to_host().tolist() == [3.0 + 2.0 + 1.0] * 8
    if kernel is numbers_exchanged:
        assert out.copy_to_host().tolist() == [10.0 + 200, 300, 30, 100 + 20] * 2
    if kernel is barriers_of_two_branches:
        ((_, one, other),) = watch.found
        assert one != other
        assert all(linecache.getline(__file__, line[1]).strip() == "cuda.syncthreads()" for line in (one, other))
