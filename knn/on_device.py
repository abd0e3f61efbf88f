"""An index whose searches may run on a CUDA device."""

from __future__ import annotations

import threading
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from knn.base import NearestNeighbours
from knn.device_arrays import on_device, on_host
from knn.inner_product import Answer
from knn.neighbours import Neighbours, checked_among
from knn.validation import checked_count

#: Queries × points × coordinates below which the CPU serves: to start a device and to hear from it costs more. A guess
#: until `python -m benchmarks.gpu` has found where the two meet.
SMALL = 1 << 22


_MAKING = threading.RLock()


class OnDevice(NearestNeighbours):
    """With device="cuda", searches for neighbours run on the device, and rank by the definition as the CPU does.

    Arrays in the device's memory (anything with __cuda_array_interface__, or DLPack) are taken as they are, on their
    owner's stream, and queries among them are answered in kind; the points are then copied to the host as well, which
    keeps the state; what `fit` was given is searched where it lies and must not be written to afterwards. NumPy in,
    NumPy out. Below `SMALL` the CPU serves arrays of the host, and `serves` says so. Neighbours within a radius are
    found on the host.
    """

    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    #: A cache of what the device holds, made when it is first needed; None after every change of the points.
    _rows_on_device: Any = None
    #: The array of the device that `fit` was given, used where it lies until the points change.
    _given: Any = None

    def serves(self, n_queries: int) -> str:
        """Which device answers that many queries of the host, "cpu" or "cuda"."""
        check_is_fitted(self)
        small = n_queries * self._points.n_alive * self._points.rows.shape[1] < SMALL
        return "cpu" if small else self.device

    def _received(self, X: Any) -> Any:
        self._given = X if on_device(X) else None
        if self._given is None:
            return X
        self._check_foreign("X")
        return on_host(X)

    def search(self, Q: Any, k: int | None = None, *, exact: bool = False) -> Neighbours:
        if Q is None or not on_device(Q):
            return super().search(Q, k, exact=exact)
        check_is_fitted(self)
        self._check_foreign("X")
        k = checked_count(self.n_neighbors if k is None else k, "n_neighbors")
        with self._lock.searching():
            points = self._points
            checked_among(k, points.n_alive)
            ids = None if points.next_id == points.size else points.ids
            distances, indices, evaluations, certified = self._device_answer(Q, k, exact, ids)
            return Neighbours(indices, distances, evaluations, certified)

    @abstractmethod
    def _device_made(self, rows: Any, alive: np.ndarray) -> Any:
        """What the device keeps for rows (slots, d), of the host or its own, of which some are alive."""

    @abstractmethod
    def _device_answer(self, Q: Any, k: int, exact: bool, ids: np.ndarray | None = None) -> Answer:
        """What `_answer` answers, by the device; with `ids`, these in place of slots."""

    def _on_device(self) -> Any:
        """What the device keeps, copied there when it is first needed."""
        points = self._points
        with _MAKING:  # two first searches make it once
            if self._rows_on_device is None:
                from numba import cuda

                as_given = self._given is not None and len(self._given) == points.size == points.next_id
                made = self._device_made(self._given if as_given else points.rows, points.alive.copy())
                cuda.synchronize()  # a caller's stream does not wait for the default one, on which copies are made
                self._rows_on_device = made
            return self._rows_on_device

    def _check_foreign(self, name: str) -> None:
        """Raises ValueError where arrays of a device cannot be served."""
        if self.device != "cuda" or self.metric != "euclidean":
            raise ValueError(
                f"{name} is in the memory of a GPU, and device={self.device!r} with metric={self.metric!r} reads the "
                "host's: set device='cuda' and metric='euclidean', or copy it with .cpu()"
            )
