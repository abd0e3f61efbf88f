"""What answers by candidates on a CUDA device share: points, buffers, queries in portions, and what comes back."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np

from knn.device_arrays import as_device_rows, back, check_room, empty_like, free_bytes, handle_of, on_device, stream_of
from knn.device_rows import DeviceRows
from knn.inner_product import Answer
from knn.validation import checked_rows

#: Threads of a block that has one query and looks at many points, of one that has a tile of them, and points that each
#: of the former looks at before all wait: a wait is dear, and a buffer must hold what they find meanwhile.
THREADS, FEW_THREADS, AHEAD = 256, 128, 4
#: Bytes of buffers at a time: enough queries for the blocks of one to fill a device, where points are a million.
WORKSPACE = 1 << 30


class Told(NamedTuple):
    """What a portion of the queries is answered by, on the device; all of (q, k) or (q,)."""

    distances: Any
    slots: Any
    evaluations: Any
    certified: Any


class DeviceCandidates(ABC):
    """The k nearest, by the definition, of the candidates among rows X (n, d) on a CUDA device.

    X is an array of the host or of the device, float32 or float64; one that lies on the device is used where it is, and
    must not change. `alive` bool (n,), of the host, marks rows that may be found. Raises ValueError for rows that do
    not fit the device's memory.
    """

    def __init__(self, X: Any, alive: np.ndarray, kept: int):
        """`kept` is the number of bytes that a subclass keeps for each point besides."""
        from numba import cuda

        from knn.kernels.engine import engine

        self._kernels = engine("cuda")
        rows = as_device_rows(X, "X") if on_device(X) else X
        self.shape, self.dtype = tuple(rows.shape), np.dtype(rows.dtype)
        a_point = kept + (0 if on_device(X) else self.shape[1] * self.dtype.itemsize)
        check_room(f"{self.shape[0]} rows and what is kept of each", self.shape[0] * a_point, 0.5)
        self._rows = rows if on_device(X) else cuda.to_device(rows)
        self._alive, self._living = alive, int(np.count_nonzero(alive))
        self._all: DeviceRows | None = None
        self._workspaces: dict[int, tuple[int, tuple[tuple[int, Any], ...], Any]] = {}
        self._workspace_bytes = min(WORKSPACE, free_bytes() / 4)
        self._lock = threading.Lock()

    @abstractmethod
    def _scratch(self, k: int, limits: Any) -> tuple[tuple[int, Any], ...]:
        """(numbers a query, their type) of each buffer that `_start` needs for k neighbours."""

    @abstractmethod
    def _start(self, queries: Any, limits: Any, buffers: tuple[Any, ...], told: Told, stream: Any) -> None:
        """Starts what fills `told` for queries on the device, without waiting; `limits` are the budgets."""

    def answer(self, Q: Any, k: int, limits: Any, exact: bool, ids: np.ndarray | None = None) -> Answer:
        """Distances and slots (q, k), or what `ids` names these, of the library of Q; evaluations and certified (q,).

        With `exact`, every point is measured, which a device does quickest. A query that is not finite finds nothing,
        and is not certified.
        """
        foreign = on_device(Q)
        stream = stream_of(Q) if foreign else 0
        if exact:
            distances, slots = self._everything().nearest(Q, k, ids=ids)
            filled = self._everything().filled(slots, stream)
            certified = filled if isinstance(filled, np.ndarray) else _on_host(filled, stream)
            return distances, slots, np.full(len(certified), self._living), certified
        from numba import cuda

        queries = as_device_rows(Q, "Q", self.shape[1]) if foreign else cuda.to_device(checked_rows(Q, "Q"))
        q = queries.shape[0]
        made = [empty_like(Q, shape, kind, stream) for shape, kind in (((q, k), np.float64), ((q, k), np.int64))]
        counts = cuda.device_array(q, np.int64, stream=stream), cuda.device_array(q, np.bool_, stream=stream)
        distances, slots = (view for _, view in made)
        with self._lock:  # two threads must not mix what they start on one stream, whose workspace they share
            together, buffers = self._workspace(q, self._scratch(k, limits), stream)
            for first in range(0, q, together):
                part = slice(first, min(first + together, q))
                told = Told(distances[part], slots[part], counts[0][part], counts[1][part])
                self._start(queries[part], limits, buffers, told, stream)
        if ids is not None:
            self._kernels.ranking(FEW_THREADS).name[q, FEW_THREADS, stream](cuda.to_device(ids, stream), slots)
        evaluations, certified = (back(part, stream) for part in counts)
        if foreign:
            return made[0][0], made[1][0], evaluations, certified
        return distances.copy_to_host(), slots.copy_to_host(), evaluations, certified

    def _everything(self) -> DeviceRows:
        """Exact search among the same rows, made when it is first asked for; where the device has no room for them
        centred too, they are centred in portions, for each search.
        """
        with self._lock:
            if self._all is None:
                self._all = DeviceRows(self._rows, self._alive)
            return self._all

    def _workspace(self, q: int, scratch: tuple[tuple[int, Any], ...], stream: Any) -> tuple[int, tuple[Any, ...]]:
        """(queries at a time, their buffers), the same ones for each search of a kind on a stream."""
        from numba import cuda

        a_query = sum(size * np.dtype(kind).itemsize for size, kind in scratch)
        together = int(min(q, max(1, self._workspace_bytes // a_query)))
        handle = handle_of(stream)
        if handle in self._workspaces:
            has, of, made = self._workspaces[handle]
            if has >= together and of == scratch:
                return together, made
            del self._workspaces[handle], made  # the old before the new: both may not fit
        made = tuple(cuda.device_array(together * size, kind) for size, kind in scratch)
        self._workspaces[handle] = together, scratch, made
        return together, made


def shaped(flat: Any, *shape: int) -> Any:
    """The front of a flat array of the device as one of that shape, its rows one after another."""
    return flat[: int(np.prod(shape))].reshape(*shape)


def living_order(order: np.ndarray, keys: np.ndarray, bounds: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """The slots alive in the order of keys (m, ≥ n), int32 (m, living), of `order` in runs that end at `bounds`."""
    n = len(alive)
    if len(bounds) == 2 and alive.all():
        return np.ascontiguousarray(order[:, :n])
    slots = np.flatnonzero(alive)
    sorted_slots = [slots[np.argsort(line[slots], kind="stable")] for line in keys]
    return np.array(sorted_slots, np.int32).reshape(len(keys), len(slots))


def _on_host(told: Any, stream: Any) -> np.ndarray:
    """A few marks of the device, in the memory of the host."""
    return told.cpu().numpy() if hasattr(told, "cpu") else back(told, stream)
