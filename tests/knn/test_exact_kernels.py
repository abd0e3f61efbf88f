"""The ways in which brute force looks at points, each held to the naive twin by itself."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from knn import BruteForce, codes
from knn.kernels import cpu, panels
from knn.kernels.jit import jit
from tests import naive
from tests.knn.problems import clusters, problems


def assert_nearest(best, X, Q, k, alive):
    """The heaps `best` hold the k nearest of the living by the definition."""
    cpu.ascending(*best)
    distances, indices = naive.neighbours(X[alive], Q, min(k, alive.sum()), ids=np.flatnonzero(alive))
    np.testing.assert_array_equal(best[0][:, : indices.shape[1]], distances)
    np.testing.assert_array_equal(best[1][:, : indices.shape[1]], indices)
    assert (best[1][:, indices.shape[1] :] == -1).all()


@given(problem=problems(), seed=st.integers(0, 2**32 - 1))
def test_narrow_rows_are_scanned_by_the_definition(dtype, problem, seed):
    X, Q, k = problem[0][:, :15].astype(dtype), problem[1][:, :15].astype(dtype), problem[2]
    alive = np.random.default_rng(seed).random(len(X)) < 0.8
    best = cpu.empty_heaps(len(Q), k)
    cpu.scan_narrow(X, alive, Q.astype(np.float64), *best)
    assert_nearest(best, X, Q, k, alive)


def test_narrow_rows_of_several_tiles_are_scanned(dtype):
    X, Q = (part.astype(dtype) for part in clusters(700, 3, seed=0, queries=5))
    alive = np.arange(700) % 3 != 0
    best = cpu.empty_heaps(5, 300)
    cpu.scan_narrow(X, alive, Q.astype(np.float64), *best)
    assert_nearest(best, X, Q, 300, alive)


@pytest.mark.parametrize("steps", [1, 5])
def test_products_of_panels_are_those_of_whole_numbers(steps):
    rng = np.random.default_rng(steps)
    u, b = rng.integers(0, 256, (64, 4 * steps)), rng.integers(-128, 128, (24, 4 * steps))
    stored = u.reshape(4, 16, steps, 4).transpose(0, 2, 1, 3).reshape(4, steps, 64).astype(np.uint8)
    queries = b.astype(np.int8).view(np.int32)
    out = np.zeros((24, 96), np.int32)
    multiply(stored, queries, out)
    np.testing.assert_array_equal(out[:, 32:], b @ u.T)
    assert not out[:, :32].any()
    plain, singly = np.zeros((2, 24, 96), np.int32)
    getattr(multiply, "py_func", multiply)(stored, queries, plain)
    multiply_singly(stored, queries, singly)
    np.testing.assert_array_equal(plain, out)
    np.testing.assert_array_equal(singly, out)


@jit
def multiply(stored, queries, out):
    for row in (0, 12):
        for block in (0, 2):
            panels.panel_products(stored, block, queries, row, out, 32 + 16 * block)


@jit
def multiply_singly(stored, queries, out):
    for row in range(24):
        for block in (0, 2):
            panels.line_products(stored, block, queries, row, out, 32 + 16 * block)


def coded_search(coded, X, Q, k):
    best = cpu.empty_heaps(len(Q), k)
    coded.search(X, Q.astype(np.float64), best, cpu)
    return best


@given(problem=problems(), seed=st.integers(0, 2**32 - 1), learnt=st.integers(1, 24))
def test_codes_leave_out_no_neighbour(dtype, problem, seed, learnt):
    """Whatever points centre and step were chosen on, with points that came later and points that died."""
    X, Q, k = problem[0].astype(dtype), problem[1].astype(dtype), problem[2]
    centre, inverse = codes._placed(X[:learnt].astype(np.float64))
    assume(codes.MODERATE[0] < inverse < codes.MODERATE[1])
    alive = np.random.default_rng(seed).random(len(X)) < 0.8
    coded = codes.Codes(X[:learnt], alive[:learnt], centre, inverse, cpu)
    coded.extend(X[learnt:], cpu)
    coded.kill(np.flatnonzero(~alive), cpu)
    assert_nearest(coded_search(coded, X, Q, k), X, Q, k, alive)


def test_codes_of_several_tiles_leave_out_no_neighbour(dtype):
    X, Q = (part.astype(dtype) for part in clusters(900, 20, seed=1, queries=25))
    coded = codes.Codes(X, np.ones(900, bool), *codes._placed(X.astype(np.float64)), cpu)
    for k, n_queries in ((1, 25), (40, 25), (700, 2), (9, 1)):
        assert_nearest(coded_search(coded, X, Q[:n_queries], k), X, Q[:n_queries], k, np.ones(900, bool))


@pytest.mark.parametrize("name", ["tighten", "settle"])
@given(
    nearest=st.integers(1, 64), delta=st.integers(0, 16), error=st.integers(0, 64), far=st.integers(0, 64),
    finer=st.integers(30, 60),
)  # fmt: skip
def test_what_rounding_can_hide_of_a_neighbour_is_kept_and_nothing_beyond(
    name, dtype, nearest, delta, error, far, finer
):
    """The worst that the margins allow, in rationals: the neighbour's key too small by E, its distance by δ; the point
    as near as it by the definition, whose every distance is off by a share ε, farther by δ and its key larger by E."""
    delta, error, far, epsilon = Fraction(delta, 16), Fraction(error, 16), Fraction(far, 8), Fraction(1, 2**finer)
    margins = np.array([[float(far**2), float(error), float(delta), float(epsilon), 1.0]])
    centred = Fraction(nearest, 8)
    first = centred**2 - far**2 - error  # the key of the neighbour
    distance = centred + delta
    keys, slots, counts = np.array([[first, np.inf]], dtype), np.array([[0, 1]]), np.array([2])
    thresholds = np.full(1, np.inf, dtype)
    if name == "tighten":
        assume(keys[0, 0] == first)
        cpu.tighten(keys, slots, counts, thresholds, margins, 1, 1)
    else:
        X = np.array([[float(distance)]])
        best = cpu.empty_heaps(1, 1)
        cpu.settle(X, np.zeros((1, 1)), slots, np.array([1]), *best, thresholds, margins)
    last = (distance * (1 + epsilon) / (1 - epsilon) + delta) ** 2 - far**2 + error
    ulp = 16 * Fraction(float(np.finfo(dtype).eps)) * (last + 2 * far**2 + 2 * error)  # some 16 roundings, upwards
    assert last <= Fraction(float(thresholds[0])) <= last + ulp


def test_images_are_coded_without_loss():
    X = np.random.default_rng(2).integers(0, 256, (200, 50)).astype(np.float32)
    X[0, 0], X[1, 0] = 0, 255
    centre, inverse = codes._placed(X.astype(np.float64))
    assert inverse == 1.0
    assert codes.Codes(X, np.ones(200, bool), centre, inverse, cpu).error == 0.0


def test_codes_are_made_where_they_pay(monkeypatch):
    rng = np.random.default_rng(3)
    monkeypatch.setattr(cpu, "multiplies_bytes", lambda: True)
    monkeypatch.setattr(codes, "LEAST", 600)
    alive = np.ones(600, bool)
    assert codes.Codes.of(rng.integers(0, 256, (600, 40)).astype(float), alive, cpu) is not None
    assert codes.Codes.of(rng.standard_normal((600, 12)), alive, cpu) is None
    assert codes.Codes.of(rng.standard_normal((599, 40)), alive[:599], cpu) is None
    assert codes.Codes.of(np.ones((600, 40)), alive, cpu) is None
    # Neighbours a thousandth of a step apart: no code tells them from each other.
    clumps = np.repeat(rng.standard_normal((6, 40)), 100, axis=0) + 1e-6 * rng.standard_normal((600, 40))
    assert codes.Codes.of(clumps, alive, cpu) is None
    monkeypatch.setattr(cpu, "multiplies_bytes", lambda: False)
    assert codes.Codes.of(rng.integers(0, 256, (600, 40)).astype(float), alive, cpu) is None


def test_brute_force_by_codes_answers_far_queries_and_changes(monkeypatch, dtype):
    """Some queries by codes, some not; insertions, deletions and another centre in between."""
    monkeypatch.setattr(cpu, "multiplies_bytes", lambda: True)
    monkeypatch.setattr(codes, "LEAST", 100)
    monkeypatch.setattr(codes, "LEFT_OVER", 1.0)
    X, Q = (part.astype(dtype) for part in clusters(240, 20, seed=4, queries=20))
    Q[::3] += 1e3
    index, alive = BruteForce().fit(X[:200]), np.arange(240)
    assert index._codes is not None
    assert 0 < index._codes.near(Q.astype(np.float64)).sum() < len(Q)
    index.insert(X[200:])
    for gone in (np.arange(0, 30), np.arange(30, 120)):
        found = index.search(Q, 6)
        distances, indices = naive.neighbours(X[alive], Q, 6, ids=alive)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_array_equal(found.distances, distances)
        index.delete(gone)
        alive = np.setdiff1d(alive, gone)


def test_queries_wider_than_the_points_are_not_rounded_to_the_width_of_an_offset():
    """Points of float32 around a large offset: float64 queries lie between the numbers that float32 has there."""
    rng = np.random.default_rng(5)
    for offset, scale in ((1e6, 1.0), (100.0, 1e-4), (0.0, 1e-30)):
        X = (offset + scale * rng.standard_normal((400, 20))).astype(np.float32)
        Q = offset + scale * rng.standard_normal((40, 20))
        found = BruteForce().fit(X).search(Q, 3)
        distances, indices = naive.neighbours(X, Q, 3)
        np.testing.assert_array_equal(found.indices, indices)
        np.testing.assert_array_equal(found.distances, distances)
