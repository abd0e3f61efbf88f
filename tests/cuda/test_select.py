"""The k least of what a block holds, and the value of a rank, in the simulator, held to a stable sort."""

import numpy as np
import pytest
from numba import cuda, types

from knn.kernels import cuda_select
from knn.kernels.cuda_digits import digits
from knn.kernels.cuda_select import selecting

pytestmark = [pytest.mark.simulator, pytest.mark.simulator_alone]


def by_sorting(held, names, k):
    """(distances, names) of the k least below ∞, by (distance, name); ∞ and −1 behind them: the slow twin."""
    order = np.lexsort((names, held))[: np.count_nonzero(held < np.inf)][:k]
    distances, indices = np.full(k, np.inf), np.full(k, -1)
    distances[: len(order)], indices[: len(order)] = held[order], names[order]
    return distances, indices


def chosen(held, names, k, threads):
    room, nearest = selecting(threads)

    @cuda.jit
    def run(held, names, distances, indices):
        scratch = cuda.shared.array(room, types.int64)
        nearest(held, names, held.shape[0], distances, indices, scratch)

    out = cuda.to_device(np.full(k, np.inf)), cuda.to_device(np.full(k, -1))
    run[1, threads](cuda.to_device(held), cuda.to_device(names), *out)
    return [part.copy_to_host() for part in out]


def held_in_many_ways(n, seed):
    """Distances that are distinct, tie, all tie, differ in their last bit, are ∞ or no numbers."""
    rng = np.random.default_rng(seed)
    distances = np.sqrt(rng.random(n))
    yield distances
    yield rng.integers(0, 4, n).astype(float)
    yield np.full(n, 3.5)
    yield 1.0 + rng.integers(0, 3, n) * 2.0**-52
    yield distances * np.exp2(rng.integers(-1000, 1000, n))
    yield np.where(rng.random(n) < 0.6, np.where(rng.random(n) < 0.5, np.inf, np.nan), distances)


def test_names_that_are_the_same_against_the_rule_end_the_search_all_the_same(monkeypatch):
    monkeypatch.setattr(cuda_select, "FEW", 0)
    distances, _ = chosen(np.full(9, 2.0), np.zeros(9, np.int32), 3, 4)
    np.testing.assert_array_equal(distances, 2.0)


@pytest.mark.parametrize("few", [0, 64])
@pytest.mark.parametrize(
    ("n", "k", "threads"), [(1, 1, 4), (7, 7, 4), (33, 5, 8), (40, 39, 8), (21, 30, 3), (60, 1, 1)]
)
def test_the_least_come_in_order_and_ties_by_name(monkeypatch, few, n, k, threads):
    monkeypatch.setattr(cuda_select, "FEW", few)
    names = np.random.default_rng(n).choice([*range(60), 255, 256, 65_535, 2**24, 2**31 - 2], n, replace=False)
    for held in held_in_many_ways(n, n):
        for found, truth in zip(
            chosen(held, names.astype(np.int32), k, threads), by_sorting(held, names, k), strict=True
        ):
            np.testing.assert_array_equal(found, truth)


def a_number(source, at):
    return source[at]


@pytest.mark.parametrize(("n", "threads", "digit"), [(1, 4, 4), (9, 4, 4), (40, 8, 8), (33, 5, 4), (7, 1, 4)])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_value_of_each_rank_is_found(kind, n, threads, digit):
    whole = np.int32 if kind is np.float32 else np.int64
    room, of_rank = digits(a_number, 8 * kind().itemsize, threads, digit)

    @cuda.jit
    def run(values, found):
        scratch = cuda.shared.array(room, types.int64)
        for rank in range(1, values.shape[0] + 1):  # the scratch is free again at once
            found[rank - 1] = of_rank(values, values.shape[0], rank, scratch)

    for held in held_in_many_ways(n, n):
        values = np.where(np.isnan(held), np.inf, np.minimum(held, 1e30)).astype(kind)
        found = cuda.to_device(np.zeros(n, whole))
        run[1, threads](cuda.to_device(values.view(whole)), found)
        np.testing.assert_array_equal(found.copy_to_host().view(kind), np.sort(values))
