"""What at least k of some keys do not exceed, on a device: never too little, and little too much."""

import numpy as np
import pytest
from numba import cuda, float64, int32

from knn.kernels.cuda_kth import BINS, PASSES, kth

pytestmark = pytest.mark.simulator
WIDE, ROWS = 4, 2


def bound(keys, k):
    """high[y] for both rows of keys (2, c)."""
    kth_at_most = kth(WIDE)

    @cuda.jit
    def kernel(keys, k, out):
        low = cuda.shared.array(ROWS, float64)
        high = cuda.shared.array(ROWS, float64)
        bins = cuda.shared.array((ROWS, BINS), int32)
        parts = cuda.shared.array((ROWS, WIDE), int32)
        x, y = cuda.threadIdx.x, cuda.threadIdx.y
        kth_at_most(keys[y], keys.shape[1], k, x, y, low, high, bins, parts)
        if x == 0:
            out[y] = high[y]

    out = cuda.to_device(np.zeros(ROWS))
    kernel[1, (WIDE, ROWS)](cuda.to_device(keys), k, out)
    return out.copy_to_host()


def alike(n):
    return np.full(n, 3.0)


KEYS = {
    "normal": lambda n, rng: rng.standard_normal(n),
    "alike": lambda n, _: alike(n),
    "one that differs": lambda n, _: np.append(alike(n - 1), -1e30),
    "a unit apart": lambda n, rng: 1e6 + rng.permutation(n) * np.spacing(1e6),
    "far from nought": lambda n, rng: -1e12 + rng.standard_normal(n),
    "subnormal": lambda n, rng: rng.permutation(n) * 5e-324,
    "huge": lambda n, rng: rng.standard_normal(n) * 1e300,
    "float32": lambda n, rng: (1e7 * rng.standard_normal(n)).astype(np.float32),
    "whole numbers": lambda n, rng: rng.integers(-3_000_000, 3_000_001, n).astype(np.int32),
    "few whole numbers": lambda n, rng: rng.integers(-2, 3, n).astype(np.int32),
}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize("n", [1, 5, 40])
def test_at_least_k_do_not_exceed_it_and_few_more_do_not(name, n):
    rng = np.random.default_rng(n)
    keys = np.stack([KEYS[name](n, rng) for _ in range(ROWS)])
    for k in {1, (n + 1) // 2, n}:
        for row, high in zip(keys, bound(keys, k), strict=True):
            whole = row.dtype.kind == "i"
            limit = np.floor(high) if whole else high
            least, span = np.sort(row)[k - 1], float(row.max()) - float(row.min())
            assert (row <= limit).sum() >= k
            slack = 2.0**-44 * (abs(float(row.min())) + span)
            assert limit - least <= span / BINS**PASSES * 1.01 + slack + 5e-324 * BINS


def test_where_fewer_are_held_nothing_is_turned_away():
    keys = np.array([[1.0, 2.0, 3.0]] * ROWS)
    assert (bound(keys, 4) == 3.0).all()
