"""A k-d tree on a CUDA device: what lies there, and how it is searched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from knn.device_arrays import as_device_rows, check_room, empty_like, on_device, stream_of
from knn.device_rows import THREADS
from knn.kernels.cpu_planes import halfway
from knn.validation import checked_rows

#: Threads of a block of the walk, each with a stack of its own in shared memory; and the most neighbours that are held
#: there too. They decide on time, on no answer; both are guesses until `python -m benchmarks.gpu` has compared others.
WALKERS, ROOM = 64, 16
#: Levels of the first tree by which queries are lined up before they walk; as many blocks of queries as pay for it.
LEVELS, WAITING = 12, 2


class DeviceTree:
    """The exact nearest neighbours, by the definition, in trees of boxes that the host has built.

    Each of `trees` tells the `slots` (n,) of its points in the order of its leaves; `rows` (slots, d) are the host's,
    and `alive` bool (slots,) marks those that may be found. Distances, ties and their order are those of `KDTree` on
    the CPU, to the bit. Memory: the points, in the order of the leaves, and at most half as much for the boxes.

    Raises ValueError where the device's memory does not hold them.
    """

    def __init__(self, rows: np.ndarray, alive: np.ndarray, trees: Sequence[Any]):
        from numba import cuda

        from knn.kernels.cuda_order import ordering
        from knn.kernels.cuda_rank import ranking
        from knn.kernels.cuda_tree import walking

        self._kernels, self._ranking, self._ordering = walking(WALKERS, ROOM), ranking(THREADS), ordering(THREADS)
        self._width = rows.shape[1]
        slots = np.concatenate([tree.slots for tree in trees])
        boxes, ranges, roots = _nodes(rows, trees)
        wanted = slots.size * (rows.itemsize * self._width + 4) + boxes.nbytes + ranges.nbytes
        check_room("the points and boxes of the tree", wanted, 0.9)  # the rest is for queries and answers
        arrays = rows[slots], np.where(alive[slots], slots, -1).astype(np.int32), boxes, ranges, roots
        self._tree = tuple(cuda.to_device(array) for array in arrays)
        self._levels = min(LEVELS, len(trees[0].columns).bit_length() - 1)
        top = slice(0, max(1, 2**self._levels - 1))
        self._planes = tuple(cuda.to_device(part[top].copy()) for part in (trees[0].columns, trees[0].planes))
        self._zeros = cuda.to_device(np.zeros(2**self._levels, np.int32))
        self._as_they_are = cuda.device_array(0, np.int32)

    def nearest(self, Q: Any, k: int, *, ids: np.ndarray | None = None) -> tuple[Any, Any, Any, Any]:
        """Distances float64 (q, k), ∞ for nothing; slots int64 (q, k), −1 for nothing, or what `ids` names them; how
        many points were measured, int64 (q,); and whether k were found, bool (q,).

        For Q on the device all lie there too, arrays of the same library, written on the caller's stream, and nothing
        waits; for Q of the host they are NumPy's. A query that is not finite finds nothing. k ≤ n.
        """
        from numba import cuda

        foreign = on_device(Q)
        like = Q if foreign else cuda.to_device(checked_rows(Q, "Q", width=self._width))
        queries, stream = as_device_rows(like, "Q", self._width), stream_of(Q) if foreign else 0
        q = queries.shape[0]
        kinds = ((q, k), np.float64), ((q, k), np.int64), ((q,), np.int64), ((q,), np.bool_)
        made, views = zip(*(empty_like(like, shape, kind, stream) for shape, kind in kinds), strict=True)
        distances, slots, looked, found = views
        walk = self._kernels.few if k <= self._kernels.room else self._kernels.many
        order = self._order(like, queries, stream)
        walk[-(-q // WALKERS), WALKERS, stream](self._tree, queries, order, distances, slots, looked)
        self._ranking.full[-(-q // THREADS), THREADS, stream](slots, found)
        if ids is not None:
            self._ranking.name[q, THREADS, stream](cuda.to_device(ids, stream), slots)
        return made if foreign else tuple(view.copy_to_host() for view in views)

    def _order(self, like: Any, queries: Any, stream: Any) -> Any:
        """Which queries (q, d) are near each other: all in such an order, int32 (q,), or (0,) for as they are."""
        q = queries.shape[0]
        if q <= WAITING * WALKERS:
            return self._as_they_are
        order, buckets, counts = (
            empty_like(like, shape, np.int32, stream)[1] for shape in ((q,), (q,), self._zeros.shape)
        )
        blocks = -(-q // THREADS), THREADS, stream
        counts.copy_to_device(self._zeros, stream=stream)
        self._ordering.count[blocks](queries, *self._planes, self._levels, buckets, counts)
        self._ordering.starts[1, self._ordering.threads, stream](counts)
        self._ordering.line_up[blocks](buckets, counts, order)
        return order


def _nodes(rows: np.ndarray, trees: Sequence[Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(boxes, ranges, roots) of all trees, one after the other, as knn/kernels/cuda_tree.py wants them."""
    from knn.kernels import cpu

    counts = [cpu.n_nodes(len(tree.slots)) for tree in trees]
    boxes = np.zeros((sum(counts), 2, rows.shape[1]), rows.dtype)
    ranges, roots = np.zeros((sum(counts), 2), np.int32), np.zeros((len(trees), 3), np.int64)
    node = point = 0
    for root, tree, count in zip(roots, trees, counts, strict=True):
        cpu.enclose_nodes(rows[tree.slots], boxes[node : node + count])
        _halve(ranges[node : node + count], cpu.n_blocks(len(tree.slots)))
        root[:] = node, point, point + len(tree.slots)
        node, point = node + count, point + len(tree.slots)
    return boxes, ranges, roots


def _halve(ranges: np.ndarray, blocks: int) -> None:
    """ranges[i] = the blocks that node i of a tree holds, from the first to before the last."""
    ranges[0] = 0, blocks
    level = np.zeros(1 if blocks > 1 else 0, np.int64)
    while len(level):
        first, last = ranges[level].T
        # Where a half ends depends on how many blocks there are, and on a level few numbers of them occur.
        sizes, which = np.unique(last - first, return_inverse=True)
        middle = first + np.array([halfway(0, int(size)) for size in sizes], np.int32)[which]
        ranges[2 * level + 1] = np.stack([first, middle], axis=1)
        ranges[2 * level + 2] = np.stack([middle, last], axis=1)
        children = np.concatenate([2 * level + 1, 2 * level + 2])
        level = children[ranges[children, 1] - ranges[children, 0] > 1]
