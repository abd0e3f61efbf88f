"""Memory of a device that is none: one range of addresses, and of each byte whether it is allocated and written."""

from __future__ import annotations

import ctypes
import mmap
from bisect import bisect_left, bisect_right, insort

import numpy as np

from tests.cuda.stand_in.entries import Refused

#: Where allocations begin, and how far apart they are at least.
GRAIN = 256
#: What memory holds that nobody has written: -2.7·10⁷ as float32, -2·10⁵⁷ as float64, -875836469 as int32.
POISON = 0xCB
ALLOCATED, WRITTEN = 1, 2
#: So much of the shadow is looked at together.
PIECE = 1 << 20
_NORESERVE = 0x4000  # MAP_NORESERVE, which Python's mmap names since 3.13


class Memory:
    """An arena of addresses, of which pages are paid when they are touched; the shadow has a byte for each byte.

    A freed range is used again only when all other addresses have been: what still reads it is found out.
    """

    def __init__(self, size: int = 16 << 30, limit: int = 2 << 30):
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE
        self._maps = [mmap.mmap(-1, size, flags=flags) for _ in range(2)]
        self._bytes, self._shadow = (np.frombuffer(each, np.uint8) for each in self._maps)
        self.base, self.shadow = (int(view.ctypes.data) for view in (self._bytes, self._shadow))
        self.size, self.limit, self.used = size, limit, 0
        self._live: dict[int, int] = {}  # the size of each allocation
        self._pinned: set[int] = set()  # those of the host's, which count against no limit
        self._order: list[int] = []  # their addresses, ascending
        self._next = self.base + GRAIN

    def allocate(self, size: int, pinned: bool = False) -> int:
        """An address of so many bytes; of the host's memory they are written from the first, as the host's always."""
        if size <= 0:
            raise Refused("INVALID_VALUE")
        if not pinned and self.used + size > self.limit:
            raise Refused("OUT_OF_MEMORY")
        address = self._place(size)
        self._live[address] = size
        insort(self._order, address)
        self._next = address + _rounded(size)
        self._part(self._bytes, address, size)[:] = POISON
        self._part(self._shadow, address, size)[:] = ALLOCATED | (WRITTEN if pinned else 0)
        if pinned:
            self._pinned.add(address)
        else:
            self.used += size
        return address

    def free(self, address: int) -> None:
        """The end of what `allocate` gave at that address."""
        size = self._live.pop(address, None)
        if size is None:
            raise Refused("INVALID_VALUE")
        del self._order[bisect_right(self._order, address) - 1]
        if address in self._pinned:
            self._pinned.remove(address)
        else:
            self.used -= size
        self._part(self._shadow, address, size)[:] = 0
        first = -(-(address - self.base) // mmap.PAGESIZE) * mmap.PAGESIZE
        whole = (address - self.base + size - first) // mmap.PAGESIZE * mmap.PAGESIZE
        if whole > 0:
            for each in self._maps:
                each.madvise(mmap.MADV_DONTNEED, first, whole)

    def extent(self, address: int) -> tuple[int, int]:
        """The beginning and the size of the allocation that an address lies in."""
        place = bisect_right(self._order, address) - 1
        base = self._order[place] if place >= 0 else 0
        if place < 0 or address >= base + self._live[base]:
            raise Refused("INVALID_VALUE")
        return base, self._live[base]

    def holds(self, address: int, size: int) -> bool:
        """Whether all these bytes lie in one allocation."""
        try:
            base, room = self.extent(address)
        except Refused:
            return False
        return address + size <= base + room

    def pinned(self, address: int) -> bool:
        """Whether the host allocated what lies there."""
        try:
            return self.extent(address)[0] in self._pinned
        except Refused:
            return False

    def mark(self, address: int, size: int) -> None:
        """These bytes have been written."""
        self._part(self._shadow, address, size)[:] |= WRITTEN

    def unwritten(self, address: int, size: int) -> int | None:
        """The first address in that range that is not allocated or that nobody has written; None if all are."""
        for start in range(address, address + size, PIECE):
            part = self._part(self._shadow, start, min(PIECE, address + size - start)) != ALLOCATED | WRITTEN
            if part.any():
                return start + int(part.argmax())
        return None

    def fill(self, address: int, values: np.ndarray) -> None:
        """The host's numbers, one after another from that address on."""
        ctypes.memmove(address, values.ctypes.data, values.nbytes)
        self.mark(address, values.nbytes)

    def copy(self, to: int, source: int, size: int) -> None:
        """From one place of the device to another: with the numbers goes whether they were ever written."""
        ctypes.memmove(to, source, size)
        self._part(self._shadow, to, size)[:] = self._part(self._shadow, source, size).copy()

    def _part(self, view: np.ndarray, address: int, size: int) -> np.ndarray:
        return view[address - self.base : address - self.base + size]

    def _place(self, size: int) -> int:
        """The first gap behind the last allocation, or else from the beginning on."""
        end = self.base + self.size
        for start in (self._next, self.base + GRAIN):
            for place in range(bisect_left(self._order, start), len(self._order) + 1):
                stop = self._order[place] if place < len(self._order) else end
                if start + _rounded(size) <= stop:
                    return start
                start = max(start, stop + _rounded(self._live.get(stop, 0)))
        raise Refused("OUT_OF_MEMORY")


def _rounded(size: int) -> int:
    """With the gap behind it."""
    return (-(-size // GRAIN) + 1) * GRAIN
