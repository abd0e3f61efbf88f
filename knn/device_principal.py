"""Principal DCI on a CUDA device: every point's leading coordinates, the few that promise most, and a proof."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from knn.device_arrays import as_device_rows, empty_like, on_device, stream_of
from knn.device_rows import THREADS, DeviceRows, back
from knn.principal_codes import COARSE, Coder
from knn.validation import checked_rows

#: Points that a proof measures before all are: as many as prove nearly every query on images.
PROMISING = 128


class Found(NamedTuple):
    """Distances (q, k) and slots (q, k), of the library of the queries; evaluations int64 and proved bool (q,)."""

    distances: Any
    slots: Any
    evaluations: np.ndarray
    proved: np.ndarray


class DevicePrincipal:
    """The nearest of rows X (n, d) by φ(x) = (Vᵀx', ‖x' − VVᵀx'‖), 63 directions and what they leave out, in float32.

    ‖φ(x) − φ(q)‖ ≤ ‖x' − q'‖ but for rounding, κ(‖x'‖ + ‖q'‖) (knn/principal_codes.py). So the c points nearest by φ,
    which exact search on 64 coordinates finds, are measured by the definition, and the answer is proved where the c-th
    distance by φ, less the rounding, exceeds the k-th distance: nothing that was not measured can be nearer or tie.
    """

    def __init__(self, X: Any, alive: np.ndarray, coder: Coder):
        from numba import cuda

        from knn.kernels.cuda_principal import principal

        self._exact = DeviceRows(X, alive)
        self._owner = X if on_device(X) else None
        self._kernels = principal(THREADS)
        self._centre, self._scale = cuda.to_device(coder.centre), coder.scale
        self._basis = cuda.to_device(np.ascontiguousarray(coder.basis[:, :COARSE]))
        self._living = int(np.count_nonzero(alive))
        rows = as_device_rows(X, "X") if on_device(X) else cuda.to_device(X)
        reduced, sizes = self._reduced(rows, stream_of(X) if on_device(X) else 0)
        largest = back(sizes, stream_of(X) if on_device(X) else 0)
        self._radius = float(largest[alive].max()) if alive.any() else 0.0
        self._nearest, self._rows = DeviceRows(reduced, alive), rows
        # κ, and two roundings to float32 of what is no longer than x'; the definition's own, and that of a product.
        self._error = 1.01 * (coder.kappa + 2.0**-23)
        self._slack = 2 * (max(self._exact.shape[1], COARSE) + 16) * 2.0**-53

    def answer(self, Q: Any, k: int, wanted: int, exact: bool, ids: np.ndarray | None = None) -> Found:
        """The k nearest among the `wanted` that promise most; with `exact`, of all where that is not proved.

        A query so far out, or not finite, that its coordinates say nothing is answered by all points in any case.
        """
        from numba import cuda

        foreign = on_device(Q)
        stream = stream_of(Q) if foreign else 0
        queries = as_device_rows(Q, "Q", self._rows.shape[1]) if foreign else cuda.to_device(checked_rows(Q, "Q"))
        q, count = queries.shape[0], min(self._living, max(k, PROMISING if exact else 0, wanted))
        reduced, sizes = self._reduced(queries, stream)
        lower, slots = (cuda.device_array((q, count), kind, stream=stream) for kind in (np.float64, np.int64))
        self._nearest.start(reduced, lower, slots, stream)
        made = [empty_like(Q, (q, k), kind) for kind in (np.float64, np.int64)] if foreign else None
        distances, names = (view for _, view in made) if made else (cuda.device_array((q, k), t) for t in _ANSWERS)
        self._exact.rank(queries, slots, distances, names, stream)
        status = cuda.device_array(q, np.uint8, stream=stream)
        self._kernels.prove[-(-q // THREADS), THREADS, stream](
            lower, distances, sizes, self._radius, self._scale, self._error, self._slack, status
        )
        proved, evaluations = self._completed(queries, k, exact, back(status, stream), distances, names, stream)
        few = evaluations == 0
        proved[few] |= count == self._living
        evaluations[few] = count
        self._exact.name(names, ids, stream)
        if made:
            return Found(made[0][0], made[1][0], evaluations, proved)
        return Found(distances.copy_to_host(), names.copy_to_host(), evaluations, proved)

    def _completed(self, queries, k, exact, status, distances, names, stream):
        """Answers by all points whom coordinates do not serve; who is proved, and who was measured against all."""
        from numba import cuda

        from knn.kernels.cuda_principal import BEYOND, PROVED

        left = np.flatnonzero(status != PROVED if exact else status == BEYOND)
        evaluations = np.zeros(len(status), np.int64)
        proved = status == PROVED
        if len(left):
            places = cuda.to_device(left, stream)
            some = cuda.device_array((len(left), queries.shape[1]), queries.dtype, stream=stream)
            self._kernels.gather[len(left), THREADS, stream](queries, places, some)
            more, more_names = (cuda.device_array((len(left), k), kind, stream=stream) for kind in _ANSWERS)
            self._exact.start(some, more, more_names, stream)
            self._kernels.scatter[len(left), THREADS, stream](more, places, distances)
            self._kernels.scatter[len(left), THREADS, stream](more_names, places, names)
            evaluations[left] = self._living
            proved[left] = back(more_names, stream)[:, -1] >= 0  # a query with NaN finds nothing, which proves nothing
        return proved, evaluations

    def _reduced(self, rows: Any, stream: Any) -> tuple[Any, Any]:
        """φ of the rows, float32 (n, m + 1), and their sizes ‖x'‖ (n,), on the device."""
        from numba import cuda

        n, m = rows.shape[0], self._basis.shape[1]
        reduced = cuda.device_array((n, m + 1), np.float32, stream=stream)
        sizes = cuda.device_array(n, np.float64, stream=stream)
        self._kernels.reduce[n, THREADS, stream](rows, self._centre, self._scale, self._basis, reduced, sizes)
        return reduced, sizes


#: What answers are kept in: distances, slots.
_ANSWERS = (np.float64, np.int64)
