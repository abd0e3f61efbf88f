"""The tree's parts: blocks and planes, boxes, bounds that lie, and what blocks measure at once."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given

from knn.kernels import blocks, boxes, cpu, cpu_heap, cpu_planes, short
from knn.kernels.jit import jit
from tests import naive
from tests.knn.problems import problems


def plain(kernel):
    """The kernel as Python runs it, which it is already where the JIT is off."""
    return getattr(kernel, "py_func", kernel)


def planted(X):
    """(order, columns, planes) of a tree on the rows."""
    nodes = cpu.n_nodes(len(X))
    order, columns, planes = np.arange(len(X)), np.zeros(nodes, np.int64), np.zeros((nodes, 2), X.dtype)
    cpu.build_planes(X, order, columns, planes)
    return order, columns, planes


@pytest.mark.parametrize("n", [1, 16, 17, 70, 300])
def test_a_tree_holds_every_point_once_on_its_side_of_every_plane(n, dtype):
    rng = np.random.default_rng(n)
    for X in (rng.standard_normal((n, 3)), rng.integers(0, 2, (n, 3)), np.zeros((n, 3))):
        X = X.astype(dtype)
        order, columns, planes = planted(X)
        np.testing.assert_array_equal(np.sort(order), np.arange(n))
        boxes = np.full((len(columns), 2, 3), np.nan, dtype)
        cpu.enclose_nodes(X[order], boxes)
        spans = [(0, 0, cpu.n_blocks(n))]
        while spans:
            node, first, last = spans.pop()
            held = X[order[16 * first : 16 * last]]
            np.testing.assert_array_equal(boxes[node], [held.min(axis=0), held.max(axis=0)])
            if last - first > 1:
                half = plain(cpu_planes.halfway)(first, last)
                assert first < half < last
                lower, upper = X[order[16 * first : 16 * half]], X[order[16 * half : 16 * last]]
                ends = lower[:, columns[node]].max(), upper[:, columns[node]].min()
                assert ends[0] <= ends[1]
                np.testing.assert_array_equal(planes[node], ends)
                spans += [(2 * node + 1, first, half), (2 * node + 2, half, last)]
        filled = np.empty((cpu.n_blocks(n), 3, 16), dtype)
        cpu.fill_blocks(X, order, filled)
        rows = filled.transpose(0, 2, 1).reshape(-1, 3)
        np.testing.assert_array_equal(rows[:n], X[order])
        assert np.isinf(rows[n:]).all()


@given(problem=problems())
def test_both_searches_find_the_neighbours(dtype, problem):
    """The one for narrow rows and the one for wide, on the same rows; points that died are not found."""
    X, Q, k = problem[0][:, :15].astype(dtype), problem[1][:, :15].astype(dtype).astype(float), problem[2]
    order, columns, planes = planted(X)
    alive = np.arange(len(X)) % 4 != 1
    filled = np.empty((cpu.n_blocks(len(X)), X.shape[1], 16), dtype)
    cpu.fill_blocks(X, order, filled)
    grouped = np.empty((cpu.first_nodes(cpu.n_blocks(len(X)))[-1], 2, X.shape[1], 16), dtype)
    cpu.enclose_blocks(filled, len(X), grouped)
    boxes = np.empty((len(columns), 2, X.shape[1]), dtype)
    cpu.enclose_nodes(X[order], boxes)
    narrow, wide = cpu.empty_heaps(len(Q), k), cpu.empty_heaps(len(Q), k)
    looked = np.zeros((2, len(Q)), np.int64)
    cpu.search_blocks((filled, order, columns, planes, grouped), alive, Q, *narrow, looked[0])
    cpu.search_tree(X[order], order, alive, boxes, Q, *wide, looked[1])
    distances, indices = naive.neighbours(X[alive], Q, min(k, alive.sum()), ids=np.flatnonzero(alive))
    for best in (narrow, wide):
        cpu.ascending(*best)
        np.testing.assert_array_equal(best[0][:, : indices.shape[1]], distances)
        np.testing.assert_array_equal(best[1][:, : indices.shape[1]], indices)
    assert (looked <= len(X)).all()
    leaves = np.full(len(Q), -1)
    cpu.leaves_of(columns, planes, cpu.n_blocks(len(X)), Q, leaves)
    assert ((leaves >= 0) & (leaves < cpu.n_blocks(len(X)))).all()


@jit
def measured(stored, place, q, limit, totals):
    return blocks.near_in_block(stored, place, q, limit, totals)


@jit
def first_bit(mask):
    return blocks.lowest(mask)


def test_a_block_is_measured_by_the_definition(dtype):
    """Compiled and plain alike: sums bit for bit, and the mask of those within the limit, its border included."""
    rng = np.random.default_rng(1)
    for d in (1, 3, 15):
        stored, q = rng.standard_normal((3, d, 16)).astype(dtype), rng.standard_normal(d)
        stored[1, 0, 5] = np.inf
        expected = [naive.distance(q, stored[1, :, i]) for i in range(16)]
        totals, plain = np.empty(16), np.empty(16)
        blocks.near_in_block(stored, 1, q, 0.0, plain)
        limit = np.sort(plain)[6]
        masks = [form(stored, 1, q, limit, out) for form, out in ((measured, totals), (blocks.near_in_block, plain))]
        np.testing.assert_array_equal([math.sqrt(total) for total in totals], expected)
        np.testing.assert_array_equal(totals, plain)
        assert masks == [sum(1 << i for i in range(16) if plain[i] <= limit)] * 2
        assert first_bit(masks[0]) == blocks.lowest(masks[0]) == int(np.argmax(plain <= limit))
        assert measured(stored, 1, q, np.inf, totals) == 2**16 - 1


@pytest.mark.parametrize("n", [1, 17, 300, 4200])
def test_sixteen_boxes_at_a_time_hold_the_points_of_their_blocks(n, dtype):
    """The boxes of every level; what is missing to sixteen children is a box of nothing."""
    X = np.random.default_rng(n).standard_normal((n, 2)).astype(dtype)
    order, _, _ = planted(X)
    filled = np.empty((cpu.n_blocks(n), 2, 16), dtype)
    cpu.fill_blocks(X, order, filled)
    starts = cpu.first_nodes(len(filled))
    grouped = np.full((starts[-1], 2, 2, 16), np.nan, dtype)
    cpu.enclose_blocks(filled, n, grouped)
    assert starts[-1] - starts[-2] == 1
    for level, (start, stop) in enumerate(itertools.pairwise(starts)):
        span = 16 ** (level + 1)
        for child in range(16 * (stop - start)):
            held = X[order[span * child : span * (child + 1)]]
            lanes = grouped[start + child // 16, :, :, child % 16]
            ends = [held.min(axis=0), held.max(axis=0)] if len(held) else [[np.inf] * 2, [-np.inf] * 2]
            np.testing.assert_array_equal(lanes, ends)


@jit
def boxes_measured(grouped, node, q, bounds, level):
    boxes.measure_boxes(grouped, node, q, bounds, level)


@jit
def chosen(bounds, level, mask, limit):
    within = boxes.within_bounds(bounds, level, mask, limit)
    return within, boxes.least_bound(bounds, level, mask)


def test_boxes_are_measured_as_their_nearest_points_are(dtype):
    """Compiled and plain alike, to the last bit; the nearest of those marked, the border included."""
    rng = np.random.default_rng(3)
    for d in (1, 3, 15):
        grouped, q = np.sort(rng.standard_normal((3, 2, d, 16)), axis=1).astype(dtype), rng.standard_normal(d)
        grouped[1, 0, :, 9], grouped[1, 1, :, 9] = np.inf, -np.inf
        bounds, plain = np.full((2, 2, 16), -1.0)
        boxes_measured(grouped, 1, q, bounds, 1)
        boxes.measure_boxes(grouped, 1, q, plain, 1)
        np.testing.assert_array_equal(bounds, plain)
        assert bounds[1, 9] == np.inf
        for i in set(range(16)) - {9}:
            nearest = np.clip(q, grouped[1, 0, :, i].astype(float), grouped[1, 1, :, i].astype(float))
            assert math.sqrt(bounds[1, i]) == naive.distance(q, nearest)
        for mask in (2**16 - 1, 0b1000100110001):
            limit = np.sort(bounds[1])[7]
            expected = boxes.within_bounds(bounds, 1, mask, limit), boxes.least_bound(bounds, 1, mask)
            assert chosen(bounds, 1, mask, limit) == expected
            marked = [i for i in range(16) if mask >> i & 1]
            assert expected[0] == sum(1 << i for i in marked if bounds[1, i] <= limit)
            assert bounds[1, expected[1]] == min(bounds[1, i] for i in marked)


@jit
def inserted(distances, slots, distance, slot):
    short.insert(distances, slots, distance, slot)


@jit
def inserted_marked(distances, slots, totals, places, start, alive, mask):
    short.put_marked(distances, slots, totals, places, start, alive, mask)


@pytest.mark.parametrize("k", [3, 16, 20])
def test_those_marked_are_put_in_one_by_one(k):
    """Compiled, plain and by the heap alike: ties, the dead and places that nothing has filled included."""
    rng = np.random.default_rng(k)
    places, alive = rng.permutation(48), rng.random(48) < 0.7
    heap, heap_slots = cpu_heap.empty_heaps(1, k)
    both = [short.opened(*cpu_heap.empty_heaps(1, k), 0, np.empty(16), np.empty(16, np.int64)) for _ in range(2)]
    for start in (0, 16, 32):
        totals, mask = rng.integers(0, 4, 16).astype(float), int(rng.integers(1, 2**16))
        inserted_marked(*both[0], totals, places, start, alive, mask)
        (short.insert_marked if k <= 16 else plain(short.put_marked))(*both[1], totals, places, start, alive, mask)
        for i in range(16):
            if mask >> i & 1 and alive[places[start + i]]:
                cpu_heap.offer(heap[0], heap_slots[0], math.sqrt(totals[i]), places[start + i])
        expected = sorted(zip(heap[0], heap_slots[0], strict=True), reverse=True)
        for distances, slots in both:
            assert sorted(zip(distances[:k], slots[:k], strict=True), reverse=True) == expected


def test_the_few_best_stay_sorted_worst_first():
    """Compiled, plain and by the heap alike, ties by slot included."""
    rng = np.random.default_rng(2)
    for k in (1, 5, 16):
        offered = list(zip(rng.integers(0, 5, 40).astype(float), rng.permutation(40), strict=True))
        lanes, plain = (np.where(np.arange(16) < k, np.inf, -np.inf) for _ in range(2))
        lane_slots, plain_slots = (np.where(np.arange(16) < k, cpu_heap.NOTHING, 0) for _ in range(2))
        heap, heap_slots = cpu.empty_heaps(1, k)
        for distance, slot in offered:
            inserted(lanes, lane_slots, distance, slot)
            short.insert(plain, plain_slots, distance, slot)
            cpu_heap.offer(heap[0], heap_slots[0], distance, slot)
            expected = sorted(zip(heap[0], heap_slots[0], strict=True), reverse=True)
            for found in ((lanes, lane_slots), (plain, plain_slots)):
                assert list(zip(found[0][:k], found[1][:k], strict=True)) == expected
                assert (found[0][k:] == -np.inf).all()
        assert expected[::-1] == sorted(offered)[:k]
