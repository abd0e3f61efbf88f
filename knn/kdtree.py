"""Exact search by a k-d tree of boxes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knn.base import NearestNeighbours, indexes
from knn.threads import over_blocks

#: Queries to a block.
BLOCK = 64


class _Tree(NamedTuple):
    """`rows` in the order of the leaves, (n, d) or (d, n) as `search_tree` wants them; `slots` (n,) they come from.

    `boxes` of the nodes (nodes, 2, d).
    """

    rows: np.ndarray
    slots: np.ndarray
    boxes: np.ndarray


@indexes.register("kd-tree")
class KDTree(NearestNeighbours):
    """The exact neighbours by boxes (Bentley 1975; Friedman, Bentley & Finkel 1977); always certified.

    A box of points is halved at the median of its widest side, down to leaves of sixteen; a search goes to the nearer
    half first and leaves out boxes beyond the k-th distance. Quick in few dimensions; from some twenty intrinsic
    dimensions on nearly every box is visited, and `BruteForce` is quicker. `random_state` changes nothing.

    New points make a tree of their own, and a tree is rebuilt together with the one before it until that is at least
    twice as large: O(d log² n) an insertion, amortised. The rows are copied once, into the order of the leaves.
    """

    def __init__(self, *, n_neighbors=5, metric="euclidean", device="cpu", n_jobs=None, random_state=None):
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _build(self, rng):  # noqa: ARG002
        self._ends, self._trees = [0], []
        self._added(0)

    def _plant(self, start, stop):
        """A tree on the slots from `start` to `stop`."""
        kernels, rows = self._engine, self._points.rows[start:stop]
        order = np.arange(len(rows))
        boxes = np.empty((kernels.n_nodes(len(rows)), 2, rows.shape[1]), rows.dtype)
        kernels.build_tree(rows, order, boxes)
        sorted_rows = np.ascontiguousarray(rows[order].T) if rows.shape[1] < kernels.NARROW else rows[order]
        return _Tree(sorted_rows, order + start, boxes)

    def _answer(self, Q, k, exact):  # noqa: ARG002
        kernels, alive = self._engine, self._points.alive
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations = np.zeros(len(Q), np.int64)

        def serve(part):
            queries, best = Q[part].astype(np.float64, copy=False), (distances[part], slots[part])
            for tree in self._trees:
                kernels.search_tree(*tree[:2], alive, tree.boxes, queries, *best, evaluations[part])
            kernels.ascending(*best)

        over_blocks(serve, len(Q), BLOCK, self.n_jobs)
        return distances, slots, evaluations, np.ones(len(Q), bool)

    def _added(self, start):
        stop = self._points.size
        if start == stop:
            return
        while len(self._ends) > 1 and start - self._ends[-2] < 2 * (stop - start):
            self._ends.pop()
            self._trees.pop()
            start = self._ends[-1]
        self._ends.append(stop)
        self._trees.append(self._plant(start, stop))

    def _removed(self, slots):
        """Nothing: the dead are passed over until they are cleared away."""

    def _moved(self, kept):  # noqa: ARG002
        self._build(None)

    def _state(self):
        return {"ends": np.array(self._ends)}

    def _restore(self, state):
        self._ends = state["ends"].tolist()
        self._trees = [self._plant(*span) for span in zip(self._ends[:-1], self._ends[1:], strict=True)]
