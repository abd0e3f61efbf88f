"""Prioritized DCI of several levels on a CUDA device: the levels there, and a block that goes down for each query."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np

from knn.device_candidates import AHEAD, FEW_THREADS, DeviceCandidates, shaped
from knn.device_projections import DIGIT
from knn.level_projections import LevelProjections
from knn.multi_level import Levels
from knn.projections import margin_terms


class Beam(NamedTuple):
    """What a search may look at: heads kept a level int64 (levels − 1,), and each composite index's candidates and
    visits among their members, numbers if positive and shares if negative.
    """

    heads: np.ndarray
    candidates: float
    visits: float


class DeviceLevels(DeviceCandidates):
    """The cells and candidates of the CPU's `Levels` of projections, for many queries at once.

    Memory besides the data: a key of each list for each place, as wide as the data, and 4 bytes; of each query 4 bytes
    and 8 a composite index for each place that the widest cells of a beam have on one level, and 12 for those of all.
    """

    def __init__(self, X: Any, alive: np.ndarray, levels: Levels, n_composite: int):
        from numba import cuda

        screen, size = cast(LevelProjections, levels.screen), levels.size
        m = screen.directions.shape[1]
        a_place = m * levels.keys.dtype.itemsize + 8
        super().__init__(X, alive, a_place * -(-size // len(alive)))
        from knn.kernels.cuda_levels import KNOWN, levelled
        from knn.kernels.cuda_projections import projecting
        from knn.kernels.cuda_rank import ranking

        self._projecting = projecting(self.dtype, FEW_THREADS)
        self._levels, self._known = levelled(FEW_THREADS, AHEAD, DIGIT), KNOWN
        self._settle = ranking(FEW_THREADS).settle
        self._lists = n_composite, m // n_composite
        self._keys = cuda.to_device(np.ascontiguousarray(levels.keys[:size].T)).reshape(*self._lists, size)
        tree = levels.slots[:size], levels.begin, levels.end, levels.reach, levels.first
        self._tree = tuple(cuda.to_device(np.ascontiguousarray(part)) for part in tree)
        self._margin = cuda.to_device(levels.margin)
        self._marks = cuda.to_device(alive.astype(np.uint8))
        self._directions = cuda.to_device(screen.directions)
        self._radius, self._terms = screen.radius, margin_terms(self.shape[1], self.dtype)
        # How many members the widest cells of a level have, one, two and more of them; and the tail.
        spans, first = levels.end - levels.begin, levels.first
        by_level = [spans[first[level] : first[level + 1]] for level in range(len(first) - 2)]
        self._widest = [np.cumsum(np.sort(cells)[::-1]) for cells in by_level]
        self._first_and_tail = int(first[1]), size - int(first[-1])
        self._beams: dict[tuple[int, ...], Any] = {}

    def _members(self, heads):
        """The most members that the cells of each level may have for such a beam."""
        widest = [int(sums[min(kept, len(sums)) - 1]) for sums, kept in zip(self._widest, heads, strict=True)]
        first, tail = self._first_and_tail
        return [first, *widest[:-1], widest[-1] + tail]

    def _scratch(self, k, limits):
        (composites, s), members, most = self._lists, self._members(limits.heads), int(limits.heads.max())
        c, r, held = max(members), sum(members), k + FEW_THREADS * (1 + AHEAD)
        asked = (composites * s, self.dtype), (composites, self.dtype), (2, np.float64)
        looked = (c, np.int32), (composites * c, np.float64), (composites, np.int64)
        listed = (r, np.float64), (r, np.int32), (most, np.float64), (most, np.int64)
        state = (self._known, np.int64), (1, np.float64), (1, np.int32)
        return *asked, *looked, *listed, *state, (held, np.float64), (held, np.int32)

    def _start(self, queries, limits, buffers, told, stream):
        (composites, s), (q, k), few = self._lists, told.distances.shape, (FEW_THREADS, stream)
        sizes = [size for size, _ in self._scratch(k, limits)]
        near, radii = shaped(buffers[0], composites, q, s), shaped(buffers[1], composites, q, 1)
        margins, places = (shaped(buffers[at], q, sizes[at]) for at in (2, 3))
        gaps, reaches = shaped(buffers[4], composites, q, sizes[3]), shaped(buffers[5], composites, q)
        far, names, heads, head_places, known, horizon, flags, held, held_names = (
            shaped(buffer, q, size) for buffer, size in zip(buffers[6:], sizes[6:], strict=True)
        )
        self._projecting.project[q, *few](queries, self._directions, near)
        self._projecting.margins[-(-q // FEW_THREADS), *few](queries, self._radius, *self._terms, margins, radii)
        table, budgets = (self._keys, near, margins), (self._beam(limits.heads), limits.candidates, limits.visits)
        members, listed, kept = (places, gaps, gaps.view(np.int64), reaches), (far, names), (heads, head_places)
        state, flags = (known, horizon.reshape(q)), flags.reshape(q)
        levels, last = self._levels, len(limits.heads)
        for level in range(last + 1):
            levels.look[q, *few](self._tree, level, k, table, budgets, self._margin, members, listed, kept, state)
            if level < last:
                levels.keep[q, *few](self._rows, queries, self._tree, level, budgets, self._margin, listed, kept, state)
        levels.rank[q, *few](
            self._rows, self._marks, queries, self._tree[0], listed, (held, held_names), state, flags, *told
        )
        self._settle[q, *few](self._rows, self._marks, queries, flags, held_names, held, told.distances, told.slots)
        levels.tell[-(-q // FEW_THREADS), *few](flags, self._living, told.distances, told.evaluations, told.certified)

    def _beam(self, heads):
        """The heads kept a level, on the device since they were first asked for."""
        from numba import cuda

        wanted = tuple(heads.tolist())
        if wanted not in self._beams:
            self._beams[wanted] = cuda.to_device(heads)
            cuda.synchronize()  # before a stream that does not wait for the default one
        return self._beams[wanted]
