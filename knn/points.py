"""The points of an index: rows in slots, permanent ids, and the dead that wait to be cleared away."""

from __future__ import annotations

import numpy as np

from knn.file_arrays import held

#: No id is larger, so that those of points to come are whole numbers of 64 bits too.
LAST_ID = 2**62


def grown(array: np.ndarray, size: int, wanted: int, axis: int = 0) -> np.ndarray:
    """`array` with room for `wanted` entries along `axis`, the first `size` kept: itself, or a copy twice as long.

    Doubling makes appending O(1) an entry, amortised.
    """
    if array.shape[axis] >= wanted:
        return array
    shape = list(array.shape)
    shape[axis] = max(wanted, 2 * size)
    larger = np.empty(shape, array.dtype)
    kept = (slice(None),) * axis + (slice(0, size),)
    larger[kept] = array[kept]
    return larger


def refuse_missing(ids: np.ndarray, missing: np.ndarray) -> None:
    """Raises KeyError naming the first of the ids (n,) that is `missing`, bool (n,)."""
    if missing.any():
        place = int(np.argmax(missing))
        raise KeyError(f"ids[{place}] = {ids[place]} is no point of this index: it was deleted or never inserted")


class Points:
    """Rows X (n, d) that can be added to and deleted from.

    A row lies in a slot 0, 1, …; slots follow the order of the ids, which are int64, permanent and never used again.
    A deleted row keeps its slot until `compact`. The rows given at first are kept without a copy.
    """

    def __init__(self, X: np.ndarray):
        self._rows = X
        self._ids = np.arange(len(X))
        self._alive = np.ones(len(X), bool)
        self.size = len(X)
        self.n_alive = len(X)
        self.next_id = len(X)

    @property
    def rows(self) -> np.ndarray:
        """(slots, d)."""
        return self._rows[: self.size]

    @property
    def ids(self) -> np.ndarray:
        """int64 (slots,), increasing."""
        return self._ids[: self.size]

    def ids_of(self, slots: np.ndarray) -> np.ndarray:
        """The ids in slots, and −1 where these are −1; `slots` itself while no row was ever cleared away."""
        # Ids increase from 0 on, so that the last of them tells whether any is missing.
        return slots if self.next_id == self.size else np.where(slots >= 0, self.ids[slots], -1)

    @property
    def alive(self) -> np.ndarray:
        """bool (slots,)."""
        return self._alive[: self.size]

    @property
    def dead(self) -> np.ndarray:
        """Slots of the deleted, int64."""
        return np.flatnonzero(~self.alive) if self.n_alive < self.size else np.empty(0, np.int64)

    def append(self, X: np.ndarray) -> np.ndarray:
        """Adds rows of the same type and width; returns their ids."""
        start, stop = self.size, self.size + len(X)
        self._rows = grown(self._rows, start, stop)
        self._ids = grown(self._ids, start, stop)
        self._alive = grown(self._alive, start, stop)
        self._rows[start:stop] = X
        self._ids[start:stop] = np.arange(self.next_id, self.next_id + len(X))
        self._alive[start:stop] = True
        self.size = stop
        self.n_alive += len(X)
        self.next_id += len(X)
        return self._ids[start:stop].copy()

    def slots_of(self, ids: np.ndarray) -> np.ndarray:
        """The slots of living ids; raises KeyError naming the first that was never given or is deleted."""
        slots = np.searchsorted(self.ids, ids)
        inside = np.minimum(slots, self.size - 1)
        missing = (self.ids[inside] != ids) | ~self.alive[inside] if self.size else np.ones(len(ids), bool)
        refuse_missing(ids, missing)
        return slots

    def kill(self, slots: np.ndarray) -> None:
        """Marks living slots as deleted."""
        self._alive[slots] = False
        self.n_alive -= len(slots)

    def compact(self) -> np.ndarray:
        """Clears the dead away and returns the old slots of those that stay, in order."""
        kept = np.flatnonzero(self.alive)
        self._rows, self._ids = self._rows[kept], self._ids[kept]
        self._alive = np.ones(len(kept), bool)
        self.size = self.n_alive = len(kept)
        return kept

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {"rows": self.rows, "ids": self.ids, "alive": self.alive, "next_id": np.array([self.next_id])}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> Points:
        """Takes what `state` gave; raises ValueError unless its arrays fit together."""
        rows, ids, alive = state["rows"], state["ids"], state["alive"]
        fit = rows.ndim == 2 and rows.dtype in (np.float32, np.float64) and ids.shape == alive.shape == rows.shape[:1]
        if not (fit and ids.dtype == np.int64 and alive.dtype == bool and (ids[1:] > ids[:-1]).all()):
            raise ValueError("rows, ids and marks of the living do not fit together")
        if alive.size and alive.view(np.uint8).max() > 1:  # whoever counts them adds up bytes
            raise ValueError("alive has a mark that is neither 0 nor 1")
        points = cls(state["rows"])
        points._ids, points._alive = state["ids"], state["alive"]
        points.n_alive = int(np.count_nonzero(state["alive"]))
        (points.next_id,) = held(state, "next_id", np.int64, (1,)).tolist()
        if not 0 <= points.next_id <= LAST_ID or (len(ids) and not 0 <= ids[0] <= ids[-1] < points.next_id):
            raise ValueError(f"ids beyond the next one, {points.next_id}, or below 0, or that beyond {LAST_ID}")
        return points
