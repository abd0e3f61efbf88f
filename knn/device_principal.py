"""Principal DCI on a CUDA device: every point's leading coordinates, the few that promise most, and a proof."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from knn.device_arrays import as_device_rows, back, check_room, empty_like, on_device, stream_of
from knn.device_codes import DeviceCodes
from knn.device_rows import THREADS, DeviceRows
from knn.principal_codes import COARSE, Coder
from knn.validation import checked_rows

#: Points that a proof measures, by codes of bytes and by float32, before all are; the former are coarser.
#: They decide on time, on no answer; guesses, until `python -m benchmarks.gpu` has compared others.
PROMISING = {"bytes": 512, "float32": 256}
#: Points whose own neighbours, so many, bytes have to prove, the share of them that decides for bytes: a guess, which
#: decides on time alone.
TRIED, NEIGHBOURS, SHARE = 128, 11, 0.5


class Found(NamedTuple):
    """Distances (q, k) and slots (q, k), of the library of the queries; evaluations int64 and proved bool (q,)."""

    distances: Any
    slots: Any
    evaluations: np.ndarray
    proved: np.ndarray


class DevicePrincipal:
    """The nearest of rows X (n, d) by φ(x) = (Vᵀx', ‖x' − VVᵀx'‖), 63 directions and what they leave out.

    ‖φ(x) − φ(q)‖ ≤ ‖x' − q'‖ but for rounding, κ(‖x'‖ + ‖q'‖) (knn/principal_codes.py). So the c points nearest by φ,
    which exact search on 64 coordinates finds, are measured by the definition, and the answer is proved where the c-th
    distance by φ, less the rounding, exceeds the k-th distance: nothing that was not measured can be nearer or tie.

    φ is kept in bytes, in the step of `coder`, whose distances fall short by what rounding to steps has lost
    (knn/device_codes.py), if these prove the neighbours of SHARE of the points tried; else in float32. `kept` asks for
    one of them, and says which it is.
    """

    def __init__(self, X: Any, alive: np.ndarray, coder: Coder, *, kept: str | None = None):
        from numba import cuda

        from knn.kernels.cuda_principal import principal

        n, m = len(alive), min(COARSE, coder.basis.shape[1])
        # φ in float32 and in bytes, and five numbers of a point besides; after these, what exact search keeps.
        check_room(f"the principal coordinates of {n} rows", n * (5 * (m + 4) + 40), 0.5)
        self._exact = DeviceRows(X, alive)
        self._rows = self._exact.rows
        self._kernels = principal(THREADS)
        stream = stream_of(X) if on_device(X) else 0
        self._centre, self._scale = cuda.to_device(coder.centre, stream), coder.scale
        self._basis = cuda.to_device(np.ascontiguousarray(coder.basis[:, :m]), stream)
        self._living = int(np.count_nonzero(alive))
        reduced, sizes = self._reduced(self._rows, stream)
        largest = back(sizes, stream)
        self._radius = float(largest[alive].max()) if alive.any() else 0.0
        # κ, and two roundings to float32 of what is no longer than x'; the definition's own, and that of a product.
        self._error = 1.01 * (coder.kappa + 2.0**-23)
        self._slack = 2 * (max(self._exact.shape[1], COARSE) + 16) * 2.0**-53
        in_bytes = kept != "float32"
        self._nearest = DeviceCodes(reduced, alive, coder.step) if in_bytes else DeviceRows(reduced, alive)
        if kept is None and self._proved_share(np.flatnonzero(alive)) < SHARE:
            self._nearest = DeviceRows(reduced, alive)

    @property
    def kept(self) -> str:
        """In what φ of the points is kept: "bytes" or "float32"."""
        return "bytes" if isinstance(self._nearest, DeviceCodes) else "float32"

    def answer(self, Q: Any, k: int, wanted: int, exact: bool, ids: np.ndarray | None = None) -> Found:
        """The k nearest among the `wanted` that promise most; with `exact`, of all where that is not proved.

        A query so far out, or not finite, that its coordinates say nothing is answered by all points in any case.
        """
        from numba import cuda

        foreign = on_device(Q)
        stream = stream_of(Q) if foreign else 0
        queries = as_device_rows(Q, "Q", self._rows.shape[1]) if foreign else cuda.to_device(checked_rows(Q, "Q"))
        q, count = queries.shape[0], min(self._living, max(k, PROMISING[self.kept] if exact else 0, wanted))
        made = [empty_like(Q, (q, k), kind, stream) for kind in _ANSWERS] if foreign else None
        distances, names = (view for _, view in made) if made else (cuda.device_array((q, k), t) for t in _ANSWERS)
        status = self._attempted(queries, count, distances, names, stream)
        proved, evaluations = self._completed(queries, k, exact, status, distances, names, stream)
        few = evaluations == 0
        proved[few] |= count == self._living
        evaluations[few] = count
        self._exact.name(names, ids, stream)
        if made:
            return Found(made[0][0], made[1][0], evaluations, proved)
        return Found(distances.copy_to_host(), names.copy_to_host(), evaluations, proved)

    def _attempted(self, queries: Any, count: int, distances: Any, names: Any, stream: Any) -> np.ndarray:
        """Fills distances and names (q, k) from the `count` points that promise most; what `prove` says, uint8 (q,)."""
        from numba import cuda

        q = queries.shape[0]
        reduced, sizes = self._reduced(queries, stream)
        lower, slots = (cuda.device_array((q, count), kind, stream=stream) for kind in _ANSWERS)
        nearest = self._nearest
        if isinstance(nearest, DeviceCodes):
            losses, steps = nearest.promising(reduced, lower, slots, stream), (nearest.step, nearest.loss)
        else:
            nearest.start(reduced, lower, slots, stream)
            losses, steps = cuda.device_array(0, np.float64, stream=stream), (1.0, 0.0)
        self._exact.rank(queries, slots, distances, names, stream)
        status = cuda.device_array(q, np.uint8, stream=stream)
        self._kernels.prove[-(-q // THREADS), THREADS, stream](
            lower, losses, steps, distances, sizes, self._radius, self._scale, self._error, self._slack, status
        )
        return back(status, stream)

    def _proved_share(self, living: np.ndarray) -> float:
        """The share of the points tried, in even steps, whose own neighbours are proved by what is promising alone."""
        from numba import cuda

        from knn.kernels.cuda_principal import PROVED

        places = np.ascontiguousarray(living[:: -(-len(living) // TRIED) or 1])
        if len(places) == 0:
            return 1.0
        k = min(len(living), NEIGHBOURS)
        count = min(len(living), max(k, PROMISING["bytes"]))
        queries = cuda.device_array((len(places), self._rows.shape[1]), self._rows.dtype)
        self._kernels.gather[len(places), THREADS](self._rows, cuda.to_device(places), queries)
        distances, names = (cuda.device_array((len(places), k), kind) for kind in _ANSWERS)
        return float((self._attempted(queries, count, distances, names, 0) == PROVED).mean())

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
