"""Exact search by a k-d tree of boxes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knn.base import indexes
from knn.device_tree import DeviceTree
from knn.file_arrays import check_finite, run_ends
from knn.on_device import OnDevice
from knn.radius import RadiusNeighbours
from knn.threads import over_blocks

#: Queries to a block, each of which costs some 20 µs besides its queries, and queries from which on it pays to answer
#: near ones together.
BLOCK, MANY = 512, 32


class _Tree(NamedTuple):
    """Points in the order of the leaves: (blocks, d, 16) if rows are narrow, else (n, d); `slots` they come from (n,).

    `columns` (nodes,) and `planes` (nodes, 2) that halve the nodes; `boxes` (nodes, 2, d), of narrow rows those of
    sixteen children at once, (nodes, 2, d, 16).
    """

    points: np.ndarray
    slots: np.ndarray
    columns: np.ndarray
    planes: np.ndarray
    boxes: np.ndarray


@indexes.register("kd-tree")
class KDTree(OnDevice, RadiusNeighbours):
    """The exact neighbours by boxes (Bentley 1975; Friedman, Bentley & Finkel 1977); always certified.

    A box of points is halved across its widest side, down to leaves of sixteen; a search goes to the nearer half first
    and leaves out boxes beyond the k-th distance. Of narrow rows (d < 16) sixteen boxes or points are measured at once,
    in vectors. Near queries are answered one after the other. Quick in few dimensions; from some twenty intrinsic
    dimensions on nearly every box is visited, and `BruteForce` is quicker. `random_state` changes nothing.

    New points make a tree of their own, and a tree is rebuilt together with the one before it until that is at least
    twice as large: O(d log² n) an insertion, amortised. The rows are copied once, into the order of the leaves.

    With device="cuda" the host builds the trees and a thread of the device walks them for each query, halving one by
    one whatever the width (knn/device_tree.py): the same neighbours to the bit, and `evaluations` of that walk, which
    may differ from the CPU's and lie where the answer does.
    """

    def _build(self, rng):  # noqa: ARG002
        self._ends, self._trees = [0], []
        self._rows_on_device = self._given = None  # what lies on the device is copied once more, leaf by leaf
        self._plant_new(0)

    def _plant(self, start, stop):
        """A tree on the slots from `start` to `stop`."""
        kernels, rows = self._engine, self._points.rows[start:stop]
        (n, d), order, nodes = rows.shape, np.arange(len(rows)), kernels.n_nodes(len(rows))
        columns, planes = np.zeros(nodes, np.int64), np.zeros((nodes, 2), rows.dtype)
        kernels.build_planes(rows, order, columns, planes)
        if d < kernels.NARROW:
            points = np.empty((kernels.n_blocks(n), d, kernels.TOGETHER), rows.dtype)
            kernels.fill_blocks(rows, order, points)
            boxes = np.empty((kernels.first_nodes(kernels.n_blocks(n))[-1], 2, d, kernels.TOGETHER), rows.dtype)
            kernels.enclose_blocks(points, n, boxes)
        else:
            points, boxes = rows[order], np.empty((nodes, 2, d), rows.dtype)
            kernels.enclose_nodes(points, boxes)
        return _Tree(points, order + start, columns, planes, boxes)

    def _answer(self, Q, k, exact):
        if self.serves(len(Q)) == "cuda":
            return self._device_answer(Q, k, exact)
        kernels, alive, narrow = self._engine, self._points.alive, Q.shape[1] < self._engine.NARROW
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations, order = np.zeros(len(Q), np.int64), np.arange(len(Q))
        if len(Q) >= MANY:
            tree, leaves = self._trees[0], np.empty(len(Q), np.int64)
            kernels.leaves_of(tree.columns, tree.planes, kernels.n_blocks(len(tree.slots)), Q, leaves)
            order = np.argsort(leaves)

        def serve(part):
            rows = order[part]
            queries, best = Q[rows].astype(np.float64, copy=False), kernels.empty_heaps(len(rows), k)
            looked = np.zeros(len(rows), np.int64)
            for tree in self._trees:
                if narrow:
                    kernels.search_blocks(tree, alive, queries, *best, looked)
                else:
                    kernels.search_tree(tree.points, tree.slots, alive, tree.boxes, queries, *best, looked)
            kernels.ascending(*best)
            (distances[rows], slots[rows]), evaluations[rows] = best, looked

        over_blocks(serve, len(Q), BLOCK, self.n_jobs)
        return distances, slots, evaluations, np.ones(len(Q), bool)

    def _device_made(self, rows, alive):  # noqa: ARG002 (leaves have an order of their own, made on the host)
        return DeviceTree(self._points.rows, alive, self._trees)

    def _device_answer(self, Q, k, exact, ids=None):  # noqa: ARG002
        return self._on_device().nearest(Q, k, ids=ids)

    def _within(self, q, radius, slots, distances):
        kernels, alive, count = self._engine, self._points.alive, 0
        within = kernels.blocks_within if len(q) < kernels.NARROW else kernels.rows_within
        for tree in self._trees:
            count += within(tree, alive, q, radius, slots[count:], distances[count:])
        return count

    def _added(self, start):
        self._rows_on_device = self._given = None
        self._plant_new(start)

    def _plant_new(self, start):
        stop = self._points.size
        if start == stop:
            return
        while len(self._ends) > 1 and start - self._ends[-2] < 2 * (stop - start):
            self._ends.pop()
            self._trees.pop()
            start = self._ends[-1]
        self._ends.append(stop)
        self._trees.append(self._plant(start, stop))

    def _removed(self, slots):  # noqa: ARG002 (the dead are passed over until they are cleared away)
        self._rows_on_device = self._given = None

    def _moved(self, kept):  # noqa: ARG002
        self._build(None)

    def _state(self):
        return {"ends": np.array(self._ends)}

    def _restore(self, state):
        self._ends = run_ends(state, "ends", self._points.size)
        check_finite("points.rows", self._points.rows)  # whether they were looked at or not: NaN cannot be sorted
        self._trees = [self._plant(*span) for span in zip(self._ends[:-1], self._ends[1:], strict=True)]
