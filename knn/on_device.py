"""An exact index whose searches may run on a CUDA device."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from knn.device_arrays import on_device, on_host
from knn.device_rows import DeviceRows
from knn.neighbours import Neighbours
from knn.radius import RadiusNeighbours
from knn.validation import checked_count

#: Queries × points × coordinates below which the CPU serves: to start a device and to hear from it costs more. A guess
#: until `python -m benchmarks.gpu` has found where the two meet.
SMALL = 1 << 22


class OnDevice(RadiusNeighbours):
    """With device="cuda", searches for neighbours run on the device, in kernels held to the CPU's answers to the bit.

    Arrays in the device's memory (anything with __cuda_array_interface__, or DLPack) are taken as they are, on their
    owner's stream, and queries among them are answered in kind; the points are then copied to the host as well, which
    keeps the state. NumPy in, NumPy out. Below `SMALL` the CPU serves arrays of the host, and `serves` says so.
    Neighbours within a radius are found on the host.
    """

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    _rows_on_device: DeviceRows | None = None

    def serves(self, n_queries: int) -> str:
        """Which device answers that many queries of the host, "cpu" or "cuda"."""
        check_is_fitted(self)
        small = n_queries * self._points.n_alive * self._points.rows.shape[1] < SMALL
        return "cpu" if small else self.device

    def fit(self, X: Any, y: Any = None) -> Self:
        if not on_device(X):
            return super().fit(X, y)
        self._check_foreign("X")
        super().fit(on_host(X), y)
        self._rows_on_device = DeviceRows(X)
        return self

    def search(self, Q: Any, k: int | None = None, *, exact: bool = False) -> Neighbours:
        if Q is None or not on_device(Q):
            return super().search(Q, k, exact=exact)
        check_is_fitted(self)
        self._check_foreign("X")
        k = checked_count(self.n_neighbors if k is None else k, "n_neighbors")
        with self._lock.searching():
            points = self._points
            checked_count(k, "n_neighbors", most=points.n_alive, of="points to choose from")
            ids = None if points.next_id == points.size else points.ids
            distances, indices = self._device_rows().nearest(Q, k, ids=ids)
            q = len(Q)
            return Neighbours(indices, distances, np.full(q, points.n_alive), np.ones(q, bool))

    def _answer_on_device(self, Q: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        distances, slots = self._device_rows().nearest(Q, k)
        return distances, slots, np.full(len(Q), self._points.n_alive), np.ones(len(Q), bool)

    def _device_rows(self) -> DeviceRows:
        """The points as the device has them, copied there when they are first needed."""
        if self._rows_on_device is None:
            self._rows_on_device = DeviceRows(self._points.rows, self._points.alive.copy())
        return self._rows_on_device

    def _check_foreign(self, name: str) -> None:
        """Raises ValueError where arrays of a device cannot be served."""
        if self.device != "cuda" or self.metric != "euclidean":
            raise ValueError(
                f"{name} is in the memory of a GPU, and device={self.device!r} with metric={self.metric!r} reads the "
                "host's: set device='cuda' and metric='euclidean', or copy it with .cpu()"
            )
