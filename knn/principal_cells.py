"""Where the codes of Principal DCI lie: in cells around prototypes, sixteen points to a block, and a tail."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.file_arrays import counts, held, within
from knn.points import Points, grown

#: Points to a block.
TOGETHER = 16
#: Rows whose distances from all means are found together.
ROWS = 1024
#: Rounds of Lloyd's algorithm: later ones move few points (measured on MNIST: speed within two per cent of 25 rounds).
ROUNDS = 8
#: No ‖c‖² is larger: 64 bytes, of 128 steps at most.
LONGEST = 64 * 128**2


class Cells:
    """Codes by place: those of a cell one after the other in the order of their slots, then a tail in no cell.

    A cell begins a block, so that up to fifteen places after it belong to nobody; they look like dead points.
    """

    #: Codes, uint8 (b, 1024), and ‖c‖² or DEAD, int32 (≥ 16 b,).
    blocks: np.ndarray
    terms: np.ndarray
    #: From place to slot and back, int32.
    slots: np.ndarray
    places: np.ndarray
    #: Cell c holds the blocks ends[c] to ends[c + 1]; the last span is the tail.
    ends: np.ndarray

    def __init__(self, prototypes: np.ndarray, n: int, kernels: ModuleType):
        """No points yet, room for n of them, and cells around the prototypes, int8 (p, 64)."""
        self.prototypes = prototypes
        self._take_prototypes(kernels)
        self.size = self.tail = 0
        self.ends = np.zeros(len(prototypes) + 2, np.int64)
        self._make_room(-(-n // TOGETHER))
        self.places = np.empty(n, np.int32)

    def _take_prototypes(self, kernels):
        count = len(self.prototypes)
        self._near = np.zeros((-(-count // TOGETHER), 64 * TOGETHER), np.uint8)
        self._near_terms = np.full(len(self._near) * TOGETHER, kernels.DEAD, np.int32)
        kernels.terms_of(self.prototypes, self._near_terms[:count])
        kernels.pack(self.prototypes, np.arange(count, dtype=np.int32), self._near)

    def _make_room(self, blocks):
        self.blocks = np.empty((blocks, 64 * TOGETHER), np.uint8)
        self.terms = np.empty(TOGETHER * blocks, np.int32)
        self.slots = np.empty(TOGETHER * blocks, np.int32)

    @property
    def table(self) -> tuple[np.ndarray, ...]:
        """(blocks, terms, slots) that are in use."""
        used = int(self.ends[-1])
        return self.blocks[:used], self.terms[: TOGETHER * used], self.slots[: TOGETHER * used]

    @property
    def cells(self) -> tuple[np.ndarray, ...]:
        """(ends, prototypes in blocks, their terms), for `search_codes`."""
        return self.ends, self._near, self._near_terms

    def append(self, codes: np.ndarray, kernels: ModuleType) -> None:
        """Puts the codes int8 (n, 64) of the next n slots into the tail."""
        start, stop = self.size, self.size + len(codes)
        used, first = int(self.ends[-1]), TOGETHER * int(self.ends[-2]) + self.tail
        wanted = -(-(first + len(codes)) // TOGETHER)
        self.blocks = grown(self.blocks, used, wanted)
        self.terms = grown(self.terms, TOGETHER * used, TOGETHER * wanted)
        self.slots = grown(self.slots, TOGETHER * used, TOGETHER * wanted)
        self.places = grown(self.places, start, stop)
        self._clear(used, wanted, kernels)
        places = np.arange(first, first + len(codes), dtype=np.int32)
        kernels.pack(codes, places, self.blocks)
        kernels.terms_of(codes, self.terms[first : first + len(codes)])
        self.slots[first : first + len(codes)] = np.arange(start, stop)
        self.places[start:stop] = places
        self.size, self.tail, self.ends[-1] = stop, self.tail + len(codes), wanted

    def _clear(self, first, last, kernels):
        """Blocks in which nobody lies yet."""
        self.blocks[first:last] = 0
        self.terms[TOGETHER * first : TOGETHER * last] = kernels.DEAD
        self.slots[TOGETHER * first : TOGETHER * last] = -1

    def kill(self, slots: np.ndarray, kernels: ModuleType) -> None:
        """No search finds these slots any more."""
        self.terms[self.places[slots]] = kernels.DEAD

    def gather(self, kernels: ModuleType) -> None:
        """Puts the tail into cells."""
        places = self.places[: self.size]
        codes, terms = np.empty((self.size, 64), np.int8), self.terms[places]
        kernels.unpack(self.blocks, places, codes)
        cells = (np.searchsorted(self.ends, places // TOGETHER, side="right") - 1).astype(np.int32)
        new = np.flatnonzero(places // TOGETHER >= self.ends[-2])
        nearest = np.empty(len(new), np.int32)
        kernels.nearest_codes(codes if len(new) == self.size else codes[new], self._near, self._near_terms, nearest)
        cells[new] = nearest
        counts = np.bincount(cells, minlength=len(self.prototypes))
        ends = np.concatenate([[0], np.cumsum(-(-counts // TOGETHER))])
        order = np.argsort(cells, kind="stable")
        within = np.arange(self.size) - np.repeat(np.cumsum(counts) - counts, counts)
        self.places[order] = TOGETHER * ends[cells[order]] + within
        self.ends, self.tail = np.append(ends, ends[-1]), 0
        del self.blocks, self.terms, self.slots  # two of them need not be there at once
        self._make_room(int(ends[-1]))
        self._clear(0, int(ends[-1]), kernels)
        places = self.places[: self.size]
        kernels.pack(codes, places, self.blocks)
        self.terms[places] = terms
        self.slots[places] = np.arange(self.size)

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        blocks, terms, _ = self.table
        return {
            "blocks": blocks,
            "terms": terms,
            "places": self.places[: self.size],
            "ends": self.ends,
            "prototypes": self.prototypes,
            "tail": np.array([self.tail]),
        }

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], points: Points, kernels: ModuleType) -> Cells:
        """Takes what `state` gave of these points; raises ValueError unless each has a place in a cell or the tail."""
        cells = cls.__new__(cls)
        ends, count = state["ends"], state["ends"].size - 2
        held(state, "ends", np.int64, (max(count, 1) + 2,))
        used, cells.size = int(ends[-1]), points.size
        if ends[0] != 0 or (ends[1:] < ends[:-1]).any():
            raise ValueError(f"cells that end at {ends[:9]}")
        (cells.tail,) = counts(state, "tail", 1)
        cells.ends, cells.prototypes = ends, held(state, "prototypes", np.int8, (count, 64))
        cells.blocks = held(state, "blocks", np.uint8, (used, 64 * TOGETHER))
        cells.terms = held(state, "terms", np.int32, (TOGETHER * used,))
        cells.places = within(state, "places", np.int32, (points.size,), 0, TOGETHER * used)
        cells._take_prototypes(kernels)
        cells.slots = np.full(len(cells.terms), -1, np.int32)
        cells.slots[cells.places] = np.arange(cells.size)
        cells._check_places(points.alive, kernels)
        return cells

    def _check_places(self, alive, kernels):
        """Raises unless points lie in places of their own, the tail in a row, and none but the living is found."""
        first, inner = TOGETHER * int(self.ends[-2]), self.size - self.tail
        if np.count_nonzero(self.slots >= 0) != self.size or inner < 0:
            raise ValueError("places that two points share, or a tail of more points than there are")
        tail = np.arange(first, first + self.tail)  # no longer than there are points
        if (self.places[:inner] >= first).any() or not np.array_equal(self.places[inner:], tail):
            raise ValueError("places that are not those of the cells, and then of the tail in a row")
        if -(-(first + self.tail) // TOGETHER) != self.ends[-1]:
            raise ValueError(f"a tail of {self.tail} points in blocks {self.ends[-2]} to {self.ends[-1]}")
        found = self.terms[self.places[alive]]
        seen = np.count_nonzero(self.terms != kernels.DEAD)
        if ((found < 0) | (found > LONGEST)).any() or seen != len(found):
            raise ValueError("terms: not a squared length for each living point, and that of the dead elsewhere")


def means(codes: np.ndarray, count: int) -> np.ndarray:
    """Prototypes int8 (count, 64): means of codes (n, 64), by Lloyd's algorithm from the first `count` (MacQueen 1967).

    A mean that no code is nearest to stays where it was. Call it with BLAS at one thread.
    """
    rows = codes.astype(np.float32)
    centres, nearest = rows[:count].copy(), np.empty(len(rows), np.int64)
    for _ in range(ROUNDS):
        squared = (centres**2).sum(axis=1)
        for start in range(0, len(rows), ROWS):  # in parts, so that all distances are never there at once
            part = slice(start, start + ROWS)
            nearest[part] = np.argmin(squared - 2 * (rows[part] @ centres.T), axis=1)
        members = np.bincount(nearest, minlength=count)
        order = np.argsort(nearest, kind="stable")
        sums = np.add.reduceat(rows[order], np.minimum(np.cumsum(members) - members, len(rows) - 1), axis=0)
        filled = members > 0
        centres[filled] = sums[filled] / members[filled, None]
    return np.rint(centres).astype(np.int8)
