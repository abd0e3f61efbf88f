"""Graphs: entry by entry those of scikit-learn's KNeighborsTransformer, and taken by the estimators they are for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.cluster import DBSCAN
from sklearn.manifold import TSNE, Isomap
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier, KNeighborsTransformer
from sklearn.neighbors import NearestNeighbors as Scikit
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from knn import BruteForce, KDTree, NeighboursTransformer
from tests.knn.problems import clusters

X, Q = clusters(60, 6, seed=0, queries=9)

#: Checks of scikit-learn that the transformer fails by intent, with the reason. None does.
EXPECTED_FAILURES: dict[str, str] = {}


def exhaustive(kind, **parameters):
    return kind(**{"random_state": 0, **kind.exhaustive, **parameters})


def assert_same_graph(ours, theirs):
    """The same places in the same order; sums of squares in another order differ by a unit a term, and a root."""
    assert ours.shape == theirs.shape
    assert ours.format == theirs.format == "csr"
    assert ours.dtype == theirs.dtype == np.float64
    np.testing.assert_array_equal(ours.indptr, theirs.indptr)
    np.testing.assert_array_equal(ours.indices, theirs.indices)
    np.testing.assert_allclose(ours.data, theirs.data, rtol=10 * 2.0**-53, atol=0)


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
def test_the_graph_is_scikit_learns(kind, mode):
    index, scikit = exhaustive(kind, n_neighbors=4).fit(X), Scikit(n_neighbors=4, algorithm="kd_tree").fit(X)
    for queries in (None, Q, X):
        assert_same_graph(index.kneighbors_graph(queries, mode=mode), scikit.kneighbors_graph(queries, mode=mode))
    assert_same_graph(index.kneighbors_graph(Q, 7, mode), scikit.kneighbors_graph(Q, 7, mode))
    assert (index.kneighbors_graph(X, mode="distance").data[::4] == 0).all()  # explicit


@pytest.mark.parametrize("mode", ["connectivity", "distance"])
def test_the_transformer_is_scikit_learns(kind, mode):
    ours = NeighboursTransformer(exhaustive(kind), mode=mode, n_neighbors=3)
    theirs = KNeighborsTransformer(mode=mode, n_neighbors=3, algorithm="kd_tree")
    assert_same_graph(ours.fit_transform(X), theirs.fit_transform(X))
    assert_same_graph(ours.transform(Q), theirs.transform(Q))
    assert len(ours.get_feature_names_out()) == len(theirs.get_feature_names_out()) == 60


@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 8))
def test_rows_are_sorted_and_ties_go_to_the_smaller_id(seed, k):
    rows = np.random.default_rng(seed).integers(-2, 3, (20, 2)).astype(float)
    graph = BruteForce().fit(rows).kneighbors_graph(rows, k, "distance")
    distances, columns = graph.data.reshape(20, k), graph.indices.reshape(20, k)
    assert (np.diff(distances, axis=1) >= 0).all()
    assert (np.diff(columns, axis=1)[np.diff(distances, axis=1) == 0] > 0).all()


def test_columns_are_the_points_that_are_left(kind):
    index = exhaustive(kind, n_neighbors=3).fit(X)
    index.delete([0, 5, 6])
    index.insert(Q)
    rest = np.concatenate([np.delete(X, [0, 5, 6], axis=0), Q])
    assert_same_graph(
        index.kneighbors_graph(mode="distance"), Scikit(n_neighbors=3).fit(rest).kneighbors_graph(mode="distance")
    )


def test_what_is_not_found_has_no_entry():
    from knn import LSH

    index = LSH(n_tables=1, width=1e-9, candidates=3, random_state=0).fit(X)
    graph = index.kneighbors_graph(Q, 3, "distance")
    assert graph.shape == (9, 60)
    assert graph.nnz == (index.search(Q, 3).indices >= 0).sum() < 27


def test_scikit_learns_own_checks():
    results = check_estimator(
        NeighboursTransformer(n_neighbors=2), expected_failed_checks=EXPECTED_FAILURES, on_skip=None, on_fail=None
    )
    failed = {result["check_name"]: result["exception"] for result in results if result["status"] == "failed"}
    assert not failed
    assert sum(result["status"] == "passed" for result in results) > 30


def test_dbscan_and_isomap_answer_from_the_graph_as_from_the_points(kind):
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(90, 3)) * 0.3 + np.repeat([[0, 0, 0], [9, 9, 0], [0, 9, 9]], 30, axis=0)
    graph = NeighboursTransformer(exhaustive(kind), n_neighbors=29).fit_transform(rows)
    labels = DBSCAN(eps=1.0, metric="precomputed").fit_predict(graph)
    np.testing.assert_array_equal(labels, DBSCAN(eps=1.0).fit_predict(rows))
    assert len(set(labels)) == 3
    sheet = np.c_[rng.uniform(0, 3, (80, 2)), np.zeros(80)]
    pipeline = make_pipeline(
        NeighboursTransformer(exhaustive(kind), n_neighbors=12), Isomap(n_neighbors=12, metric="precomputed")
    )
    direct = Isomap(n_neighbors=12).fit_transform(sheet)
    # Axes of an embedding have no sign; the iterative eigensolver of it ends at a relative 1e-6 or so of its length.
    np.testing.assert_allclose(np.abs(pipeline.fit_transform(sheet)), np.abs(direct), atol=1e-5)


def test_a_pipeline_with_a_graph_tunes_and_predicts():
    labels = np.arange(60) % 3
    rows = X + 40 * labels[:, None]
    pipeline = make_pipeline(
        NeighboursTransformer(KDTree(), n_neighbors=9), KNeighborsClassifier(n_neighbors=5, metric="precomputed")
    )
    assert pipeline.fit(rows, labels).score(rows, labels) == 1.0
    search = GridSearchCV(pipeline, {"neighbourstransformer__index__n_jobs": [1, 2]}, cv=2).fit(rows, labels)
    assert search.best_score_ == 1.0
    assert clone(pipeline).get_params()["neighbourstransformer__index"].n_neighbors == 5


def test_t_sne_takes_the_graph():
    graph = NeighboursTransformer("principal-dci", n_neighbors=20).fit_transform(X)
    placed = TSNE(metric="precomputed", init="random", perplexity=5, max_iter=250, random_state=0).fit_transform(graph)
    assert placed.shape == (60, 2)


@pytest.mark.parametrize(
    ("parameters", "error", "fragment"),
    [
        ({"index": "no-such"}, KeyError, "unknown index 'no-such'.*brute-force"),
        ({"index": 3}, TypeError, "index is int: it must be a name among"),
        ({"mode": "angle"}, ValueError, "mode='angle'.*use one of"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors=0"),
    ],
)
def test_what_the_transformer_refuses(parameters, error, fragment):
    with pytest.raises(error, match=fragment):
        NeighboursTransformer(**parameters).fit(X)


def test_an_unknown_mode_is_refused(kind):
    with pytest.raises(ValueError, match=r"mode='angle'.*use one of"):
        kind().fit(X).kneighbors_graph(Q, mode="angle")
