"""Exact search that looks at halves first: its margins hold, and what halves cannot tell is looked at again."""

import numpy as np
import pytest
from numba import config, cuda

from knn import BruteForce, device_portions, device_rows
from knn.device_rows import DeviceRows
from knn.kernels.cuda_halves import AGAIN, ALL, FIRST, TOP, scale_of
from tests.cuda.truth import hold, hold_keys, workspace
from tests.knn.problems import clusters

pytestmark = pytest.mark.simulator


@pytest.fixture(autouse=True)
def small_blocks(small_rows):
    """All sizes count; over the stand-in blocks are as large as on a device."""


def flags(rows, queries):
    return workspace(rows)[2][:queries]


def normal(n, d, seed, kind=np.float32):
    return np.random.default_rng(seed).standard_normal((n, d)).astype(kind)


SORTS = {
    "normal": lambda n, d, kind: normal(n, d, 1, kind),
    "all of one sign": lambda n, d, kind: np.abs(normal(n, d, 2, kind)) + kind(0.5),
    "of all magnitudes": lambda n, d, kind: (normal(n, d, 3) * 10.0 ** np.arange(-9, d - 9).clip(-9, 0)).astype(kind),
    "one long row": lambda n, d, kind: np.append(normal(n - 1, d, 4, kind), np.full((1, d), 1e4, kind), axis=0),
    "whole numbers": lambda n, d, kind: np.round(50 * normal(n, d, 5, kind)),
    "tiny": lambda n, d, kind: normal(n, d, 6, kind) * kind(1e-18),
    "huge": lambda n, d, kind: normal(n, d, 7, kind) * kind(1e8),
}  # fmt: skip


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("d", [4, 37])
def test_keys_of_halves_are_right_to_their_margins(sort, d, dtype):
    """All keys are kept where as many neighbours as points are asked for; each is held to one in whole numbers."""
    X, Q = (SORTS[sort](n, d, dtype) for n in (19, 5))
    rows = DeviceRows(X)
    assert hold_keys(rows, Q) > 0 or sort == "whole numbers"
    halves, points = rows._kept.halves, rows._kept.seen.copy_to_host().astype(np.longdouble)
    assert np.sqrt(((points * halves.scale) ** 2).sum(axis=1)).max() <= halves.radius <= 2**TOP


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("d", [4, 37])
def test_keys_of_the_rows_themselves_are_right_to_their_margins(sort, d, dtype, monkeypatch):
    monkeypatch.setattr(device_rows, "matrices", lambda: False)
    X, Q = (SORTS[sort](n, d, dtype) for n in (19, 5))
    share = hold_keys(DeviceRows(X), Q)
    assert share > 0 or sort == "whole numbers"


@pytest.mark.parametrize("halved", [True, False], ids=["halves", "rows"])
@pytest.mark.parametrize("other", [np.float32, np.float64], ids=lambda kind: f"{kind.__name__} queries")
def test_rows_are_seen_no_farther_from_where_they_are_than_the_margin_says(halved, other, dtype, monkeypatch):
    """Around an offset, which is taken off, and far from it."""
    if not halved:
        monkeypatch.setattr(device_rows, "matrices", lambda: False)
    X, Q = 1e3 + normal(19, 5, 1, np.float64), 1e3 + normal(5, 5, 2, np.float64)
    Q[3:] += [[300.0], [1e6]]
    X, Q = X.astype(dtype), Q.astype(other)
    rows = DeviceRows(X)
    rows.nearest(Q, 3)
    seen, margins, _, _, _, _, _, *halves = workspace(rows)
    kept, scale = rows._kept, rows._seeing.scale * (rows._kept.halves.scale if halved else 1.0)
    delta = (halves[2] if halved else margins)[:5, 2]
    there = kept.seen.copy_to_host().astype(np.longdouble) * (kept.halves.scale if halved else 1.0)
    asked = seen[:5].astype(np.longdouble) * (kept.halves.scale if halved else 1.0)
    moved = (there[None] - asked[:, None]) - scale * (X.astype(np.longdouble)[None] - Q.astype(np.longdouble)[:, None])
    moved = np.sqrt((moved**2).sum(axis=2)).max(axis=1)
    assert (moved <= delta).all()
    assert moved[-1] > delta[-1] / 100 or dtype == np.float64  # whose rows are centred without an error


def test_halves_of_whole_numbers_lose_nothing_and_others_a_thousandth():
    whole = DeviceRows(SORTS["whole numbers"](30, 8, np.float32))._kept.halves
    assert whole.loss == 0
    other = DeviceRows(normal(30, 8, 0))._kept.halves
    assert 2.0**-13 < other.loss / other.radius < 2.0**-11


def test_scales_are_powers_of_two_up_to_the_ends_of_the_type():
    assert [scale_of(radius) for radius in (0.0, 1.0, 4096.0, 4095.0, 2.0**-300)] == [1.0, 2048.0, 0.5, 1.0, 2.0**311]


@pytest.mark.parametrize("n", [20, 70])
def test_points_nearer_together_than_halves_can_tell_are_told_apart(n, dtype):
    """All keys of halves are alike; 20 fit into the buffers, and of 70 the products of the rows themselves decide."""
    rng = np.random.default_rng(n)
    X = (1 + rng.permutation(n)[:, None] * np.full(6, 2.0**-18)).astype(dtype)
    X[:, 0] *= -1  # around the origin, so that they are used as they are
    Q = np.append(X[:3] + 2.0**-21, -X[:3], axis=0).astype(dtype)
    rows = DeviceRows(np.append(X, -X, axis=0))
    hold(rows.nearest(Q, 4), np.append(X, -X, axis=0), Q)


def test_clusters_far_apart_are_looked_at_again_and_ordinary_rows_once(monkeypatch, dtype):
    monkeypatch.setattr(device_rows, "ROOMS", (1,))  # so that a cluster fills a buffer
    monkeypatch.setattr(device_rows, "BLOCKS", 1)
    rng, many = np.random.default_rng(3), 60 if config.ENABLE_CUDASIM else 300
    X = np.repeat(100 * rng.standard_normal((2, 5)), many, axis=0) + rng.standard_normal((2 * many, 5))
    X, Q = X.astype(dtype), (X[:: many // 2] + 0.1).astype(dtype)
    tight = DeviceRows(X)
    hold(tight.nearest(Q, 3), X, Q)
    assert (flags(tight, len(Q)) == AGAIN).all()
    X, Q = normal(120, 5, 4, dtype), normal(5, 5, 5, dtype)
    ordinary = DeviceRows(X)
    hold(ordinary.nearest(Q, 3), X, Q)
    assert (flags(ordinary, 5) == FIRST).all()


def test_a_query_far_out_is_looked_at_again_and_one_that_is_no_number_finds_nothing():
    X = normal(30, 5, 6, np.float64)
    Q = np.append(normal(2, 5, 7, np.float64), [[1e40] * 5, [1e200] * 5, [np.nan] * 5], axis=0)
    rows = DeviceRows(X)
    found = [part.copy_to_host() for part in rows.nearest(cuda.to_device(Q), 2)]
    hold([part[:3] for part in found], X, Q[:3])
    assert flags(rows, 5).tolist() == [FIRST, FIRST, AGAIN, ALL, ALL]
    assert (found[1][4] == -1).all()


def test_the_dead_are_no_neighbours_and_decide_on_no_scale(dtype):
    X = normal(40, 5, 8, dtype)
    X[7] = 1e15
    alive = np.arange(40) % 7 != 0
    rows = DeviceRows(X, alive)
    assert rows._kept.halves.loss / rows._kept.halves.radius < 2.0**-10
    distances, slots = rows.nearest(X, 3)
    kept = np.flatnonzero(alive)
    truth = BruteForce().fit(X[kept]).search(X, 3)
    np.testing.assert_array_equal(slots, kept[truth.indices])
    np.testing.assert_array_equal(distances, truth.distances)


def test_rows_are_answered_alike_without_such_instructions(monkeypatch, dtype):
    monkeypatch.setattr(device_rows, "matrices", lambda: False)
    X, Q = (part.astype(dtype) for part in clusters(40, 5, seed=9, queries=7))
    rows = DeviceRows(X)
    assert rows._kept.halves is None
    hold(rows.nearest(Q, 12), X, Q)
    assert len(workspace(rows)) == 7


@pytest.mark.parametrize("ratio", [1.0, 100.0, 1e4, 1e5])
def test_queries_far_from_all_points_are_served_at_once(ratio, dtype):
    """Their keys span little of the distance to them, which the limit of a buffer has to tell apart all the same."""
    X = normal(500, 4, 10, dtype)
    Q = (ratio * np.linalg.norm(X, axis=1).max() * np.eye(4)[:2]).astype(dtype)
    rows = DeviceRows(X)
    hold(rows.nearest(Q, 3), X, Q)
    assert (flags(rows, 2) != ALL).all()


def test_older_devices_multiply_thread_by_thread(monkeypatch):
    monkeypatch.setattr(config, "ENABLE_CUDASIM", False)
    for capability, has in (((7, 5), False), ((8, 0), True), ((9, 0), True)):
        device = type("Device", (), {"compute_capability": capability})
        monkeypatch.setattr(cuda, "get_current_device", lambda device=device: device)
        assert device_portions.matrices() is has
