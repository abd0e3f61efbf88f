"""Sorted lists that grow: keys by slot, and the slots in sorted runs that are merged logarithmically."""

from __future__ import annotations

import itertools
from types import ModuleType

import numpy as np

from knn.file_arrays import held, run_ends, within
from knn.points import grown


class SortedRuns:
    """m lists: `keys` by slot, and `order`, the slots in sorted runs with ends `bounds`.

    keys and order are (m, ≥ slots), C-contiguous, with room to grow at the end of each row: kernels take them whole.
    New points make a run of their own, and a run is merged into the one before it until that is at least twice as
    long: O(log n) comparisons and moves an entry, amortised, where one sorted array would move O(n).
    """

    def __init__(self, m: int, dtype: np.dtype | type):
        self.keys = np.empty((m, 0), dtype)
        self.order = np.empty((m, 0), np.int32)
        self._ends = [0]

    @property
    def size(self) -> int:
        return self._ends[-1]

    @property
    def bounds(self) -> np.ndarray:
        """Where the runs end, after a leading 0; int64."""
        return np.array(self._ends)

    def room(self, count: int) -> np.ndarray:
        """Where the keys (m, count) of points to come are to be written before `take_in`."""
        start, stop = self.size, self.size + count
        self.keys = grown(self.keys, start, stop, axis=1)
        self.order = grown(self.order, start, stop, axis=1)
        return self.keys[:, start:stop]

    def take_in(self, count: int, kernels: ModuleType) -> None:
        """Sorts the keys written to `room(count)` into a run, and merges."""
        start, stop = self.size, self.size + count
        for keys, order in zip(self.keys, self.order, strict=True):
            order[start:stop] = start + np.argsort(keys[start:stop], kind="stable")
        self._ends.append(stop)
        while len(self._ends) > 2 and self._ends[-2] - self._ends[-3] < 2 * (self._ends[-1] - self._ends[-2]):
            left, middle, stop = self._ends[-3:]
            kernels.merge_runs(self.keys, self.order, left, middle, stop)
            del self._ends[-2]

    def keep(self, kept: np.ndarray) -> None:
        """Slot i is now what slot kept[i] was; `kept` increases. One run is left, sorted afresh."""
        self.keys = np.take(self.keys, kept, axis=1)  # C-contiguous, which self.keys[:, kept] is not
        self.order = np.argsort(self.keys, axis=1, kind="stable").astype(np.int32)
        self._ends = [0, len(kept)] if len(kept) else [0]

    def runs_state(self) -> dict[str, np.ndarray]:
        """The arrays from which `take_state` makes the lists again."""
        return {"keys": self.keys[:, : self.size], "order": self.order[:, : self.size], "bounds": self.bounds}

    def take_state(self, state: dict[str, np.ndarray], size: int) -> None:
        """Takes what `runs_state` gave of `size` slots; raises ValueError unless each run is of its slots, sorted."""
        m = len(self.keys)
        ends = run_ends(state, "bounds", size)
        keys = held(state, "keys", self.keys.dtype, (m, size))
        order = within(state, "order", np.int32, (m, size), 0, size)
        for start, stop in itertools.pairwise(ends):
            if not start <= order[:, start:stop].min() <= order[:, start:stop].max() < stop:
                raise ValueError(f"order from {start} to {stop} holds places of another run")
        for key, line in zip(keys, order, strict=True):
            _check_sorted(key[line], line, np.array(ends))
        self.keys, self.order, self._ends = keys, order, ends


def _check_sorted(keys: np.ndarray, slots: np.ndarray, bounds: np.ndarray) -> None:
    """Raises unless (key, slot) increases within each run, and so is a permutation: what binary search needs."""
    rises = (keys[:-1] < keys[1:]) | ((keys[:-1] == keys[1:]) & (slots[:-1] < slots[1:]))
    rises[bounds[1:-1] - 1] = True  # from one run to the next
    if not rises.all():
        raise ValueError(f"keys or order: no sorted runs, from place {int(np.argmin(rises))} on")
