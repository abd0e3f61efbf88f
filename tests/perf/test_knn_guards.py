"""Searching stays fast and right: each guard asserts the answer that it times, and ratios where they are stable."""

import platform
import re

import numba
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from knn import DCI, LSH, BruteForce, KDTree, PrincipalDCI, PrioritizedDCI
from knn.kernels import cpu, cpu_principal_search
from tests.knn.problems import clusters
from tests.perf.turns import ratio

pytestmark = pytest.mark.perf

X, Q = (part.astype(np.float32) for part in clusters(10_000, 128, seed=0, queries=200))


@pytest.fixture(scope="module")
def exact():
    """The neighbours by the definition and nothing else."""
    best = cpu.empty_heaps(len(Q), 10)
    cpu.scan(X, np.ones(len(X), bool), Q.astype(np.float64), *best)
    cpu.ascending(*best)
    return best


def test_brute_force_in_batch(benchmark, exact):
    index = BruteForce(n_neighbors=10).fit(X)
    distances, indices = benchmark(index.kneighbors, Q)
    np.testing.assert_array_equal(indices, exact[1])
    np.testing.assert_array_equal(distances, exact[0])


def test_brute_force_one_query_at_a_time(benchmark, exact):
    index = BruteForce(n_neighbors=10).fit(X)
    distances, indices = benchmark(index.kneighbors, Q[:1])
    np.testing.assert_array_equal(indices, exact[1][:1])
    np.testing.assert_array_equal(distances, exact[0][:1])


def test_prioritized_dci(benchmark, exact):
    index = PrioritizedDCI(n_simple=15, n_composite=2, candidates=500, random_state=0).fit(X)
    found = benchmark(index.search, Q, 10)
    recall = (found.indices[:, :, None] == exact[1][:, None, :]).any(axis=2).mean()
    assert recall >= 0.99  # seeded: 0.999 when this was written
    np.testing.assert_array_equal(found.distances[found.certified], exact[0][found.certified])


def test_dci(benchmark, exact):
    index = DCI(n_simple=4, n_composite=3, visits=3000, random_state=0).fit(X)
    found = benchmark(index.search, Q, 10)
    recall = (found.indices[:, :, None] == exact[1][:, None, :]).any(axis=2).mean()
    assert recall >= 0.9
    assert found.evaluations.mean() < 0.3 * len(X)


def test_lsh(benchmark, exact):
    index = LSH(n_tables=20, n_projections=6, random_state=0).fit(X)
    found = benchmark(index.search, Q, 10)
    recall = (found.indices[:, :, None] == exact[1][:, None, :]).any(axis=2).mean()
    assert recall >= 0.9
    assert found.evaluations.mean() < 0.1 * len(X)


def test_principal_dci(benchmark, exact):
    index = PrincipalDCI(random_state=0).fit(X)
    found = benchmark(index.search, Q, 10)
    recall = (found.indices[:, :, None] == exact[1][:, None, :]).any(axis=2).mean()
    assert recall >= 0.98
    assert (found.evaluations < 0.01 * len(X)).all()


def test_principal_dci_with_a_proof(benchmark, exact):
    index = PrincipalDCI(random_state=0).fit(X)
    found = benchmark(lambda: index.search(Q, 10, exact=True))
    np.testing.assert_array_equal(found.indices, exact[1])
    np.testing.assert_array_equal(found.distances, exact[0])
    assert found.certified.all()
    assert found.evaluations.mean() < 0.01 * len(X)


def test_building_principal_dci(benchmark):
    index = benchmark(PrincipalDCI(random_state=0).fit, X)
    assert (np.sort(index._cells.places[: len(X)]) == np.flatnonzero(index._cells.slots >= 0)).all()


def test_kd_tree_on_few_columns(benchmark):
    rows, queries = X[:, :6].copy(), Q[:, :6].copy()
    index = KDTree(n_neighbors=10).fit(rows)
    found = benchmark(index.search, queries)
    for part, twin in zip(found[:2], BruteForce(n_neighbors=10).fit(rows).search(queries)[:2], strict=True):
        np.testing.assert_array_equal(part, twin)
    assert found.evaluations.mean() < 0.2 * len(X)


def test_building_prioritized_dci(benchmark):
    index = benchmark(PrioritizedDCI(n_simple=15, n_composite=2, random_state=0).fit, X)
    assert (np.sort(index._projections.order, axis=1) == np.arange(len(X))).all()


def test_inserting_one_by_one(benchmark):
    def insert():
        index = PrioritizedDCI(random_state=0).fit(X[:2000])
        for row in X[2000:2200]:
            index.insert(row[None])
        return index

    index = benchmark.pedantic(insert, rounds=3)
    assert index.search(X[2100:2101], 1).indices[0, 0] == 2100


def test_the_definition_is_summed_in_vectors():
    """A kernel that fails to vectorise is several times slower than NumPy, which needs a temporary array for it."""
    rows, q = X[:1000], Q[0].astype(np.float64)
    alive = np.ones(len(rows), bool)

    def ours():
        cpu.scan(rows, alive, q[None], *cpu.empty_heaps(1, len(rows)))

    assert ratio(ours, lambda: ((rows.astype(np.float64) - q) ** 2).sum(axis=1)) < 1


def test_narrow_rows_are_measured_in_vectors():
    """All pairs of few columns against SciPy's, which makes a matrix of them: half its time if all is well."""
    rows = X[:1000, :3].astype(np.float64)
    index = BruteForce(n_neighbors=1).fit(rows)
    np.testing.assert_array_equal(index.kneighbors(rows)[1][:, 0], np.arange(len(rows)))
    assert ratio(lambda: index.kneighbors(rows), lambda: cdist(rows, rows).argmin(axis=1)) < 1.5


def test_gaps_are_scanned_in_vectors():
    """The blocked scan of projections against NumPy's passes over the whole array."""
    keys, q, penalty = X.T.copy()[:24], Q[0, :24].copy(), np.zeros(len(X), np.float32)
    out = np.empty(len(X), np.float32)

    def numpys():
        return np.abs(keys - q[:, None]).max(axis=0)

    assert ratio(lambda: cpu.largest_gaps(keys, q, penalty, out), numpys) < 0.5
    np.testing.assert_array_equal(out, numpys())


def test_codes_are_compared_in_vectors():
    """64 products of bytes a point against NumPy's product of float32, which BLAS vectorises but reads fourfold.

    As vectors ours takes half NumPy's time or less, as scalars some twenty times as long.
    """
    codes = np.random.default_rng(0).integers(-127, 128, (20_000, 64)).astype(np.int8)
    terms, nearest, wide = np.empty(len(codes), np.int32), np.empty(1, np.int32), codes.astype(np.float32)
    blocks = np.empty((len(codes) // 16, 1024), np.uint8)
    cpu.terms_of(codes, terms)
    cpu.pack(codes, np.arange(len(codes), dtype=np.int32), blocks)
    assert ratio(lambda: cpu.nearest_codes(codes[:1], blocks, terms, nearest), lambda: wide @ wide[0]) < 3
    assert nearest[0] == 0


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads the assembly of x86, as every one has")
def test_bytes_are_multiplied_in_vectors():
    """The machine code itself of what ranks rows of bytes: as scalars it would be right, and 26 times slower."""
    kernel = numba.njit(nogil=True, error_model="numpy")(cpu_principal_search._sum_of_bytes.py_func)
    row = np.arange(784).astype(np.uint8)
    assert kernel(row, row[::-1].copy()) == ((row.astype(int) - row[::-1]) ** 2).sum()
    (code,) = kernel.inspect_asm().values()
    assert re.search(r"\bv?(pmaddwd|pmulld|pdpwssd)\b.*%[xyz]mm", code)


def test_the_queue_is_no_faster_than_the_scan():
    """The two routes to the same candidates; the papers' pops cost more than a pass over all projections."""
    scan, queue = (
        PrioritizedDCI(n_simple=15, n_composite=2, candidates=500, traversal=traversal, random_state=0).fit(X)
        for traversal in ("scan", "queue")
    )
    for part, twin in zip(scan.search(Q[:5], 10), queue.search(Q[:5], 10), strict=True):
        np.testing.assert_array_equal(part, twin)
    assert ratio(lambda: scan.search(Q[:5], 10), lambda: queue.search(Q[:5], 10), 3) < 1 / 3
