"""Exact search on a CUDA device: what lies there, in which portions it is searched, and what comes back."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from knn.device_arrays import as_device_rows, back, empty_like, free_bytes, handle_of, moved, on_device, stream_of
from knn.device_portions import Portion, Seeing, bytes_beside, host_rows, matrices, on_host_sample, portion
from knn.screening import MODERATE, Screen
from knn.validation import checked_rows

#: What words of two halves are called.
HALF = np.dtype(np.float16)
#: Threads along a side of a block, and products that a thread holds along a side of its own: as many as its registers
#: hold without spilling (docs/cuda.md has the compiler's counts).
WIDE, EACH = 16, {np.dtype(np.float32): 8, np.dtype(np.float64): 4, np.dtype(np.int32): 8, HALF: 8}
#: Threads of the blocks that look at one row each, or one query.
THREADS = 128
#: Blocks that an H200 has registers for, two on each of its 132 multiprocessors (`cuda_tiles.RESIDENT`); blocks to
#: start at most; and the fewest tiles of points for which one is worth starting. They decide on time, on no answer.
AT_ONCE, BLOCKS, FEWEST = 264, 528, 4
#: Room in a buffer beside two tiles, by the largest k that it serves; and the most that is ranked for one query.
ROOMS, RANKED = (32, 128, 1024), 8192
#: Points of a portion at most, whose slots are kept in 32 bits.
SLOTS = 2**31 - 1
#: Bytes of buffers at a time.
WORKSPACE = 1 << 30


class DeviceRows:
    """The exact nearest neighbours, by the definition, among rows on a CUDA device.

    X (n, d) is an array of the host or of the device, float32 or float64; one that lies on the device is used where it
    is, and must not change. Rows of the host that the device's memory cannot hold are copied in portions, anew for each
    search; rows of the device are so centred, where they must be and there is no room for all. `alive` bool (n,), of
    the host, marks rows that may be found. Distances, ties and their order are those of `BruteForce` on the CPU, to the
    bit. Memory O(n d), and a workspace of at most a gigabyte, or a quarter of what is free.

    Raises ValueError for X with entries that are not finite, or too large to be squared, naming the row, and where no
    device answers.
    """

    def __init__(self, X: Any, alive: np.ndarray | None = None, *, portion: int | None = None):
        """`portion` is the number of points on the device at a time; by default what half its free memory holds."""
        from numba import cuda

        from knn.kernels import cpu
        from knn.kernels.engine import engine

        self._kernels = engine("cuda")
        self._owner = X if on_device(X) else None
        self._rows = as_device_rows(X, "X") if on_device(X) else host_rows(X)
        self.shape, self.dtype = tuple(self._rows.shape), np.dtype(self._rows.dtype)
        self._alive = np.ones(self.shape[0], bool) if alive is None else alive
        stream = 0 if self._owner is None else stream_of(self._owner)
        sample = on_host_sample(self._rows, stream, THREADS)
        screen = Screen(sample, np.ones(len(sample), bool), cpu)
        self._seeing = Seeing(bool(screen.direct), cuda.to_device(screen.centre, stream), screen.scale)
        self._halved = matrices()
        n = self.shape[0]
        self._portion = min(n, portion or self._room())
        self._kept = self._copied(0, n) if self._portion == n else None
        self._ready()

    def _ready(self) -> None:
        """What searches share: buffers by stream, the bytes that these may take, and a lock."""
        self._workspaces: dict[int, tuple[tuple[int, ...], Any]] = {}
        self._workspace_bytes = min(WORKSPACE, free_bytes() / 4)
        self._lock = threading.Lock()

    def nearest(self, Q: Any, k: int, *, ids: np.ndarray | None = None) -> tuple[Any, Any]:
        """Distances float64 (q, k), ∞ for nothing, and rows int64 (q, k), −1 for nothing, or what `ids` names them.

        For Q on the device both lie there too, arrays of the same library, written on the caller's stream, and nothing
        waits; for Q of the host they are NumPy's. A query that is not finite finds nothing. k ≤ n.
        """
        foreign = on_device(Q)
        queries = as_device_rows(Q, "Q", self.shape[1]) if foreign else checked_rows(Q, "Q", width=self.shape[1])
        stream = stream_of(Q) if foreign else 0
        shape = (len(queries), k)
        if foreign and self._kept is not None:
            distances, distances_view = empty_like(Q, shape, np.float64, stream)
            slots, slots_view = empty_like(Q, shape, np.int64, stream)
            self._enqueue(self._kept, queries, distances_view, slots_view, stream)
            self.name(slots_view, ids, stream)
            return distances, slots
        found, names = self._over_portions(queries, k, stream)
        if ids is not None:
            names = np.where(names >= 0, ids[names], -1)
        return (moved(Q, found, stream), moved(Q, names, stream)) if foreign else (found, names)

    def _over_portions(self, queries: Any, k: int, stream: Any) -> tuple[np.ndarray, np.ndarray]:
        """The nearest of all portions, on the host."""
        from numba import cuda

        shape = (len(queries), k)
        queries = cuda.to_device(queries, stream) if isinstance(queries, np.ndarray) else queries
        found, names = np.full(shape, np.inf), np.full(shape, -1)
        distances, slots = (cuda.device_array(shape, kind, stream=stream) for kind in (np.float64, np.int64))
        if self._kept is not None:
            self._enqueue(self._kept, queries, distances, slots, stream)
            return back(distances, stream), back(slots, stream)
        for start in range(0, self.shape[0], self._portion):
            portion = self._copied(start, min(self.shape[0], start + self._portion))
            self._enqueue(portion, queries, distances, slots, stream)
            more, more_names = back(distances, stream), back(slots, stream)
            del portion  # before the next, beside which there is no room for it
            _merge(found, names, more, more_names + start * (more_names >= 0))
        return found, names

    def start(self, queries: Any, distances: Any, slots: Any, stream: Any) -> None:
        """Fills distances and slots (q, k) for queries on the device, all in Numba's arrays, without waiting."""
        self._enqueue(self._whole(), queries, distances, slots, stream)

    @property
    def rows(self) -> Any:
        """The rows on the device; ValueError for more than its memory holds, as of `start` and `rank`."""
        return self._whole().rows

    def rank(self, queries: Any, chosen: Any, distances: Any, slots: Any, stream: Any) -> None:
        """The same among the slots `chosen` int64 (q, c) alone, the first −1 behind the last, by the definition."""
        from numba import cuda

        q, count = chosen.shape
        flags = cuda.to_device(np.zeros(q, np.int32), stream)
        counts = cuda.device_array((q, 1), np.int32, stream=stream)
        scratch = cuda.device_array((q, count), np.float64, stream=stream)
        ranking = self._kernels.ranking(THREADS)
        ranking.tell[-(-q // THREADS), THREADS, stream](chosen, counts)
        ranking.rank[q, THREADS, stream](self.rows, queries, flags, chosen, counts, scratch, distances, slots)

    def _whole(self) -> Portion:
        if self._kept is None:
            raise ValueError(
                f"{self.shape[0]} rows and what is kept beside them do not fit into the device's memory: use "
                "device='cpu', or knn.BruteForce(device='cuda'), through which rows pass in portions"
            )
        return self._kept

    def _enqueue(self, portion: Portion, queries: Any, distances: Any, slots: Any, stream: Any) -> None:
        """Starts what fills distances and slots (q, k), as many queries at a time as the workspace holds."""
        (q, k), n, tile = distances.shape, portion.rows.shape[0], self._tile
        room, tiles = 2 * tile + self._beside(k), -(-q // tile)
        a_stripe = room * (self.dtype.itemsize + 12)
        fitting = self._workspace_bytes // (a_stripe * tile)
        most = int(max(1, min(-(-n // (tile * FEWEST)), BLOCKS // tiles, RANKED // k, fitting)))
        stripes = max(range(1, most + 1), key=lambda stripes: (_busy(tiles * stripes), stripes))
        a_query = stripes * a_stripe + self.shape[1] * (self.dtype.itemsize + 2 * self._halved)
        together = max(1, int(self._workspace_bytes // (a_query * tile)))
        together = min(q, -(-tiles // -(-tiles // together)) * tile)  # parts as large as each other
        with self._lock:  # two threads must not mix what they start on one stream, whose workspace they share
            workspace = self._workspace((together, stripes, room), stream)
            for first in range(0, q, together):
                part = slice(first, min(first + together, q))
                self._serve(portion, queries[part], distances[part], slots[part], workspace, stream)

    def _beside(self, k: int) -> int:
        """Room in a buffer beside two tiles."""
        return 2 * next((most for most in ROOMS if k <= most), k)

    @property
    def _tile(self) -> int:
        """Queries and points of a tile of the screens, the larger of two."""
        return WIDE * max(EACH[kind] for kind in (self.dtype, *([HALF] if self._halved else [])))

    def _serve(self, portion: Portion, queries: Any, distances: Any, slots: Any, workspace: Any, stream: Any) -> None:
        """Starts the kernels for the queries of one workspace."""
        from knn.kernels.cuda_halves import AGAIN, ALL, FIRST

        seen, margins, flags, keys, held, scratch, counts, *halves = (part[: queries.shape[0]] for part in workspace)
        q, d, k, again = queries.shape[0], self.shape[1], distances.shape[1], FIRST
        limit = MODERATE[self.dtype] if d * np.finfo(self.dtype).eps < 0.5 else 0.0
        taking, ranking = self._kernels.taking(self.dtype, THREADS), self._kernels.ranking(THREADS)
        rows, threads = -(-q // THREADS), (WIDE, WIDE)
        taking.queries[rows, THREADS, stream](
            queries, self._seeing.centre, self._seeing.scale, portion.radius, limit, seen, margins, flags
        )
        if portion.halves is not None:
            (words, norms, scale, radius, loss), again = portion.halves, AGAIN
            some, factors, coarse = halves
            self._kernels.halving(self.dtype, THREADS).halve_queries[rows, THREADS, stream](
                seen, scale, radius, loss, some.view(np.float16), factors, coarse, flags
            )
            screen = self._kernels.screening(HALF, WIDE, EACH[HALF], matrix=True)
            screen[(-(-q // (WIDE * EACH[HALF])), keys.shape[1]), threads, stream](
                words, norms, some, factors, coarse, k, FIRST, AGAIN, flags, keys.view(np.float32), held, counts
            )
        # Those that many points are too near to for halves; a block that has none of them ends at once.
        screen = self._kernels.screening(self.dtype, WIDE, EACH[self.dtype])
        screen[(-(-q // (WIDE * EACH[self.dtype])), keys.shape[1]), threads, stream](
            portion.seen, portion.norms, seen, portion.norms, margins, k, again, ALL, flags, keys, held, counts
        )
        held = held.reshape(q, scratch.shape[1])
        ranking.rank[q, THREADS, stream](portion.rows, queries, flags, held, counts, scratch, distances, slots)
        ranking.settle[q, THREADS, stream](portion.rows, portion.alive, queries, flags, held, scratch, distances, slots)

    def _workspace(self, shape: tuple[int, int, int], stream: Any) -> tuple[Any, ...]:
        """Buffers for that many queries, stripes and keys, the same ones for each search of a kind on a stream."""
        from numba import cuda

        q, stripes, room = shape
        handle = handle_of(stream)
        if handle in self._workspaces:
            (has, *others), made = self._workspaces[handle]
            if has >= q and others == [stripes, room]:
                return made
            del self._workspaces[handle], made  # the old before the new: both may not fit
        made = tuple(cuda.device_array(part, kind) for part, kind in self._buffers(q, stripes, room))
        self._workspaces[handle] = shape, made
        return made

    def _buffers(self, q: int, stripes: int, room: int) -> list[tuple[Any, Any]]:
        """Shapes and types of what `_serve` writes to."""
        shape, each = (q, stripes, room), self.dtype
        halves = [((q, -(-self.shape[1] // 2)), np.int32), (q, np.float32), ((q, 4), np.float64)]
        return [
            ((q, self.shape[1]), each), ((q, 4), np.float64), (q, np.int32),
            (shape, each), (shape, np.int32), ((q, stripes * room), np.float64), ((q, stripes), np.int32),
            *(halves if self._halved else []),
        ]  # fmt: skip

    def _copied(self, start: int, stop: int) -> Portion:
        """The rows start … stop on the device."""
        stream = stream_of(self._owner) if self._owner is not None else 0
        rows, alive = self._rows[start:stop], self._alive[start:stop]
        return portion(rows, alive, start, self._seeing, self._halved, THREADS, stream)

    def _room(self) -> int:
        """How many points half of what is free holds; of the device's, nine tenths if that is all of them, or six."""
        a_point = bytes_beside(
            self.shape[1], self.dtype.itemsize, self._owner is None, self._seeing.direct, self._halved
        )
        n, room = self.shape[0], free_bytes() / a_point  # the simulator's is infinite
        share = 0.5 if self._owner is None else 0.9 if 0.9 * room >= n else 0.6
        return max(1, int(min(n, SLOTS, share * room)))

    def name(self, slots: Any, ids: np.ndarray | None, stream: Any) -> None:
        """Ids in place of slots, on the device."""
        from numba import cuda

        if ids is not None:
            self._kernels.ranking(THREADS).name[slots.shape[0], THREADS, stream](cuda.to_device(ids, stream), slots)

    def filled(self, slots: Any, stream: Any) -> Any:
        """Whether the k places of each query hold points, bool (q,), where `slots` (q, k) of `nearest` lie, which has
        written them on `stream`.
        """
        from numba import cuda

        if not on_device(slots):
            return slots[:, -1] >= 0
        q = slots.shape[0]
        told, view = empty_like(slots, (q,), np.bool_, stream)
        held = slots if getattr(slots, "__cuda_ndarray__", False) else cuda.as_cuda_array(slots, sync=False)
        self._kernels.ranking(THREADS).full[-(-q // THREADS), THREADS, stream](held, view)
        return told


def _busy(blocks: int) -> float:
    """The share of the multiprocessors that has work, over all waves of so many blocks."""
    return blocks / (AT_ONCE * -(-blocks // AT_ONCE))


def _merge(distances: np.ndarray, slots: np.ndarray, more: np.ndarray, more_slots: np.ndarray) -> None:
    """Leaves the k best of two lists in the first, in place; slots of the second list come later, and so yield ties."""
    k = distances.shape[1]
    both, names = np.hstack([distances, more]), np.hstack([slots, more_slots])
    order = np.argsort(both, axis=1, kind="stable")[:, :k]
    distances[:] = np.take_along_axis(both, order, axis=1)
    slots[:] = np.take_along_axis(names, order, axis=1)
