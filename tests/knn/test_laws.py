"""The laws of every index: what its answers are, whatever the data, the threads and the order of the points."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from knn import kdtree, lsh, threads
from knn.metrics import METRICS
from tests import naive
from tests.knn.problems import clusters, problems


def same(found, other):
    """Every part of two answers agrees, bit for bit."""
    for part, twin in zip(found, other, strict=True):
        np.testing.assert_array_equal(part, twin)


def exhaustive(kind, **parameters):
    return kind(**{"random_state": 0, **kind.exhaustive, **parameters})


@given(problem=problems())
@example(problem=(np.zeros((1, 1)), np.ones((1, 1)), 1))
@example(problem=(np.zeros((40, 3)), np.zeros((9, 3)), 40))
@example(problem=(np.ones((700, 2)), np.ones((9, 2)), 3))
def test_budgets_at_their_maximum_give_the_definition_ties_included(kind, dtype, problem):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    index = exhaustive(kind).fit(X)
    distances, indices = naive.neighbours(X, Q, k)
    for found in (index.search(Q, k), index.search(Q, k, exact=True), index.search(Q[:1], k)):
        np.testing.assert_array_equal(found.indices, indices[: len(found.indices)])
        np.testing.assert_array_equal(found.distances, distances[: len(found.indices)])
        assert found.certified.all()
        assert (found.evaluations <= len(X)).all()


@pytest.mark.deep
@settings(max_examples=10_000)
@given(problem=problems(most=16))
def test_ten_thousand_cases_are_exact_ties_included(kind, dtype, problem):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    found = kind(random_state=0).fit(X).search(Q, k, exact=True)
    distances, indices = naive.neighbours(X, Q, k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    assert found.certified.all()


@pytest.mark.parametrize("k", [500, 1000])
def test_a_thousand_neighbours_are_found_in_order(kind, dtype, k):
    """Halves of whole numbers: many ties, among which the smaller ids come first."""
    rng = np.random.default_rng(9)
    X, Q = (rng.integers(-9, 10, (rows, 4)).astype(dtype) / 2 for rows in (1000, 3))
    distances, indices = naive.neighbours(X, Q, k)
    found = kind(random_state=0).fit(X).search(Q, k, exact=True)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)


@pytest.mark.parametrize(
    ("X", "Q"),
    [
        (np.full((1, 1), 3.0), np.zeros((2, 1))),
        (np.zeros((30, 1)), np.ones((2, 1))),
        (np.arange(40.0)[::-1, None], np.array([[19.5], [-1.0]])),
        (np.repeat(np.eye(3), 20, axis=0), np.eye(3)),
        (np.tile([[1.0, 7.0, 7.0]], (25, 1)) + np.arange(25)[:, None] * [1, 0, 0], np.full((1, 3), 7.0)),
    ],
    ids=["one point", "all equal", "a line backwards", "duplicates", "constant columns"],
)
def test_degenerate_data_are_answered_to_the_last_point(kind, dtype, X, Q):
    rows, queries = X.astype(dtype), Q.astype(dtype)
    index = kind(random_state=0).fit(rows)
    for k in {1, len(rows)}:
        distances, indices = naive.neighbours(rows, queries, k)
        found = index.search(queries, k, exact=True)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_array_equal(found.distances, distances)


@given(problem=problems(), seed=st.integers(0, 5), share=st.sampled_from((0.1, 0.4, 1.0)))
def test_a_certified_answer_is_exact_and_exact_is_certified(kind, dtype, problem, seed, share):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    index = kind(random_state=seed, **dict.fromkeys(kind.exhaustive, share)).fit(X)
    distances, indices = naive.neighbours(X, Q, k)
    for exact in (False, True):
        found = index.search(Q, k, exact=exact)
        assert found.certified.all() or not exact
        np.testing.assert_array_equal(found.indices[found.certified], indices[found.certified])
        np.testing.assert_array_equal(found.distances[found.certified], distances[found.certified])


@given(problem=problems(most=12))
def test_cosine_is_the_definition_on_rows_of_length_one(kind, dtype, problem):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    X[~X.any(axis=1)] = 1
    Q[~Q.any(axis=1)] = 1
    found = exhaustive(kind, metric="cosine").fit(X).search(Q, k)
    chords, indices = naive.neighbours(naive.unit_rows(X), naive.unit_rows(Q), k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, 0.5 * chords * chords)


def test_cosine_is_one_minus_the_cosine(kind):
    X, Q = clusters(50, 20, seed=1, queries=5)
    found = exhaustive(kind, metric="cosine").fit(X).search(Q, 50)
    cosines = Q @ X.T / np.outer(np.linalg.norm(Q, axis=1), np.linalg.norm(X, axis=1))
    direct = 1 - np.take_along_axis(cosines, found.indices, axis=1)
    # 20 products and two norms, each within 20 units in the last place of numbers up to 1.
    np.testing.assert_allclose(found.distances, direct, rtol=0, atol=100 * np.finfo(float).eps)


@pytest.mark.parametrize("budget", [0.02, 1.0])
def test_threads_files_and_pickles_change_no_bit(kind, dtype, budget, tmp_path, monkeypatch):
    """With more queries than a block has, and more rows than a sample of them has."""
    rows = lsh.ASKED + lsh.AMONG + 100 if kind is lsh.LSH else 1500
    queries = kdtree.BLOCK + 8 if kind is kdtree.KDTree else 300
    X, Q = (part.astype(dtype) for part in clusters(rows, 40, seed=2, queries=queries))
    index = kind(random_state=3, n_jobs=1, **dict.fromkeys(kind.exhaustive, budget)).fit(X)
    found = index.search(Q, 10)
    blocks = []

    class Counting(ThreadPoolExecutor):
        def map(self, serve, parts):
            blocks.append(len(parts))
            return super().map(serve, parts)

    monkeypatch.setattr(threads, "ThreadPoolExecutor", Counting)
    for n_jobs in (2, 4, -1):
        same(found, index.set_params(n_jobs=n_jobs).search(Q, 10))
    assert len(blocks) >= 2, "no thread served anything: more queries"
    assert min(blocks) > 1
    index.save(tmp_path / "index")
    same(found, kind.load(tmp_path / "index").search(Q, 10))
    same(found, pickle.loads(pickle.dumps(index)).search(Q, 10))
    same(found, kind(**index.get_params()).fit(X.copy()).search(Q, 10))


@pytest.mark.parametrize("metric", METRICS[1:])
def test_of_other_metrics_too_threads_and_files_change_no_bit_and_permuting_permutes(kind, metric, tmp_path):
    X, Q = clusters(700, 10, seed=10, queries=70)
    index = kind(metric=metric, random_state=0, n_jobs=1).fit(X)
    found = index.search(Q, 6)
    for n_jobs in (2, 4):
        same(found, index.set_params(n_jobs=n_jobs).search(Q, 6))
    index.save(tmp_path / "index")
    same(found, kind.load(tmp_path / "index").search(Q, 6))
    same(found, kind.load(tmp_path / "index", mmap=True).search(Q, 6))
    order = np.random.default_rng(11).permutation(len(X))
    permuted = kind(metric=metric, random_state=0).fit(X[order]).search(Q, 6)
    np.testing.assert_array_equal(permuted.distances, found.distances)
    np.testing.assert_array_equal(np.where(permuted.indices < 0, -1, order[permuted.indices]), found.indices)


def test_a_query_is_answered_alike_alone_and_in_company(kind, dtype):
    X, Q = (part.astype(dtype) for part in clusters(2500, 30, seed=4, queries=50))
    index = kind(random_state=0).fit(X)
    together = index.search(Q, 7)
    for row in range(0, 50, 7):
        same([part[row : row + 1] for part in together], index.search(Q[row : row + 1], 7))


@given(problem=problems(), seed=st.integers(0, 2**32 - 1), share=st.sampled_from((0.2, 1.0)))
def test_permuting_the_data_permutes_the_answer(kind, dtype, problem, seed, share):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    order = np.random.default_rng(seed).permutation(len(X))
    parameters = {"random_state": 0, **dict.fromkeys(kind.exhaustive, share)}
    found, permuted = (kind(**parameters).fit(rows).search(Q, k) for rows in (X, X[order]))
    np.testing.assert_array_equal(found.distances, permuted.distances)
    np.testing.assert_array_equal(found.certified, permuted.certified)
    for row in range(len(Q)):
        distances = found.distances[row]
        # A distance that occurs once belongs to one point; the last may tie with a point that was left out.
        alone = (np.array([(distances == d).sum() for d in distances]) == 1) & (distances < distances.max())
        np.testing.assert_array_equal(found.indices[row, alone], order[permuted.indices[row, alone]])


def test_offset_and_scale_change_nothing_but_rounding(kind):
    """Where arithmetic is exact, on integers with power-of-two scales, nothing changes at all."""
    rng = np.random.default_rng(5)
    X, Q = rng.integers(-9, 10, (300, 12)).astype(float), rng.integers(-9, 10, (20, 12)).astype(float)
    plain = exhaustive(kind).fit(X).search(Q, 9)
    for offset, scale in ((10_000.0, 1.0), (0.0, 2.0**100), (0.0, 2.0**-100), (-10_000.0, 2.0**90)):
        for width in (np.float32, np.float64):
            moved = exhaustive(kind).fit(((X + offset) * scale).astype(width))
            found = moved.search(((Q + offset) * scale).astype(width), 9)
            np.testing.assert_array_equal(found.indices, plain.indices)
            np.testing.assert_array_equal(found.distances, plain.distances * scale)


def test_queries_far_away_are_answered_exactly(kind, dtype):
    X = clusters(400, 20, seed=6)[0].astype(dtype)
    Q = np.array([X[0] + 1e12, X[1] * 1e20, X[2]]).astype(dtype)
    Q = np.concatenate([Q] * 4)
    distances, indices = naive.neighbours(X, Q, 3)
    found = kind(random_state=0).fit(X).search(Q, 3, exact=True)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)


def test_queries_beyond_the_range_of_narrow_points_are_answered_exactly(kind):
    """In float64, of which a projection in float32 would be infinite and seem to exclude every point."""
    X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
    X[::2] *= np.float32(1e34)
    Q = np.array([[1e39, 2e39, -1e39], [-3e45, 1e20, 1.0]])
    distances, indices = naive.neighbours(X, Q, 2)
    index = kind(random_state=0).fit(X)
    found, exact = index.search(Q, 2), index.search(Q, 2, exact=True)
    np.testing.assert_array_equal(exact.indices, indices)
    np.testing.assert_array_equal(exact.distances, distances)
    assert exact.certified.all()
    right = (found.indices == indices).all(axis=1)
    assert right[found.certified].all()


def test_queries_of_the_other_width_keep_it(kind):
    X, Q = clusters(60, 20, seed=7, queries=12)
    for rows, queries in ((X.astype(np.float32), Q), (X, Q.astype(np.float32))):
        distances, indices = naive.neighbours(rows, queries, 4)
        found = exhaustive(kind).fit(rows).search(queries, 4)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_array_equal(found.distances, distances)


@given(problem=problems())
def test_no_queries_means_each_point_among_the_others(kind, dtype, problem):
    X = np.concatenate([problem[0], problem[1]]).astype(dtype)
    k = min(problem[2], len(X) - 1)
    index = exhaustive(kind).fit(X)
    distances, indices = index.kneighbors(n_neighbors=k)
    for own in range(len(X)):
        others = np.delete(np.arange(len(X)), own)
        expected = naive.neighbours(X[others], X[own : own + 1], k, ids=others)
        np.testing.assert_array_equal(distances[own], expected[0][0])
        np.testing.assert_array_equal(indices[own], expected[1][0])


def test_the_data_are_kept_at_their_width_without_a_copy(kind, dtype):
    X = clusters(30, 5, seed=8)[0].astype(dtype)
    index = kind().fit(X)
    assert index.dtype_ == dtype
    assert np.shares_memory(index._points.rows, X)
    np.testing.assert_array_equal(X, clusters(30, 5, seed=8)[0].astype(dtype))
