"""Neighbours within a radius, of every index that offers them: by the definition, the border included."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError

from knn import LSH, BruteForce, indexes
from knn.radius import RadiusNeighbours
from tests import naive
from tests.knn.problems import clusters, problems


@pytest.fixture(scope="module", params=[name for name, kind in indexes.items() if issubclass(kind, RadiusNeighbours)])
def kind(request):
    return indexes[request.param]


def assert_within(found, expected):
    """Object arrays (distances, ids), rows of (distance, id) sorted."""
    for distances, ids, row in zip(*found, expected, strict=True):
        assert ids.dtype == np.int64
        assert distances.dtype == np.float64
        assert list(zip(distances.tolist(), ids.tolist(), strict=True)) == row


@given(problem=problems(), seed=st.integers(0, 2**32 - 1))
def test_all_within_a_distance_that_occurs_are_found_and_no_others(kind, dtype, problem, seed):
    """The radius is the distance of a point: it is on the border. Some points came later, some died."""
    X, Q = problem[0].astype(dtype), problem[1].astype(dtype)
    rng = np.random.default_rng(seed)
    alive = rng.random(len(X)) < 0.8
    alive[rng.integers(len(X))] = True
    first = rng.integers(1, len(X) + 1)
    index = kind().fit(X[:first])
    if first < len(X):
        index.insert(X[first:])
    index.delete(np.flatnonzero(~alive))
    distances, ids = naive.neighbours(X[alive], Q, alive.sum(), ids=np.flatnonzero(alive))
    for radius in (float(rng.choice(distances.ravel())), 0.0):
        expected = [
            [pair for pair in zip(*row, strict=True) if pair[0] <= radius]
            for row in zip(distances.tolist(), ids.tolist(), strict=True)
        ]
        assert_within(index.radius_neighbors(Q, radius, sort_results=True), expected)
        by_id = [sorted(row, key=lambda pair: pair[1]) for row in expected]
        assert_within(index.radius_neighbors(Q, radius), by_id)
        alone = index.radius_neighbors(Q, radius, return_distance=False)
        assert [row.tolist() for row in alone] == [[i for _, i in row] for row in by_id]


def test_no_queries_means_each_point_among_the_others(kind, dtype):
    X = np.concatenate([clusters(60, 4, seed=0)[0]] * 2).astype(dtype)
    index = kind(n_jobs=2).fit(X)
    index.delete([3, 70])
    distances, ids = index.radius_neighbors(radius=0.0)
    alive = np.setdiff1d(np.arange(120), [3, 70])
    assert len(ids) == 118
    for own, row in zip(alive, ids, strict=True):
        assert row.tolist() == [twin for twin in ((own + 60) % 120,) if twin in alive]
    assert all((row == 0).all() for row in distances)


def test_the_radius_of_a_cosine_is_one_of_cosines(kind, dtype):
    X, Q = (part.astype(dtype) for part in clusters(80, 20, seed=1, queries=6))
    index = kind(metric="cosine").fit(X)
    nearest, ids = index.kneighbors(Q, 80)
    for place in (0, 10, 79):
        found = index.radius_neighbors(Q[:1], nearest[0, place], sort_results=True)
        np.testing.assert_array_equal(found[0][0], nearest[0, : place + 1])
        np.testing.assert_array_equal(found[1][0], ids[0, : place + 1])


def test_many_points_are_found_as_by_brute_force(kind, dtype):
    X, Q = (part.astype(dtype) for part in clusters(3000, 3, seed=2, queries=40))
    twin, index = BruteForce().fit(X), kind().fit(X)
    for radius in (0.1, 2.0, 100.0):
        for part, other in zip(index.radius_neighbors(Q, radius), twin.radius_neighbors(Q, radius), strict=True):
            for row, expected in zip(part, other, strict=True):
                np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize(
    ("arguments", "error", "fragment"),
    [
        ({"radius": -1}, ValueError, "at least 0"),
        ({"radius": float("nan")}, ValueError, "finite"),
        ({"radius": float("inf")}, ValueError, "finite"),
        ({"radius": "1"}, TypeError, "a number"),
        ({"radius": True}, TypeError, "a number"),
        ({"radius": 1, "return_distance": False, "sort_results": True}, ValueError, "return_distance=True"),
        ({"X": [[1.0, 2.0]], "radius": 1}, ValueError, "built with 3"),
    ],
)
def test_what_cannot_be_asked(kind, arguments, error, fragment):
    with pytest.raises(error, match=fragment):
        kind().fit(np.eye(3)).radius_neighbors(**arguments)


def test_inner_products_have_no_radius(kind):
    with pytest.raises(ValueError, match="euclidean"):
        kind(metric="inner_product").fit(np.eye(3)).radius_neighbors(np.eye(3), 1.0)


def test_the_graph_is_scikit_learns_entry_by_entry(kind):
    from sklearn.neighbors import NearestNeighbors

    X = np.round(np.random.default_rng(0).normal(size=(60, 2)), 1)  # with duplicates, whose distance 0 is an entry
    index, reference = kind().fit(X), NearestNeighbors().fit(X)
    for queries in (X[:7] + 0.05, None):
        for mode in ("connectivity", "distance"):
            ours = index.radius_neighbors_graph(queries, 0.47, mode=mode)  # no distance lies on it
            theirs = reference.radius_neighbors_graph(queries, 0.47, mode=mode)  # no distance lies on it
            ours.sort_indices()
            theirs.sort_indices()
            assert ours.shape == theirs.shape
            assert np.array_equal(ours.indptr, theirs.indptr)
            assert np.array_equal(ours.indices, theirs.indices)
            # Theirs come from another order of the same two squares.
            assert ours.data == pytest.approx(theirs.data, rel=4 * np.finfo(float).eps)


def test_the_columns_of_the_graph_are_the_points_that_are_held(kind):
    X = np.arange(6.0)[:, None]
    index = kind().fit(X)
    index.delete([1, 4])
    assert index.radius_neighbors_graph([[0.0]], 2.5).toarray().tolist() == [[1, 1, 0, 0]]


def test_dbscan_on_the_graph_is_dbscan_on_the_points(kind):
    from sklearn.cluster import DBSCAN

    X = np.random.default_rng(0).normal(size=(300, 20)) * 0.2 + np.repeat(np.eye(3, 20) * 6, 100, axis=0)
    graph = kind().fit(X).radius_neighbors_graph(X, 1.3, mode="distance")
    found = DBSCAN(eps=1.3, metric="precomputed").fit_predict(graph)
    assert np.array_equal(found, DBSCAN(eps=1.3).fit_predict(X))
    assert len(set(found.tolist()) - {-1}) == 3


@pytest.mark.parametrize("name", ["dci", "prioritized-dci", "multi-level-dci", "random-hierarchy", "principal-dci"])
def test_bounds_leave_out_other_clusters(name):
    """A radius query that measured all points would be right as well, and of no use."""
    X, Q = clusters(2000, 8, seed=3, queries=5)
    index = indexes[name](random_state=0).fit(X)
    assert max(len(index._left_within(q.astype(float), 0.5)) for q in Q) < 1000


def test_what_can_miss_points_within_a_radius_says_so():
    index = LSH().fit(np.eye(4))
    with pytest.raises(AttributeError, match=r"hashes exclude no point for sure.*use KDTree"):
        index.radius_neighbors(np.eye(4), 1.0)
    assert not hasattr(index, "radius_neighbors_graph")
    with pytest.raises(AttributeError, match="has no attribute 'radius'"):
        getattr(index, "radius")  # noqa: B009
    for name in ("n_samples_fit_", "dtype_"):
        with pytest.raises(NotFittedError, match="not fitted yet"):
            getattr(LSH(), name)
