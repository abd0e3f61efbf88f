"""Hashing's own: buckets and collisions against their twins, and the law by which near points collide."""

import math

import numpy as np
import pytest

from knn import LSH
from knn.kernels import cpu
from tests import naive
from tests.knn.problems import clusters


@pytest.fixture(params=["normal", "integers"])
def index(request, dtype):
    """Points of three runs, some dead."""
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((26, 4)) if request.param == "normal" else rng.integers(-2, 3, (26, 4))
    rows = rows.astype(dtype)
    index = LSH(n_tables=5, n_projections=2, width=2.0, random_state=0).fit(rows[:16])
    index.insert(rows[16:23])
    index.insert(rows[23:])
    index.delete([3, 17, 25])
    assert len(index._tables.bounds) == 4
    return index


def twin_buckets(index, rows):
    return naive.buckets(rows, index._directions, index._shifts, index._width, index.n_tables)


def test_points_share_a_key_when_they_share_a_bucket(index):
    rows = index._points.rows
    buckets = twin_buckets(index, rows)
    keys = index._tables.keys
    for table in range(5):
        for i in range(26):
            for j in range(26):
                assert (keys[table, i] == keys[table, j]) == (buckets[i][table] == buckets[j][table])


@pytest.mark.parametrize("budget", [1, 3, 9, 23])
def test_what_collides_is_what_the_twin_finds(index, budget):
    points, tables = index._points, index._tables
    queries = np.concatenate([points.rows[:4], points.rows[4:8] + 1])
    hashes = np.empty((5, 8), np.uint64)
    index._hashes(queries, hashes)
    buckets = twin_buckets(index, points.rows)
    buckets = [of_point if points.alive[i] else [None] * 5 for i, of_point in enumerate(buckets)]
    seen, out = np.zeros(26, bool), np.empty(26, np.int64)
    for row, query in enumerate(twin_buckets(index, queries)):
        of_query = np.ascontiguousarray(hashes[:, row])
        count = cpu.collide(tables.keys, tables.order, tables.bounds, points.alive, of_query, budget, seen, out)
        found = out[:count].tolist()
        assert len(set(found)) == count
        assert set(found) == naive.colliding(buckets, query, budget)
        np.testing.assert_array_equal(np.flatnonzero(seen), np.sort(found))
        seen[:] = False


def test_the_first_of_a_run_is_found_by_bisection():
    keys = np.array([7, 3, 3, 9, 2], np.uint64)
    order = np.argsort(keys, kind="stable").astype(np.int32)
    for key in range(11):
        expected = int(np.searchsorted(keys[order], key))
        assert cpu.first_of(keys, order, 0, 5, np.uint64(key)) == expected
    assert cpu.first_of(keys, order, 2, 2, np.uint64(0)) == 2


@pytest.mark.parametrize("apart", [0.5, 1.0, 3.0])
def test_points_collide_as_often_as_the_law_says(apart):
    """Datar et al. (2004), §4.1: p(c) = 1 − 2Φ(−w/c) − 2c/(√(2π) w) · (1 − exp(−w²/2c²)), over 4000 drawn functions."""
    width, draws = 2.0, 4000
    rows = np.zeros((2, 6))
    rows[1, 2] = apart
    index = LSH(n_tables=draws, n_projections=1, width=width, random_state=1).fit(rows)
    ratio = width / apart
    normal = 0.5 * math.erfc(ratio / math.sqrt(2))
    p = 1 - 2 * normal - 2 / (math.sqrt(2 * math.pi) * ratio) * (1 - math.exp(-(ratio**2) / 2))
    shared = (index._tables.keys[:, 0] == index._tables.keys[:, 1]).mean()
    # Five standard errors: a false alarm in two million draws of the seed, which is fixed.
    assert abs(shared - p) < 5 * math.sqrt(p * (1 - p) / draws)


def test_tables_are_looked_into_until_there_are_enough():
    X, Q = clusters(2000, 30, seed=2, queries=50)
    few, many = (LSH(n_projections=6, candidates=share, random_state=0).fit(X).search(Q, 5) for share in (0.01, 0.5))
    assert few.evaluations.mean() < many.evaluations.mean() < 0.5 * len(X)
    assert (few.distances >= many.distances).all()
    proved = LSH(random_state=0).fit(X).search(Q, 5, exact=True)
    assert (proved.evaluations == 2000).all()
    assert (many.distances == proved.distances).mean() > 0.8  # seeded


def test_a_query_that_shares_no_bucket_is_answered_by_nothing():
    index = LSH(width=1e-3, candidates=0.1, random_state=0).fit(np.eye(5))
    found = index.search(np.full((1, 5), 50.0), 2)
    np.testing.assert_array_equal(found.indices, [[-1, -1]])
    np.testing.assert_array_equal(found.distances, [[np.inf, np.inf]])
    assert found.evaluations[0] == 0
    assert not found.certified[0]


def test_the_width_follows_the_data_or_is_as_given(dtype):
    X = clusters(300, 10, seed=3)[0].astype(dtype)
    automatic = LSH(random_state=0).fit(X).width_
    # Other bits, another sample: of the mean of a hundred distances a third is many standard errors.
    assert 0.75 < LSH(random_state=0).fit(X * dtype(4)).width_ / (4 * automatic) < 1.33
    assert LSH(width=3, random_state=0).fit(X).width_ == 3.0
    for alike in (X[:1], np.ones((9, 2), dtype)):
        assert LSH().fit(alike).width_ == 4.0  # no distance to learn from


@pytest.mark.parametrize(
    ("width", "error"),
    [
        (0, ValueError),
        (-1.0, ValueError),
        (np.nan, ValueError),
        (np.inf, ValueError),
        ("wide", TypeError),
        (True, TypeError),
    ],
)
def test_widths_that_cannot_be(width, error):
    with pytest.raises(error, match=r"width=.*'auto'"):
        LSH(width=width).fit(np.eye(3))


@pytest.mark.parametrize("name", ["n_tables", "n_projections"])
def test_counts_that_cannot_be(name):
    with pytest.raises(ValueError, match=f"{name}=0 must be at least 1"):
        LSH(**{name: 0}).fit(np.eye(3))
