"""Codes of bytes on CUDA devices, in the simulator: rounding, the nearest by whole numbers, and what they prove."""

import numpy as np
import pytest
from numba import cuda

from knn import BruteForce, device_principal, device_rows
from knn.device_codes import DeviceCodes
from knn.device_principal import DevicePrincipal
from knn.kernels import cpu
from knn.kernels.cuda_codes import DEAD_CODE, coding
from knn.principal_codes import Coder
from tests.cuda.whole_numbers import STEP, by_hand, nearest_by_hand, promised, rows_of
from tests.knn.problems import clusters

pytestmark = [pytest.mark.simulator, pytest.mark.usefixtures("small_screens")]


@pytest.fixture(autouse=True)
def few_promising(monkeypatch):
    monkeypatch.setattr(device_principal, "PROMISING", {"bytes": 8, "float32": 8})


@pytest.mark.parametrize(("n", "m"), [(1, 1), (9, 4), (17, 7), (8, 64)])
def test_codes_and_losses_are_the_hosts(n, m):
    rows = rows_of(n, m, n)
    rows[0, 0] = 1e30  # clipped
    alive = np.arange(n) % 3 != 1
    codes = DeviceCodes(cuda.to_device(rows), alive, STEP)
    expected, losses = by_hand(rows)
    held = codes._kept.rows.copy_to_host()
    np.testing.assert_array_equal(held[:, :m], expected)
    assert (held[:, m:] == 0).all()
    np.testing.assert_array_equal(codes._kept.norms.copy_to_host(), np.where(alive, (expected**2).sum(1), DEAD_CODE))
    # Sums of some ten squares in another order.
    np.testing.assert_allclose(codes.loss, losses[alive].max(), rtol=m * np.finfo(float).eps)
    wide = np.zeros((n, 64))
    wide[:, :m] = rows
    host, lost = np.empty((n, 64), np.int8), np.empty(n)
    cpu.encode(wide, STEP, host, lost)
    np.testing.assert_array_equal(held, host[:, : held.shape[1]])


@pytest.mark.parametrize(("n", "m", "queries", "k"), [(1, 1, 1, 1), (9, 5, 9, 2), (40, 17, 7, 12), (33, 64, 3, 24)])
def test_the_nearest_by_codes_are_those_of_whole_numbers(n, m, queries, k):
    """Ends of tiles (8 points), of stripes, of steps of four words and of merges are crossed, and some are dead."""
    points, Q = rows_of(n, m, n), rows_of(queries, m, n + 1)
    alive = np.ones(n, bool)
    alive[1::4] = False
    k = min(k, alive.sum())
    distances, slots, losses = promised(DeviceCodes(cuda.to_device(points), alive, STEP), Q, k)
    squared, order = nearest_by_hand(points, Q, alive, k)
    np.testing.assert_array_equal(slots, order)
    np.testing.assert_array_equal(distances, np.sqrt(squared))
    np.testing.assert_allclose(losses, by_hand(Q)[1], rtol=m * np.finfo(float).eps)


def test_codes_that_tie_beyond_every_buffer_go_to_the_smaller_slot():
    points = np.repeat(np.array([[1.0, 2.0], [1.0, 2.5]], np.float32), 30, axis=0)[::-1].copy()
    Q = np.array([[1.0, 2.0], [0.0, 0.0]], np.float32)
    alive = np.ones(60, bool)
    for k in (1, 5):
        distances, slots, _ = promised(DeviceCodes(cuda.to_device(points), alive, STEP), Q, k)
        squared, order = nearest_by_hand(points, Q, alive, k)
        np.testing.assert_array_equal(slots, order)
        np.testing.assert_array_equal(distances, np.sqrt(squared))


def test_queries_beyond_the_workspace_come_in_parts(monkeypatch):
    monkeypatch.setattr(device_rows, "WORKSPACE", 1)
    points, Q = rows_of(9, 2, 3), rows_of(19, 2, 4)
    codes = DeviceCodes(cuda.to_device(points), np.ones(9, bool), STEP)
    for _again in range(2):  # buffers are used anew, and their flags must not be what they were
        np.testing.assert_array_equal(promised(codes, Q, 2)[1], nearest_by_hand(points, Q, np.ones(9, bool), 2)[1])


@pytest.mark.parametrize("k", [1, 4, 11, 30])
def test_stripes_are_merged_to_the_least_keys_and_their_ties(k):
    rng = np.random.default_rng(k)
    keys = rng.integers(-20, 20, (3, 2, 16)).astype(np.int32)
    slots = rng.permutation(96).reshape(keys.shape).astype(np.int32)
    counts = np.array([[16, 15], [0, 16], [3, 9]], np.int32)
    keys[1, 1] = 7  # all tie
    flags, few, tallies = np.zeros(3, np.int32), np.zeros((3, 16), np.int32), np.zeros((3, 1), np.int32)
    device = [cuda.to_device(part) for part in (keys, slots, counts, flags, few, tallies)]
    coding(8).merge[3, 8](*device[:3], k, 100, *device[3:])
    flags, few, tallies = (part.copy_to_host() for part in device[3:])
    for row in range(3):
        held = np.concatenate([keys[row, stripe, : counts[row, stripe]] for stripe in range(2)])
        names = np.concatenate([slots[row, stripe, : counts[row, stripe]] for stripe in range(2)])
        kept = names[held <= np.sort(held)[min(k, len(held)) - 1]]
        assert flags[row] == (len(kept) > 16)
        if not flags[row]:
            assert sorted(few[row, : tallies[row, 0]]) == sorted(kept)


def test_codes_never_exceed_distances_by_more_than_their_losses():
    """Clipped rows too, far beyond 127 steps."""
    points, Q = rows_of(30, 6, 0, extent=6.0), rows_of(8, 6, 1, extent=6.0)
    assert (np.abs(points) > 127 * STEP).any()
    codes = DeviceCodes(cuda.to_device(points), np.ones(30, bool), STEP)
    distances, slots, losses = promised(codes, Q, 30)
    true = np.sqrt(((Q[:, None].astype(np.float64) - points[slots]) ** 2).sum(axis=2))
    assert (STEP * (distances - codes.loss - losses[:, None]) <= true * (1 + 2.0**-45)).all()


def made(X, kept=None):
    coder = Coder(X, np.arange(len(X)), np.random.RandomState(0), cpu)
    return DevicePrincipal(X, np.ones(len(X), bool), coder, kept=kept)


@pytest.mark.parametrize("kept", ["bytes", "float32"])
def test_what_is_proved_is_exact_in_bytes_and_in_float32(kept, dtype):
    X, Q = (part.astype(dtype) for part in clusters(40, 9, seed=0, queries=4))
    index = made(X, kept)
    truth, found = BruteForce().fit(X).search(Q, 2), index.answer(Q, 2, 4, True)
    assert index.kept == kept
    np.testing.assert_array_equal(found.slots, truth.indices)
    np.testing.assert_array_equal(found.distances, truth.distances)
    assert 8 in found.evaluations
    some = index.answer(Q, 2, 4, False)
    np.testing.assert_array_equal(some.slots[some.proved], truth.indices[some.proved])


def test_without_the_losses_something_false_would_be_called_proved():
    """Points a step or two apart, whose order codes often mistake; two far ones make the step."""
    rng = np.random.default_rng(0)
    X, Q = rng.random((60, 3)) * 0.06, rng.random((24, 3)) * 0.06
    X[0], X[1] = -1.0, 1.0
    index = made(X, "bytes")
    truth = BruteForce().fit(X).search(Q, 2).indices

    def mistaken():
        found = index.answer(Q, 2, 2, False)
        return int((found.slots != truth).any(axis=1)[found.proved].sum())

    assert mistaken() == 0
    index._nearest.loss = -4.0  # so that the losses of both are no more than nothing
    assert mistaken() > 0


@pytest.mark.simulator_alone  # by how many points are tried there
def test_bytes_are_chosen_where_they_prove_and_float32_where_they_do_not():
    rng = np.random.default_rng(0)
    assert made(clusters(40, 9, seed=0)[0]).kept == "bytes"
    tight = np.concatenate([1e-3 * rng.standard_normal((20, 3)), 1 + 1e-3 * rng.standard_normal((20, 3))])
    assert made(tight).kept == "float32"
