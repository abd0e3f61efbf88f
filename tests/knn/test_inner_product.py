"""Inner products: by their definition, ties to the smaller id, whatever index finds them and whatever comes later."""

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from knn import BruteForce, PrincipalDCI
from knn.inner_product import HEADROOM, Lift
from knn.kernels import cpu
from tests import naive
from tests.knn.problems import clusters, problems


def exhaustive(kind, **parameters):
    return kind(**{"random_state": 0, "metric": "inner_product", **kind.exhaustive, **parameters})


@given(problem=problems(), exact=st.booleans())
@example(problem=(np.zeros((40, 3)), np.ones((2, 3)), 5), exact=False)
@example(problem=(np.ones((40, 3)), np.zeros((2, 3)), 5), exact=False)
@example(problem=(np.ones((1, 1)), -np.ones((1, 1)), 1), exact=True)
def test_the_largest_products_are_found_by_the_definition_ties_included(kind, dtype, problem, exact):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    index = kind(metric="inner_product", random_state=0) if exact else exhaustive(kind)
    found = index.fit(X).search(Q, k, exact=exact)
    distances, indices = naive.largest_products(X, Q, k)
    np.testing.assert_array_equal(found.indices, indices)
    np.testing.assert_array_equal(found.distances, distances)
    assert found.certified.all()


@given(problem=problems(), share=st.sampled_from((0.1, 0.4)), seed=st.integers(0, 5))
def test_a_certified_answer_is_exact(kind, dtype, problem, share, seed):
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    index = kind(metric="inner_product", random_state=seed, **dict.fromkeys(kind.exhaustive, share)).fit(X)
    found = index.search(Q, k)
    distances, indices = naive.largest_products(X, Q, k)
    np.testing.assert_array_equal(found.indices[found.certified], indices[found.certified])
    np.testing.assert_array_equal(found.distances[found.certified], distances[found.certified])


@given(seed=st.integers(0, 2**32 - 1), growth=st.lists(st.sampled_from((0.5, 1.01, 40.0, 1e6)), min_size=1, max_size=4))
def test_points_longer_than_all_before_raise_the_sphere(kind, dtype, seed, growth):
    rng = np.random.default_rng(seed)
    X, Q = rng.standard_normal((30, 4)).astype(dtype), rng.standard_normal((5, 4)).astype(dtype)
    index, ids = exhaustive(kind).fit(X), np.arange(30)
    for factor in growth:
        more = (rng.standard_normal((3, 4)) * factor).astype(dtype)
        radius = index._lift.squared_radius
        longest = (more.astype(float) ** 2).sum(axis=1).max()
        ids = np.concatenate([ids, index.insert(more)])
        X = np.concatenate([X, more])
        # The test's sum and the kernel's differ by a few units, and no factor drawn comes so near.
        if longest > radius * (1 + 2.0**-40):
            assert index._lift.squared_radius == pytest.approx(HEADROOM**2 * longest, rel=2.0**-48)
        index.delete(ids[:4])
        X, ids = X[4:], ids[4:]
        distances, indices = naive.largest_products(X, Q, 6, ids)
        found = index.search(Q, 6)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_array_equal(found.distances, distances)


def test_an_empty_index_takes_longer_points(kind):
    index = exhaustive(kind).fit(np.eye(3)).delete([0, 1, 2])
    index.insert(5 * np.eye(3))
    np.testing.assert_array_equal(index.search([[1.0, 2.0, 3.0]], 3).indices, [[5, 4, 3]])


def test_files_pickles_threads_and_rebuilds_change_no_bit(kind, dtype, tmp_path):
    X, Q = (part.astype(dtype) for part in clusters(500, 12, seed=0, queries=70))
    index = kind(metric="inner_product", random_state=0).fit(X)
    found = index.search(Q, 5)
    index.save(tmp_path / "index")
    others = [kind.load(tmp_path / "index"), pickle.loads(pickle.dumps(index)), index.set_params(n_jobs=4)]
    for other in others:
        for part, twin in zip(found, other.search(Q, 5), strict=True):
            np.testing.assert_array_equal(part, twin)
    others[0].insert(X[:3] * 9)  # the sphere that was loaded is raised like any
    assert others[0].search(Q, 5, exact=True).certified.all()


def test_the_neighbours_of_a_point_leave_it_out_wherever_it_stands(kind, dtype):
    X = clusters(40, 5, seed=1)[0].astype(dtype)
    distances, indices = exhaustive(kind).fit(X).kneighbors(n_neighbors=4)
    for own in range(40):
        others = np.delete(np.arange(40), own)
        expected = naive.largest_products(X[others], X[own : own + 1], 4, others)
        np.testing.assert_array_equal(distances[own], expected[0][0])
        np.testing.assert_array_equal(indices[own], expected[1][0])


def test_scale_changes_no_rank(dtype):
    """Powers of two are exact: queries from 2⁻¹⁰⁰ to 2¹⁰⁰ times as long as the points, and points as far apart."""
    X, Q = (part.astype(dtype) for part in clusters(300, 9, seed=2, queries=9))
    X[::2] *= dtype(2.0**40)
    plain = BruteForce(metric="inner_product").fit(X).search(Q, 8)
    for exponent in (-60, 60):
        scale = dtype(2.0**exponent)
        for rows, queries in ((X * scale, Q), (X, Q * scale)):
            found = BruteForce(metric="inner_product").fit(rows).search(queries, 8)
            np.testing.assert_array_equal(found.indices, plain.indices)
            np.testing.assert_array_equal(found.distances, plain.distances * float(scale))


@pytest.mark.parametrize("spread", [1.0, 1e6])
def test_no_product_exceeds_its_bound(dtype, spread):
    """The bound at each distance, not at the last alone: the product of a point is at most what its distance allows."""
    rng = np.random.default_rng(3)
    X = (rng.standard_normal((400, 30)) * rng.uniform(1, spread, (400, 1))).astype(dtype)
    Q = np.concatenate([X[:10], rng.standard_normal((10, 30))]).astype(dtype)
    lift = Lift.around(X, cpu)
    points, (queries, squared, exponents) = lift.points(X, cpu), lift.queries(Q, cpu)
    for row, q in enumerate(queries):
        away = np.array([naive.distance(q, x) for x in points])
        most = lift._most(np.full(400, squared[row]), away, np.full(400, exponents[row]))
        products = -naive.largest_products(X, Q[row : row + 1], 400)[0][0]
        order = naive.largest_products(X, Q[row : row + 1], 400)[1][0]
        products = np.ldexp(products, exponents[row])
        assert (products <= most[order]).all()
        # In float32 too, since a second entry makes up for the first: within a few hundred units of the terms.
        room = most[order] - products
        assert (room <= 500 * 2.0**-53 * (squared[row] + lift.squared_radius)).all()


def test_a_proof_of_products_costs_few_distances():
    X, Q = (part.astype(np.float32) for part in clusters(4000, 40, seed=4, queries=30))
    true = BruteForce(metric="inner_product").fit(X).search(Q, 10)
    found = PrincipalDCI(metric="inner_product", random_state=0).fit(X).search(Q, 10, exact=True)
    np.testing.assert_array_equal(found.indices, true.indices)
    assert found.evaluations.mean() < 0.1 * len(X)
