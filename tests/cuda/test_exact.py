"""Exact search on CUDA devices, in Numba's simulator, held to the CPU's answers to the bit."""

import pickle

import numpy as np
import pytest
from numba import cuda

from knn import BruteForce, device_rows, on_device
from knn.device_rows import DeviceRows
from tests.knn.problems import clusters

pytestmark = pytest.mark.simulator


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, small_rows):  # noqa: ARG001
    """All sizes count."""
    monkeypatch.setattr(on_device, "SMALL", 0)


def hold(found, X, Q, k):
    """(distances, indices) are those of the CPU."""
    truth = BruteForce().fit(X).search(Q, k)
    np.testing.assert_array_equal(found[1], truth.indices)
    np.testing.assert_array_equal(found[0], truth.distances)


@pytest.mark.parametrize(("n", "d", "queries", "k"), [(1, 1, 1, 1), (9, 17, 9, 2), (40, 5, 7, 12), (33, 70, 3, 33)])
def test_answers_are_the_hosts_to_the_bit(dtype, n, d, queries, k):
    """Ends of tiles, stripes and steps are crossed: a tile is 8 points, a step 4 coordinates, a chunk 64."""
    X, Q = (part.astype(dtype) for part in clusters(n, d, seed=n, queries=queries))
    hold(DeviceRows(X).nearest(Q, k), X, Q, k)


def test_many_that_a_screen_lets_pass_are_ranked_by_digits(monkeypatch, dtype):
    monkeypatch.setattr("knn.kernels.cuda_select.FEW", 8)
    X, Q = (part.astype(dtype) for part in clusters(40, 5, seed=9, queries=4))
    X[20:] = X[:20]
    for k in (1, 12):
        hold(DeviceRows(X).nearest(Q, k), X, Q, k)


def test_limits_as_tight_as_on_a_device_leave_no_neighbour_out(dtype):
    X, Q = (part.astype(dtype) for part in clusters(60, 4, seed=6, queries=2))
    hold(DeviceRows(X).nearest(Q, 3), X, Q, 3)


def test_points_that_tie_beyond_every_buffer_are_ranked_by_the_definition(dtype, monkeypatch):
    """All keys are within the margin of the k-th: what no buffer holds is measured, and ties go to the smaller slot."""
    monkeypatch.setattr(device_rows, "ROOMS", (1,))
    X = np.repeat(np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 4.0]], dtype), 30, axis=0)[::-1].copy()
    Q = np.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], dtype)
    hold(DeviceRows(X).nearest(Q, 1), X, Q, 1)
    hold(DeviceRows(X).nearest(Q, 5), X, Q, 5)


@pytest.mark.parametrize(("offset", "scale"), [(1e4, 1.0), (0.0, 1e30), (3.0, 1e-30)])
def test_offsets_and_scales_move_no_answer(dtype, offset, scale):
    X, Q = (((part + offset) * scale).astype(dtype) for part in clusters(19, 6, seed=1, queries=3))
    hold(DeviceRows(X).nearest(Q, 4), X, Q, 4)


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_queries_of_another_width_than_the_points_are_answered_to_the_bit(dtype, offset):
    """Around an offset float64 queries lie between the numbers that float32 has there, which a screen must not mind."""
    other = np.float64 if dtype == np.float32 else np.float32
    X, Q = np.random.default_rng(7).standard_normal((2, 90, 2)) + offset
    X, Q = X.astype(dtype), Q[:24].astype(other)
    hold(DeviceRows(X).nearest(Q, 1), X, Q, 1)


def test_rows_beyond_the_devices_memory_pass_in_portions(dtype):
    X, Q = (part.astype(dtype) for part in clusters(21, 3, seed=2, queries=4))
    X[20] = X[0]  # equally far, portions apart
    hold(DeviceRows(X, portion=8).nearest(Q, 3), X, Q, 3)


def test_rows_beyond_the_numbers_of_slots_pass_in_portions(monkeypatch):
    monkeypatch.setattr(device_rows, "SLOTS", 8)
    X, Q = clusters(21, 3, seed=2, queries=4)
    for points in (X, cuda.to_device(X)):
        rows = DeviceRows(points)
        assert rows._portion == 8
        hold(rows.nearest(Q, 3), X, Q, 3)


def test_queries_beyond_the_workspace_come_in_parts(monkeypatch):
    monkeypatch.setattr(device_rows, "WORKSPACE", 1)
    X, Q = clusters(9, 2, seed=3, queries=19)
    hold(DeviceRows(X).nearest(Q, 2), X, Q, 2)


def test_arrays_on_the_device_are_answered_there():
    X, Q = (part.astype(np.float32) for part in clusters(12, 3, seed=4, queries=3))
    index = BruteForce(device="cuda").fit(cuda.to_device(X))
    found = index.search(cuda.to_device(Q), 2)
    assert not isinstance(found.indices, np.ndarray)
    hold((found.distances.copy_to_host(), found.indices.copy_to_host()), X, Q, 2)
    assert found.certified.copy_to_host().all()
    index.delete([3, 4, 5, 6]).insert(X[:2])  # slots are ids no more
    assert index._given is None
    there, here = index.search(cuda.to_device(Q), 9), index.search(Q, 9)
    np.testing.assert_array_equal(there.indices.copy_to_host(), here.indices)
    np.testing.assert_array_equal(there.distances.copy_to_host(), here.distances)
    assert {12, 13} <= set(here.indices.ravel())
    assert not {3, 4, 5, 6} & set(here.indices.ravel())


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "inner_product"])
def test_an_index_on_the_device_is_the_hosts_in_every_metric(metric):
    X, Q = clusters(14, 4, seed=5, queries=3)
    device, host = (BruteForce(device=where, metric=metric).fit(X) for where in ("cuda", "cpu"))
    for here, there in zip(host.delete([2]).search(Q, 3), device.delete([2]).search(Q, 3), strict=True):
        np.testing.assert_array_equal(there, here)
    again = pickle.loads(pickle.dumps(device))
    np.testing.assert_array_equal(again.search(Q, 3).indices, host.search(Q, 3).indices)


def test_small_searches_stay_on_the_host_and_the_index_says_so(monkeypatch):
    index = BruteForce(device="cuda").fit(np.eye(4))
    assert index.serves(10) == "cuda"
    monkeypatch.setattr(on_device, "SMALL", 161)
    assert index.serves(10) == "cpu"
    assert index.serves(11) == "cuda"


def test_queries_that_are_no_numbers_find_nothing_and_points_are_refused():
    X = np.eye(5)
    Q = np.array([[np.nan, 0, 0, 0, 0], [1, 0, 0, 0, 0]])
    distances, slots = (part.copy_to_host() for part in DeviceRows(X).nearest(cuda.to_device(Q), 2))
    assert (slots[0] == -1).all()
    assert np.isinf(distances[0]).all()
    assert slots[1, 0] == 0
    for scale, far in ((1.0, 1e300), (1e148, 1e160)):  # the latter is not far out in the scale of the points
        queries = cuda.to_device(np.append(Q * scale, [[far] * 5], axis=0))
        found = BruteForce(device="cuda").fit(X * scale).search(queries, 2)
        assert found.certified.copy_to_host().tolist() == [False, True, False]
        assert (found.indices.copy_to_host()[[0, 2]] == -1).all()
    X[3, 1] = np.inf
    with pytest.raises(ValueError, match=r"X: row 3 .*finite.*drop"):
        DeviceRows(cuda.to_device(X))


@pytest.mark.parametrize(
    ("values", "error", "fragment"),
    [
        (np.ones((2, 3), np.float16), TypeError, "Q is float16 on the device: cast"),
        (np.ones(3), ValueError, "Q has shape \\(3,\\)"),
        (np.ones((2, 4)), ValueError, "Q has 4 features, and 3 are needed"),
        (np.ones((3, 3), order="F"), ValueError, "Q is not contiguous on the device"),
    ],
)
def test_arrays_on_the_device_are_looked_at_by_the_door(values, error, fragment):
    with pytest.raises(error, match=fragment):
        DeviceRows(np.ones((2, 3))).nearest(cuda.to_device(values), 1)


def test_an_index_of_the_host_refuses_arrays_of_the_device():
    with pytest.raises(ValueError, match=r"memory of a GPU.*set device='cuda'"):
        BruteForce().fit(np.eye(3)).search(cuda.to_device(np.eye(3)), 1)
