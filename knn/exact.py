"""Exact search by looking at every point."""

from __future__ import annotations

import numpy as np

from knn.base import indexes
from knn.codes import Codes
from knn.device_arrays import on_device, stream_of
from knn.device_rows import DeviceRows
from knn.on_device import OnDevice
from knn.points import LAST_ID
from knn.radius import RadiusNeighbours
from knn.screening import BLOCK, FEW, TILE, Screen
from knn.threads import one_blas_thread, over_blocks

#: Queries to a block where points are coded: ten times what registers hold.
CODED = 120


@indexes.register("brute-force")
class BruteForce(OnDevice, RadiusNeighbours):
    """The exact neighbours, by the definition, of every query; always certified.

    Every point is looked at, in the quickest way that the data allow, and those that may be among the k nearest, seldom
    many more, are ranked by the definition:

        rows of less than 16     all by the definition itself, in vectors (knn/kernels/cpu_narrow.py)
        many wide rows           one byte a coordinate and the bound that follows (knn/codes.py); n·d bytes of memory
        what these do not serve  matrix products with a margin for rounding (knn/screening.py)
        device="cuda"            the same products on the device, selected from as they are made (knn/device_rows.py)

    O(n d) a query; `evaluations` is n, because every point is measured. `random_state` changes nothing.
    """

    most_points = LAST_ID  # places are kept on devices alone, of a portion of the points at a time

    def _build(self, rng):  # noqa: ARG002
        self._screen = self._rows_on_device = None
        coded = self.device == "cpu"
        self._codes = Codes.of(self._points.rows, self._points.alive, self._engine) if coded else None
        self._placed_on = self._points.size

    def _answer(self, Q, k, exact):
        kernels = self._engine
        if self.serves(len(Q)) == "cuda":
            return self._device_answer(Q, k, exact)
        best = kernels.empty_heaps(len(Q), k)
        serve = self._serve_narrow if Q.shape[1] < kernels.NARROW else self._serve

        def block(part):
            heaps = best[0][part], best[1][part]
            serve(Q[part], Q[part].astype(np.float64, copy=False), heaps)
            kernels.ascending(*heaps)

        over_blocks(block, len(Q), BLOCK if self._codes is None else CODED, self.n_jobs)
        return *best, np.full(len(Q), self._points.n_alive), np.ones(len(Q), bool)

    def _device_made(self, rows, alive):
        return DeviceRows(rows, alive)

    def _device_answer(self, Q, k, exact, ids=None):  # noqa: ARG002
        rows = self._on_device()
        distances, slots = rows.nearest(Q, k, ids=ids)
        # Queries of the device are looked at by nobody before: one with NaN finds nothing, which proves nothing.
        return (
            distances,
            slots,
            np.full(len(Q), self._points.n_alive),
            rows.filled(slots, stream_of(Q) if on_device(Q) else 0),
        )

    def _serve_narrow(self, Q, queries, best):  # noqa: ARG002
        self._engine.scan_narrow(self._points.rows, self._points.alive, queries, *best)

    def _serve(self, Q, queries, best):
        """Fills the heaps of one block by the quickest of the screens that hold for each query."""
        kernels, points, codes, left = self._engine, self._points, self._codes, np.ones(len(Q), bool)
        if codes is not None:

            def by_codes(_, queries, best):
                codes.search(points.rows, queries, best, kernels)

            left = ~self._share(by_codes, codes.near(queries), Q, queries, best)
        if left.any():
            screen = self._screen_of_all()
            # To move every point to another centre for a few queries costs more than to measure it.
            sound = left & screen.sound(screen.seen(Q, kernels)) & (screen.direct or len(Q) >= FEW)
            with one_blas_thread:
                left &= ~self._share(self._by_products, sound, Q, queries, best)
            for row in np.flatnonzero(left):
                heap = best[0][row : row + 1], best[1][row : row + 1]
                kernels.scan(points.rows, points.alive, queries[row : row + 1], *heap)

    def _share(self, serve, chosen, Q, queries, best):
        """`serve` of the chosen queries, a mask; returns it."""
        if chosen.all():
            serve(Q, queries, best)
        elif chosen.any():
            heaps = self._engine.empty_heaps(np.count_nonzero(chosen), best[0].shape[1])
            serve(Q[chosen], queries[chosen], heaps)
            best[0][chosen], best[1][chosen] = heaps
        return chosen

    def _screen_of_all(self):
        """The screen by matrix products, made when it is first needed; two threads may make the same one."""
        if self._screen is None:
            self._screen = Screen(self._points.rows, self._points.alive, self._engine)
        return self._screen

    def _by_products(self, Q, queries, best):
        """Screens tile by tile, ranks what is left by the definition."""
        kernels, screen, rows = self._engine, self._screen_of_all(), self._points.rows
        k = best[0].shape[1]
        seen = screen.seen(Q, kernels)
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
            if start == 0:
                kernels.seed(products, norms, thresholds, margins, k)
            kernels.collect(products, norms, start, thresholds, keys, slots, counts)
            kernels.tighten(keys, slots, counts, thresholds, margins, k, enough)
            if counts.max() > most:
                # So many points tie within the margin that only the definition can tell them apart.
                kernels.settle(rows, queries, slots, counts, *best, thresholds, margins)
        kernels.tighten(keys, slots, counts, thresholds, margins, k, k)
        kernels.settle(rows, queries, slots, counts, *best, thresholds, margins)

    def _within(self, q, radius, slots, distances):
        return self._engine.scan_within(self._points.rows, self._points.alive, q, radius, slots, distances)

    def _added(self, start):
        self._rows_on_device = self._given = None
        if self._points.size > 2 * self._placed_on:
            self._build(None)  # so many are new that they may lie elsewhere: how they are seen is chosen afresh
            return
        for seen in (self._screen, self._codes):
            if seen is not None:
                seen.extend(self._points.rows[start:], self._engine)

    def _removed(self, slots):
        self._rows_on_device = self._given = None
        if self._screen is not None:
            self._screen.norms[slots] = np.inf
        if self._codes is not None:
            self._codes.kill(slots, self._engine)

    def _moved(self, kept):  # noqa: ARG002
        self._build(None)

    def _state(self):
        return {}

    def _restore(self, state):  # noqa: ARG002
        self._build(None)
