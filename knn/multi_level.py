"""Levels of points, each a random subset of the next, with every point in the cell of a near point one level up."""

from __future__ import annotations

from types import ModuleType
from typing import Protocol

import numpy as np

from knn.file_arrays import check_finite, held, measures, within
from knn.points import Points, grown
from knn.projections import largest_key
from knn.threads import over_blocks

#: Queries to a block: the scratch of a search, some bytes a point, is set up once for each.
BLOCK = 64
#: Heads among which a point's cell is looked for, on each level.
ATTACH = 12
#: Rows bounded at a time.
ROWS = 4096
#: Squares of smaller distances may vanish, by which the definition is absolutely wrong: √d · 2⁻⁵¹¹ < 2⁻⁵⁰⁰.
VANISHING = 2.0**-500


class Screen(Protocol):
    """What bounds distances from below: `table` rows for points, and the same for queries with their rounding."""

    def of_rows(self, rows: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray]:
        """(codes int8 (n, w), keys (n, m)) as `lower_bounds` takes them; remembers how far it rounded."""

    def of_queries(self, Q: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(codes (q, w), keys (q, m), numbers float64 (q, 4)) as `lower_bounds` takes them."""

    @property
    def kept(self) -> tuple[int, int, np.dtype]:
        """Widths of the codes and keys of a row, and the keys' type."""

    def state(self) -> dict[str, np.ndarray]:
        """The arrays from which it is made again."""


def level_sizes(n: int, n_levels: int) -> list[int]:
    """How many points each level has: n^(l/n_levels) for l = 1 … n_levels, so that all cells are alike in size."""
    return [min(n, max(1, round(n ** ((level + 1) / n_levels)))) for level in range(n_levels - 1)] + [n]


class Levels:
    """The tree of knn/kernels/cpu_levels.py, on the points alive: built, extended by a tail, gathered again.

    A level is a prefix of one random order of the points, so that each is a subset of the next.

    A point's cell is that of the nearest head found by a search that keeps `ATTACH` heads a level. Memory: what the
    screen holds, and 8 bytes a point.
    """

    #: What is kept of each place, and of each head.
    _BY_PLACE, _BY_HEAD = ("slots", "parent", "codes", "keys"), ("begin", "end", "reach")

    def __init__(self, points: Points, canonical: np.ndarray, n_levels: int, screen: Screen, kernels: ModuleType):
        """`canonical`: the slots alive in an order that does not depend on where the points stand."""
        self.screen = screen
        self.margin = np.array([4 * (points.rows.shape[1] + 8) * 2.0**-53, VANISHING])
        codes, keys = self._bounds_of(points.rows, canonical, kernels)
        sizes = level_sizes(len(canonical), n_levels)
        self.first, self.begin, self.end = np.zeros(1, np.int64), np.empty(0, np.int64), np.empty(0, np.int64)
        self.reach = np.empty(0)
        self.slots, self.parent = np.empty(0, np.int32), np.empty(0, np.int32)
        self.codes, self.keys = codes[:0], keys[:0]
        above = np.empty(0, np.int64)  # where on the level above the point of a rank is
        for level, size in enumerate(sizes):
            start = int(self.first[-1])
            heads = np.full(size, -1)
            if level:
                heads[: len(above)] = above
                for name in self._BY_HEAD:
                    array = getattr(self, name)
                    setattr(self, name, np.append(array, np.zeros(start - len(array), array.dtype)))
                heads[len(above) :] = self._nearest(points, canonical[len(above) : size], level, kernels)
                self._give_cells(heads, start)
            ranks = np.argsort(heads, kind="stable")
            above = np.empty(size, np.int64)
            above[ranks] = np.arange(start, start + size)
            self.slots = np.append(self.slots, canonical[ranks].astype(np.int32))
            self.parent = np.append(self.parent, heads[ranks].astype(np.int32))
            self.codes, self.keys = np.concatenate([self.codes, codes[ranks]]), np.concatenate([self.keys, keys[ranks]])
            self.first = np.append(self.first, start + size)
        self.size = len(self.slots)
        self._widen(points, int(self.first[-2]), self.size, kernels)

    def _bounds_of(self, rows, slots, kernels):
        """The screen's table for the rows in `slots`, some at a time."""
        parts = [self.screen.of_rows(rows[slots[i : i + ROWS]], kernels) for i in range(0, len(slots), ROWS)]
        parts = parts or [self.screen.of_rows(rows[:0], kernels)]
        return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])

    def _nearest(self, points, slots, levels, kernels):
        """The nearest head found on the last of the first `levels` for the point in each slot."""
        budgets = (np.full(levels, ATTACH), np.array([1.0, float(2 * ATTACH), -1.0]), self.margin)
        out = np.empty(len(slots), np.int64)
        for start in range(0, len(slots), ROWS):
            rows = points.rows[slots[start : start + ROWS]]
            asked = (rows.astype(np.float64, copy=False), *self.screen.of_queries(rows, kernels))
            world = self._tree(), self._table(), (points.rows, points.alive)
            kernels.nearest_heads(*world, asked, budgets, out[start : start + ROWS])
        return out

    def _give_cells(self, heads, start):
        """Cells for the heads of the last level, whose members are to stand from place `start` on, by head."""
        before = int(self.first[-2])
        ends = start + np.cumsum(np.bincount(heads - before, minlength=start - before))
        self.begin[before:], self.end[before:] = np.append(start, ends[:-1])[: len(ends)], ends

    def _widen(self, points, start, stop, kernels):
        kernels.widen_reach(points.rows, self._tree(), self.parent, start, stop, self.margin)

    def _tree(self):
        size = getattr(self, "size", len(self.slots))
        return self.slots[:size], self.begin, self.end, self.reach, self.first

    def _table(self):
        return self.codes, self.keys

    def extend(self, points: Points, start: int, kernels: ModuleType) -> None:
        """The points from slot `start` on join the tail, and cells when the tail is an eighth of all."""
        slots = np.arange(start, points.size)
        codes, keys = self._bounds_of(points.rows, slots, kernels)
        stop = self.size + len(slots)
        for name, new in (("slots", slots), ("parent", -1), ("codes", codes), ("keys", keys)):
            setattr(self, name, grown(getattr(self, name), self.size, stop))
            getattr(self, name)[self.size : stop] = new
        self.size = stop
        if len(self.begin) and 8 * (self.size - int(self.first[-1])) > self.size:
            self._gather(points, kernels)

    def _gather(self, points, kernels):
        """Puts the tail into cells of the last level."""
        bottom, tail, levels = int(self.first[-2]), int(self.first[-1]), len(self.first) - 2
        self.parent[tail : self.size] = self._nearest(points, self.slots[tail : self.size], levels, kernels)
        self._widen(points, tail, self.size, kernels)
        order = bottom + np.argsort(self.parent[bottom : self.size], kind="stable")
        for name in self._BY_PLACE:
            array = getattr(self, name)
            array[bottom : self.size] = array[order]
        heads = self.first[-3], self.first[-2]
        ends = np.searchsorted(self.parent[bottom : self.size], np.arange(*heads), side="right") + bottom
        self.begin[heads[0] : heads[1]], self.end[heads[0] : heads[1]] = np.append(bottom, ends[:-1]), ends
        self.first[-1] = self.size

    def search(self, Q, k, points, wanted, n_jobs, exact, kernels):
        """What an index answers. `wanted` = (heads kept a level (levels − 1,), composite indices and their budgets)."""
        distances, slots = kernels.empty_heaps(len(Q), k)
        evaluations, certified = np.zeros(len(Q), np.int64), np.zeros(len(Q), bool)
        world = self._tree(), self._table(), (points.rows, points.alive)
        budgets = (*wanted, self.margin)

        def serve(part):
            asked = (Q[part].astype(np.float64, copy=False), *self.screen.of_queries(Q[part], kernels))
            heaps, told = (distances[part], slots[part]), (evaluations[part], certified[part])
            kernels.search_levels(*world, asked, budgets, heaps, told, exact)

        over_blocks(serve, len(Q), BLOCK, n_jobs)
        return distances, slots, evaluations, certified

    def left_within(self, q, radius, points, kernels):
        """Slots of all points that cells and the screen leave a chance to be within the radius of q (d,), float64."""
        codes, keys, numbers = self.screen.of_queries(q[None], kernels)
        out, query = np.empty(self.size, np.int32), (q, codes[0], keys[0], numbers[0])
        count = kernels.cells_leave(self._tree(), self._table(), points.rows, query, self.margin, radius, out)
        return out[:count]

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs, the screen apart."""
        by_place = {name: getattr(self, name)[: self.size] for name in self._BY_PLACE}
        return {**by_place, **{name: getattr(self, name) for name in (*self._BY_HEAD, "first", "margin")}}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], screen: Screen, points: Points, n_levels: int) -> Levels:
        """Takes what `state` gave; raises ValueError unless it is a tree on these points, as kernels walk it."""
        first = held(state, "first", np.int64, (n_levels + 1,))
        size, heads, (width, m, dtype) = state["slots"].size, int(first[-2]), screen.kept
        if first[0] != 0 or first[-1] > size or (np.diff(first) < (size > 0)).any():
            raise ValueError(f"levels that end at {first[:9]}, over {size} places")
        levels = cls.__new__(cls)
        levels.screen, levels.size, levels.first = screen, size, first
        levels.slots = within(state, "slots", np.int32, (size,), 0, points.size)
        levels.parent = within(state, "parent", np.int32, (size,), -1, max(heads, 0))
        levels.begin = within(state, "begin", np.int64, (heads,), 0, size)
        levels.end = within(state, "end", np.int64, (heads,), 1, size + 1)
        levels.reach = held(state, "reach", np.float64, (heads,))
        if not (levels.reach >= 0).all():
            raise ValueError("reach has an entry below 0 or NaN")
        levels.codes, levels.keys = held(state, "codes", np.int8, (size, width)), held(state, "keys", dtype, (size, m))
        check_finite("keys", levels.keys, largest_key(dtype))
        measures(state, "margin", 2)
        levels.margin = state["margin"]
        levels._check_cells()
        there = np.zeros(points.size, bool)
        last = levels.slots[heads:]
        there[last] = True
        if np.count_nonzero(there) != len(last) or (points.alive & ~there).any():
            raise ValueError("slots of the last level: not each living point once")
        return levels

    def _check_cells(self):
        """Raises unless the cells of each level share out the next one in order, each with its own head first."""
        first, begin, end, heads = self.first, self.begin, self.end, len(self.begin)
        starts = np.append(first[1:2], end[:-1])[:heads]  # where the cell before ends, on each level and from it on
        last = first[1:-1][:heads] - 1  # heads of each level, if there are points
        sound = (begin == starts).all() and (end > begin).all() and (not heads or (end[last] == first[2:]).all())
        if not (sound and (self.slots[begin] == self.slots[:heads]).all()):
            raise ValueError("begin and end: cells that do not share out the next level, each with its head first")
        parent = np.full(self.size, -1, np.int32)
        parent[first[1] : first[-1]] = np.repeat(np.arange(heads, dtype=np.int32), end - begin)
        if (parent != self.parent).any():
            raise ValueError(f"parent of place {int(np.argmax(parent != self.parent))} is not the head of its cell")
