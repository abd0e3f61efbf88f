"""Each kernel against its slow twin, at sizes that run in seconds with NUMBA_DISABLE_JIT=1 as well."""

import math
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from knn.kernels import cpu
from knn.kernels.cpu_heap import offer
from knn.kernels.jit import cache_folder
from knn.kernels.lanes import lane_sum
from knn.points import grown
from knn.projections import Projections, random_directions
from knn.screening import Screen
from tests import naive


@pytest.mark.parametrize("d", [1, 15, 16, 17, 63, 64, 65, 128, 150])
def test_the_definition_is_its_twin_bit_for_bit(d, dtype):
    rng = np.random.default_rng(d)
    for scale in (1.0, 1e30, 1e-30):
        q, x = rng.standard_normal(d) * scale, (rng.standard_normal(d) * scale).astype(dtype)
        assert math.sqrt(cpu.definition_sum(q, x)) == naive.distance(q, x)


def test_sixteen_lanes_uncompiled_are_the_sums_of_the_definition(dtype):
    """The Python form of the sum, which serves when the JIT is off; the compiled one is held to the twin above."""
    rng = np.random.default_rng(0)
    q, x = rng.standard_normal(80), rng.standard_normal(80).astype(dtype)
    assert math.sqrt(lane_sum(q, x, 0, 64) + lane_sum(q, x, 64, 80)) == naive.distance(q, x)
    assert math.sqrt(lane_sum(q, x, 3, 51)) == naive.distance(q[3:51], x[3:51])
    assert lane_sum(q, x, 7, 7) == 0.0


def test_a_heap_keeps_the_best_and_sorts_them_by_distance_then_slot():
    rng = np.random.default_rng(1)
    for k in (1, 2, 7, 30):
        distances, slots = cpu.empty_heaps(1, k)
        offered = [(float(d), int(s)) for d, s in zip(rng.integers(0, 6, 25), rng.permutation(25), strict=True)]
        for distance, slot in offered:
            offer(distances[0], slots[0], distance, slot)
        cpu.ascending(distances, slots)
        expected = (sorted(offered) + [(np.inf, -1)] * k)[:k]
        assert list(zip(distances[0].tolist(), slots[0].tolist(), strict=True)) == expected


def test_the_kth_smallest_is_that_of_the_sorted():
    rng = np.random.default_rng(2)
    for n in (1, 2, 3, 10, 101):
        for values in (rng.standard_normal(n), rng.integers(0, 3, n).astype(np.float32), np.sort(rng.random(n))):
            before = values.copy()
            for k in {1, (n + 1) // 2, n}:
                assert cpu.kth_smallest(values, k) == np.sort(values)[k - 1]
            np.testing.assert_array_equal(values, before)


def test_projections_do_not_depend_on_the_rows_around(dtype):
    rng = np.random.default_rng(3)
    X, directions = rng.standard_normal((12, 5)).astype(dtype), random_directions(np.random.RandomState(0), 5, 6)
    together = np.empty((6, 12), dtype)
    cpu.project(X, directions, together)
    np.testing.assert_array_equal(together, naive.projections(X, directions, dtype))
    for row in range(12):
        alone = np.empty((6, 1), dtype)
        cpu.project(X[row : row + 1], directions, alone)
        np.testing.assert_array_equal(alone[:, 0], together[:, row])
    np.testing.assert_allclose(np.linalg.norm(directions, axis=0), 1, rtol=0, atol=9 * 2.0**-53)  # (d + 4) roundings


@pytest.mark.parametrize("m", [1, 3, 4, 9])
def test_largest_gaps(m, dtype):
    rng = np.random.default_rng(m)
    projections, q = rng.standard_normal((m, 30)).astype(dtype), rng.standard_normal(m).astype(dtype)
    penalty = np.where(rng.random(30) < 0.2, np.inf, 0).astype(dtype)
    gaps, some = np.empty(30, dtype), np.arange(0, 30, 3)
    cpu.largest_gaps(projections, q, penalty, gaps)
    expected = np.abs(projections - q[:, None]).max(axis=0)
    np.testing.assert_array_equal(gaps, np.where(penalty > 0, np.inf, expected))
    of_some = np.empty(len(some), dtype)
    cpu.gaps_of(projections, some, q, of_some)
    np.testing.assert_array_equal(of_some, expected[some])


@pytest.fixture(params=["normal", "integers"])
def lists(request, dtype):
    """A composite index of three runs with dead points, and a query: (projections, alive, q)."""
    rng = np.random.default_rng(7)
    rows = rng.standard_normal((26, 4)) if request.param == "normal" else rng.integers(-2, 3, (26, 4)).astype(float)
    directions = random_directions(np.random.RandomState(1), 4, 3)
    if request.param == "integers":
        directions = rng.integers(-1, 2, (4, 3)).astype(float)
    projections = Projections(rows[:16].astype(dtype), directions, cpu)
    for start, stop in ((16, 23), (23, 26)):
        projections.extend(rows[start:stop].astype(dtype), cpu)
    assert len(projections.bounds) == 4
    alive = np.ones(26, bool)
    alive[[3, 17, 25]] = False
    return projections, alive, projections.keys[:, 5] + dtype(0.25)


def test_visits_within_a_radius_are_counted(lists):
    projections, alive, q = lists
    dead = np.flatnonzero(~alive)
    gaps = np.abs(projections.keys[:, :26] - q[:, None])[:, alive]
    for radius in [gaps.dtype.type(0), *np.sort(gaps, axis=None)[::7], gaps.dtype.type(np.inf)]:
        visits = cpu.visits_within(projections.keys, projections.order, projections.bounds, dead, q, radius)
        assert visits == (gaps <= radius).sum()


def test_scan_and_queue_find_the_candidates_of_the_twin(lists):
    """The papers' queue, the scan with a threshold and the sorted list of all entries agree for every budget."""
    projections, alive, q = lists
    keys, order, bounds = projections.keys, projections.order, projections.bounds
    living, dead = np.flatnonzero(alive), np.flatnonzero(~alive)
    penalty = np.where(alive, 0, np.inf).astype(keys.dtype)
    gaps = np.empty((1, 26), keys.dtype)
    cpu.largest_gaps(keys, q, penalty, gaps[0])
    for visits in (1, 5, 20, 40, 60, 69):
        for wanted in (1, 2, 8, 22, 23):
            complete, last = naive.prioritized_candidates(keys[:, living], q, visits, wanted)
            expected = living[complete]
            budgets = np.array([visits, wanted])
            popped = np.empty(26, np.int64)
            count, reach = cpu.pop_complete(keys, order, bounds, alive, q, budgets, popped)
            np.testing.assert_array_equal(np.sort(popped[:count]), np.sort(expected))
            assert (np.diff(gaps[0][popped[:count]]) >= 0).all()  # nearest first, by max |⟨u, x − q⟩|
            threshold = cpu.complete(keys, order, bounds, dead, q, gaps[0], budgets)
            slots, lower = np.empty(26, np.int64), np.empty(26, keys.dtype)
            count = cpu.within(gaps, np.array([threshold]), slots, lower)
            np.testing.assert_array_equal(slots[:count], np.sort(expected))
            np.testing.assert_array_equal(lower[:count], gaps[0][slots[:count]])
            if len(expected) < len(living):
                assert reach == last == threshold


def test_dci_finds_the_candidates_of_the_twin(lists):
    projections, alive, q = lists
    keys, order, bounds = projections.keys, projections.order, projections.bounds
    living, dead = np.flatnonzero(alive), np.flatnonzero(~alive)
    for visits in (1, 4, 11, 22, 23):
        expected = living[naive.dci_candidates(keys[:, living], q, visits)]
        radii, found = np.empty(3, keys.dtype), np.empty(26, np.int64)
        cpu.radii_of_visits(keys, order, bounds, dead, q, visits, radii)
        count = cpu.inside(keys, order, bounds, alive, q, radii, found)
        np.testing.assert_array_equal(np.sort(found[:count]), expected)
    assert len(expected) == len(living)


def test_merged_runs_are_the_sorted_whole(dtype):
    keys = np.random.default_rng(4).integers(0, 5, (3, 20)).astype(dtype)
    order = np.argsort(keys[:, :13], axis=1, kind="stable").astype(np.int32)
    order = np.concatenate([order, 13 + np.argsort(keys[:, 13:], axis=1, kind="stable").astype(np.int32)], axis=1)
    cpu.merge_runs(keys, order, 0, 13, 20)
    np.testing.assert_array_equal(order, np.argsort(keys, axis=1, kind="stable"))


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_no_near_point_is_screened_out_by_the_worst_rounding(offset, dtype):
    """Keys moved to the ends of their error, as any BLAS might: the survivors still hold the k nearest."""
    rng = np.random.default_rng(5)
    X = (rng.integers(-2, 3, (60, 9)) + offset).astype(dtype)
    Q, k = (rng.standard_normal((5, 9)) + offset).astype(dtype), 4
    screen = Screen(X, np.ones(60, bool), cpu)
    seen = screen.seen(Q, cpu)
    margins = screen.margins(seen, cpu)
    points = screen.seen(X, cpu).astype(np.float64)
    true_keys = (points**2).sum(axis=1) - 2 * seen.astype(np.float64) @ points.T
    near = naive.neighbours(X, Q, k)[1]
    for push in (rng.uniform(-1, 1, (5, 60)), np.full((5, 60), -1.0)):
        for row in range(5):
            push[row, near[row]] = 1  # the true neighbours look as far as they may
        # A quarter of the margin is left for the roundings that these keys meet besides: the cast here, the addition.
        dots = (true_keys + 0.75 * push * margins[:, 1:2] - screen.norms).astype(dtype)
        keys, slots = np.empty((5, 80), dtype), np.empty((5, 80), np.int64)
        counts, thresholds = np.zeros(5, np.int64), np.full(5, np.finfo(dtype).max, dtype)
        best = cpu.empty_heaps(5, k)
        cpu.collect(dots, screen.norms, 0, thresholds, keys, slots, counts)
        assert (counts == 60).all()
        cpu.tighten(keys, slots, counts, thresholds, margins, k, k)
        cpu.settle(X, Q.astype(np.float64), slots, counts, *best, thresholds, margins)
        cpu.ascending(*best)
        np.testing.assert_array_equal(best[1], near)


def test_numbers_below_the_least_normal_one_are_scaled_without_overflow():
    """The largest power of two that float32 has still makes them moderate."""
    X = (np.random.default_rng(6).standard_normal((40, 9)) * 1e-43).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        screen = Screen(X, np.ones(40, bool), cpu)
    assert screen.scale == 2.0**127
    np.testing.assert_array_equal(screen.seen(X, cpu) * 2.0**-127, X.astype(np.float64) - screen.centre)
    assert screen.sound(screen.seen(X, cpu)).all()


def test_arrays_grow_by_doubling_and_keep_what_they_hold():
    array = np.arange(6.0).reshape(2, 3)
    assert grown(array, 3, 3, axis=1) is array
    longer = grown(array, 3, 4, axis=1)
    assert longer.shape == (2, 6)
    np.testing.assert_array_equal(longer[:, :3], array)


def test_machine_code_is_kept_by_the_sources_it_was_made_of(tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "cache"))
    sources = tmp_path / "kernels"
    sources.mkdir()
    (sources / "a.py").write_text("one")
    cache_folder.cache_clear()
    first = cache_folder(sources)
    assert Path(first).is_relative_to(tmp_path / "cache")
    (sources / "b.py").write_text("helper")
    cache_folder.cache_clear()
    assert cache_folder(sources) != first
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "own"))
    cache_folder.cache_clear()
    assert cache_folder(sources) == str(tmp_path / "own")
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: str(tmp_path / "file"))
    cache_folder.cache_clear()
    assert cache_folder(sources) is None
    cache_folder.cache_clear()


LIGHT = """
import sys
import knn
assert not {"numba", "sklearn", "numpy"} & set(sys.modules), "import knn loads more than it needs"
from knn import BruteForce, PrioritizedDCI, indexes
list(indexes)
import knn.kernels.cpu as cpu
heavy = {"torch", "ot", "matplotlib", "numba.cuda", "numba_cuda", "flint"} & set(sys.modules)
assert not heavy, heavy
compiled = [name for name in cpu.__all__ if getattr(getattr(cpu, name), "signatures", ())]
assert not compiled, compiled
"""


def test_importing_is_light_and_compiles_nothing():
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "0"}
    run = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
