"""Exact search by looking at every point."""

from __future__ import annotations

import numpy as np

from knn.base import NearestNeighbours, indexes
from knn.screening import BLOCK, FEW, TILE, Screen
from knn.threads import one_blas_thread, over_blocks


@indexes.register("brute-force")
class BruteForce(NearestNeighbours):
    """The exact neighbours, by the definition, of every query; always certified.

    Matrix products screen the points with a proved margin for rounding (knn/screening.py), and those that may be among
    the k nearest, seldom more than a few besides them, are ranked by the definition. O(n d) a query; `evaluations` is
    n, because every point is measured. `random_state` is accepted as by every index and changes nothing.
    """

    def __init__(self, *, n_neighbors=5, metric="euclidean", device="cpu", n_jobs=None, random_state=None):
        self.n_neighbors = n_neighbors
        self.metric = metric
        self.device = device
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _build(self, rng):  # noqa: ARG002
        self._screen = Screen(self._points.rows, self._points.alive, self._engine)

    def _answer(self, Q, k, exact):  # noqa: ARG002
        kernels = self._engine
        distances, slots = kernels.empty_heaps(len(Q), k)

        def serve(part):
            queries = Q[part].astype(np.float64, copy=False)
            seen = self._screen.seen(Q[part], kernels)
            sound = self._screen.sound(seen) & (len(queries) >= FEW)
            if sound.any():
                rows = np.flatnonzero(sound)
                best = kernels.empty_heaps(len(rows), k)
                self._screened(seen[rows], queries[rows], best)
                distances[part][rows], slots[part][rows] = best
            for row in np.array_split(np.flatnonzero(~sound), -(-np.count_nonzero(~sound) // FEW) or 1):
                best = kernels.empty_heaps(len(row), k)
                kernels.scan(self._points.rows, self._points.alive, queries[row], *best)
                distances[part][row], slots[part][row] = best
            kernels.ascending(distances[part], slots[part])

        with one_blas_thread:
            over_blocks(serve, len(Q), BLOCK, self.n_jobs)
        return distances, slots, np.full(len(Q), self._points.n_alive), np.ones(len(Q), bool)

    def _screened(self, seen, queries, best):
        """Fills the heaps `best` of one block: screens tile by tile, ranks what is left by the definition."""
        kernels, screen, rows = self._engine, self._screen, self._points.rows
        k = best[0].shape[1]
        margins = screen.margins(seen, kernels)
        scaled = seen * seen.dtype.type(-2)
        # Selecting costs about as much as it saves when a buffer holds three times what is wanted.
        enough, most = 3 * k + 32, 4 * k + 512
        keys = np.empty((len(seen), most + TILE), seen.dtype)
        slots = np.empty((len(seen), most + TILE), np.int64)
        counts = np.zeros(len(seen), np.int64)
        thresholds = np.full(len(seen), np.finfo(seen.dtype).max, seen.dtype)
        dots = np.empty((len(seen), TILE), seen.dtype)
        scratch = None if screen.direct else np.empty((TILE, rows.shape[1]), seen.dtype)
        for start in range(0, len(rows), TILE):
            tile = screen.seen(rows[start : start + TILE], kernels, scratch)
            products = np.matmul(scaled, tile.T, out=dots if len(tile) == TILE else None)
            norms = screen.norms[start : start + TILE]
            kernels.collect(products, norms, start, thresholds, keys, slots, counts)
            kernels.tighten(keys, slots, counts, thresholds, margins, k, enough)
            if counts.max() > most:
                # So many points tie within the margin that only the definition can tell them apart.
                kernels.settle(rows, queries, slots, counts, *best, thresholds, margins)
        kernels.tighten(keys, slots, counts, thresholds, margins, k, k)
        kernels.settle(rows, queries, slots, counts, *best, thresholds, margins)

    def _added(self, start):
        if self._points.size > 2 * self._screen.placed_on:
            self._build(None)  # so many are new that they may lie elsewhere: centre and scale are chosen afresh
        else:
            self._screen.extend(self._points.rows[start:], self._engine)

    def _removed(self, slots):
        self._screen.norms[slots] = np.inf

    def _moved(self, kept):  # noqa: ARG002
        self._build(None)

    def _state(self):
        return {}

    def _restore(self, state):  # noqa: ARG002
        self._build(None)
