"""Which point of which shard has which id: runs of consecutive ids, so that a thousand million take no memory."""

from __future__ import annotations

import numpy as np

from knn.points import LAST_ID, grown


class Numbering:
    """Ids 0, 1, … of all points, and in each shard local ids 0, 1, … in the same order.

    Points come in runs: consecutive ids, all of one shard. A run is (first id, length, shard, first local id), so the
    memory is that of the runs: one a shard at first, one more an insertion into another shard than the last. int64
    arrays throughout.
    """

    def __init__(self, n_shards: int):
        self._sizes = np.zeros(n_shards, np.int64)
        self._table, self._count = np.empty((0, 4), np.int64), 0

    @property
    def _runs(self) -> np.ndarray:
        return self._table[: self._count]

    @property
    def sizes(self) -> list[int]:
        """How many local ids each shard has given."""
        return self._sizes.tolist()

    @property
    def next_id(self) -> int:
        return int(self._runs[-1, :2].sum()) if len(self._runs) else 0

    def append(self, shard: int, length: int) -> np.ndarray:
        """The ids of so many further points, which lie in `shard`. O(length), amortised."""
        first = self.next_id
        self._extend(first, length, shard)
        return np.arange(first, first + length)

    def _extend(self, first: int, length: int, shard: int) -> None:
        if self._count and self._table[self._count - 1, 2] == shard:
            self._table[self._count - 1, 1] += length
        else:
            self._table = grown(self._table, self._count, self._count + 1)
            self._table[self._count] = first, length, shard, self._sizes[shard]
            self._count += 1
        self._sizes[shard] += length

    def global_of(self, shard: int, local: np.ndarray) -> np.ndarray:
        """The ids of a shard's local ids; −1 stays −1."""
        runs = self._runs[self._runs[:, 2] == shard]
        run = np.maximum(np.searchsorted(runs[:, 3], local, side="right") - 1, 0)
        return np.where(local < 0, -1, runs[run, 0] + local - runs[run, 3])

    def local_of(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(shards, local ids); −1 in both where no point ever had the id."""
        run = np.maximum(np.searchsorted(self._runs[:, 0], ids, side="right") - 1, 0)
        known = (ids >= 0) & (ids < self.next_id)
        shards, local = self._runs[run, 2], self._runs[run, 3] + ids - self._runs[run, 0]
        return np.where(known, shards, -1), np.where(known, local, -1)

    def state(self) -> list[list[int]]:
        """What `restored` needs, as JSON has it."""
        return self._runs.tolist()

    @classmethod
    def restored(cls, n_shards: int, runs: list[list[int]]) -> Numbering:
        """Takes what `state` gave; raises ValueError unless each run follows the one before."""
        numbering = cls(n_shards)
        for first, length, shard, local in runs:
            whole = all(type(number) is int for number in (first, length, shard, local)) and 0 <= shard < n_shards
            begins = (numbering.next_id, int(numbering._sizes[shard])) if whole else None
            if begins != (first, local) or not 1 <= length <= LAST_ID - first:
                raise ValueError(f"runs: one of {length} points at {first} in shard {shard}")
            numbering._extend(first, length, shard)
        return numbering
