"""Distances by one thread and by several, in the simulator, held to the CPU's bit by bit."""

import numpy as np
import pytest
from numba import cuda

from knn.kernels.cpu_distance import definition_sum
from knn.kernels.cuda_definition import definition, together

pytestmark = [pytest.mark.simulator, pytest.mark.simulator_alone]
#: Below a row of lanes, one and more of them, with and without a rest, below a chunk, one, and beyond.
WIDTHS = (1, 7, 15, 16, 17, 31, 48, 63, 64, 65, 80, 127, 128, 200)


def rows(d, dtype, seed):
    """A query and six points whose coordinates are of very different sizes, so that each order of addition shows."""
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((7, d)) * np.exp2(rng.integers(-12, 12, (7, d)))
    return made[0].astype(dtype), made[1:].astype(dtype)


@pytest.mark.parametrize("threads", [1, 2, 4, 8, 16, 32, 48])
def test_sums_by_several_threads_are_the_hosts_to_the_bit(threads, dtype):
    sharing, to_point = together(threads)

    @cuda.jit
    def run(q, X, sums):
        rows, own, lane = sharing(q.shape[0])
        for first in range(0, X.shape[0], rows):
            at = first + own
            total = to_point(q, X[min(at, X.shape[0] - 1)], lane)
            if at < X.shape[0]:
                sums[at, lane] = total

    for d in WIDTHS:
        q, X = rows(d, dtype, d)
        shared = 1 if d < 16 else np.gcd(threads, 16)
        sums = cuda.to_device(np.full((len(X), shared), np.nan))
        run[1, threads](cuda.to_device(q), cuda.to_device(X), sums)
        truth = np.array([definition_sum(q.astype(float), x) for x in X])
        np.testing.assert_array_equal(sums.copy_to_host(), np.tile(truth[:, None], shared))


def test_sums_by_one_thread_are_the_hosts_to_the_bit(dtype):
    to_point = definition().to_point

    @cuda.jit
    def run(q, X, sums):
        sums[cuda.threadIdx.x] = to_point(q, X[cuda.threadIdx.x])

    for d in WIDTHS:
        q, X = rows(d, dtype, d)
        sums = cuda.to_device(np.zeros(len(X)))
        run[1, len(X)](cuda.to_device(q), cuda.to_device(X), sums)
        np.testing.assert_array_equal(sums.copy_to_host(), [definition_sum(q.astype(float), x) for x in X])
