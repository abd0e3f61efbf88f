"""Exact search by the triangle inequality alone: the cover tree."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from knn.base import indexes
from knn.file_arrays import all_from_first, finite, within
from knn.points import grown
from knn.radius import RadiusNeighbours
from knn.threads import over_blocks

#: Queries to a block.
BLOCK = 32
#: No distance above 0 is smaller: √2⁻¹⁰⁷⁴.
LEAST = 2.0**-537


@indexes.register("cover-tree")
class CoverTree(RadiusNeighbours):
    """The exact neighbours by balls in balls (Beygelzimer, Kakade & Langford 2006); always certified.

    The simplified tree with nearest ancestors (Izbicki & Shelton 2015): every point is a node, and covers its children
    within a reach that shrinks by 1.3 from level to level. A search measures the point whose bound by the triangle
    inequality is least, until that exceeds the k-th distance, with a margin for rounding
    (knn/kernels/cpu_cover.py). It uses nothing but distances: `evaluations` grow with the intrinsic dimension of the
    data, O(c¹² log n) for expansion constant c, and not with the width of the rows. Where a distance is dear that is
    what counts; by the clock boxes or matrix products are quicker. `random_state` changes nothing.

    New points are put in as the first ones were. The dead stay as signposts until they are cleared away.
    """

    #: Two links, three spans, an id and whether it lives; a trial would take as long as many a build.
    bytes_a_point: ClassVar[int | None] = 49

    def _build(self, rng):  # noqa: ARG002
        self._links, self._spans = np.empty((0, 2), np.int64), np.empty((0, 3))
        self._added(0)

    def _added(self, start):
        size = self._points.size
        self._links, self._spans = grown(self._links, start, size), grown(self._spans, start, size)
        self._engine.put_in(self._points.rows, start, self._links, self._spans)

    def _answer(self, Q, k, exact):  # noqa: ARG002
        kernels, points = self._engine, self._points
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations = np.zeros(len(Q), np.int64)

        def serve(part):
            queries, best = Q[part].astype(np.float64, copy=False), (distances[part], slots[part])
            kernels.search_cover(points.rows, points.alive, self._links, self._spans, queries, *best, evaluations[part])
            kernels.ascending(*best)

        over_blocks(serve, len(Q), BLOCK, self.n_jobs)
        return distances, slots, evaluations, np.ones(len(Q), bool)

    def _within(self, q, radius, slots, distances):
        points = self._points
        if not points.size:  # there is no first node to begin at
            return 0
        return self._engine.cover_within(
            points.rows, points.alive, self._links, self._spans, q, radius, slots, distances
        )

    def _removed(self, slots):
        """Nothing: the dead are passed over until they are cleared away."""

    def _moved(self, kept):  # noqa: ARG002
        self._build(None)

    def _state(self):
        return {"links": self._links[: self._points.size], "spans": self._spans[: self._points.size]}

    def _restore(self, state):
        size = self._points.size
        links = within(state, "links", np.int64, (size, 2), -1, size)
        spans = finite(state, "spans", np.float64, (size, 3))
        _check_tree(links)
        if (spans < 0).any() or (size and 0 < spans[0, 2] < LEAST):
            raise ValueError("spans below 0, or of a first point so short that they never grow")
        # Copies: a new point is linked to from an old one, and a file's arrays may be mapped for reading alone.
        self._links, self._spans = np.array(links), np.array(spans)


def _check_tree(links: np.ndarray) -> None:
    """Raises unless links int64 (n, 2), first child and next sibling, lead from point 0 to each point once."""
    size = len(links)
    linked = np.flatnonzero(links.ravel() >= 0)
    before = np.zeros(size, np.int64)
    before[links.ravel()[linked]] = linked // 2
    counted = np.bincount(links.ravel()[linked], minlength=size)
    if not (np.array_equal(counted, np.arange(size) > 0) and (links[:1, 1] < 0).all() and all_from_first(before)):
        raise ValueError("links that are no tree: not each point once, or in a circle")
