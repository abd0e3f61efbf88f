"""The tree's parts: blocks and planes, boxes, bounds that lie, and what blocks measure at once."""

import math

import numpy as np
import pytest
from hypothesis import given

from knn.kernels import blocks, cpu, cpu_heap, short
from knn.kernels.jit import jit
from tests import naive
from tests.knn.problems import problems


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
                half = (first + last) // 2
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
    box = np.array([X.min(axis=0), X.max(axis=0)])
    boxes = np.empty((len(columns), 2, X.shape[1]), dtype)
    cpu.enclose_nodes(X[order], boxes)
    narrow, wide = cpu.empty_heaps(len(Q), k), cpu.empty_heaps(len(Q), k)
    looked = np.zeros((2, len(Q)), np.int64)
    cpu.search_blocks((filled, order, columns, planes, box), alive, Q, *narrow, looked[0])
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


@jit
def inserted(distances, slots, distance, slot):
    short.insert(distances, slots, distance, slot)


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
