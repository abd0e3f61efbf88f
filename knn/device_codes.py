"""Rows on a CUDA device seen by one byte a coordinate: the nearest by their codes, by dot products of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from knn import device_rows
from knn.device_arrays import back
from knn.device_portions import Portion, matrices
from knn.device_rows import DeviceRows


class DeviceCodes(DeviceRows):
    """Codes c = round(clip(x/s)) in [−127, 127] of rows x (n, m) on the device, float32, `alive` bool (n,) of them.

    Clipping moves no two rows apart, so with a row's loss ‖clip(x/s) − c‖ measured,

        ‖x − q‖ ≥ s(‖c − b‖ − loss_x − loss_q),

    and ‖c − b‖² is a whole number, without an error, which the device adds up four products at a time. A quarter of
    float32's bytes, and of its instructions.
    """

    def __init__(self, rows: Any, alive: np.ndarray, step: float):
        from numba import cuda

        from knn.kernels.engine import engine

        self._kernels, self._owner, self.step = engine("cuda"), None, step
        n, words = rows.shape[0], -(-rows.shape[1] // 4)
        self.shape, self.dtype = (n, words), np.dtype(np.int32)
        living = cuda.to_device(alive.astype(np.uint8))
        codes, norms, losses = self._coded(rows, living, 0)
        lost = back(losses, 0)[alive]
        self._halved, self._matrix = False, matrices()
        #: The largest loss of a point, in steps.
        self.loss = float(lost.max()) if len(lost) else 0.0
        self._kept = Portion(0, codes.view(np.int8), codes, living, norms, None)
        self._ready()

    def promising(self, rows: Any, distances: Any, slots: Any, stream: Any) -> Any:
        """Fills ‖c − b‖ float64 (q, k) and slots int64 (q, k) of the k nearest codes to those of rows (q, m), ties by
        slot; returns losses (q,), in steps. All on the device, without waiting.
        """
        from numba import cuda

        codes, _, losses = self._coded(rows, cuda.device_array(0, np.uint8, stream=stream), stream)
        self.start(codes, distances, slots, stream)
        return losses

    def _coded(self, rows, alive, stream):
        """(codes int32 (n, words), norms int32 (n,), losses float64 (n,)) of rows (n, m)."""
        from numba import cuda

        from knn.kernels.cuda_codes import coding

        n, threads = rows.shape[0], device_rows.THREADS
        codes = cuda.device_array((n, self.shape[1]), np.int32, stream=stream)
        norms, losses = (cuda.device_array(n, kind, stream=stream) for kind in (np.int32, np.float64))
        coding(threads).encode[-(-n // threads), threads, stream](rows, self.step, alive, codes, norms, losses)
        return codes, norms, losses

    def _serve(self, portion, queries, distances, slots, workspace, stream):
        """Starts the kernels for the queries, coded, of one workspace."""
        from knn.kernels.cuda_codes import coding
        from knn.kernels.cuda_halves import ALL, FIRST

        parts = (part[: len(queries)] for part in workspace)
        margins, flags, clear, keys, held, few, scratch, counts, tallies, unread = parts
        q, k, threads, each = queries.shape[0], distances.shape[1], device_rows.THREADS, device_rows.EACH[self.dtype]
        flags.copy_to_device(clear, stream=stream)
        screen = self._kernels.screening(self.dtype, device_rows.WIDE, each, matrix=self._matrix)
        grid = -(-q // (device_rows.WIDE * each)), keys.shape[1]
        screen[grid, (device_rows.WIDE, device_rows.WIDE), stream](
            portion.seen, portion.norms, queries, unread, margins, k, FIRST, ALL, flags, keys, held, counts
        )
        coding(threads).merge[q, threads, stream](keys, held, counts, k, self._most, flags, few, tallies)
        # Codes are measured as rows: their distances are roots of whole numbers, and in the order of these.
        bytes_, ranking = queries.view(np.int8), self._kernels.ranking(threads)
        ranking.rank[q, threads, stream](portion.rows, bytes_, flags, few, tallies, scratch, distances, slots)
        ranking.settle[q, threads, stream](portion.rows, portion.alive, bytes_, flags, few, scratch, distances, slots)

    def _beside(self, k):
        """Room in a buffer beside two tiles: k and what ties, since keys have no margin, and as much again, so that few
        tiles fill it.
        """
        return 2 * -(-k // device_rows.THREADS) * device_rows.THREADS

    @property
    def _most(self) -> int:
        """No key ‖c‖² − 2⟨c, b⟩ of the living is of larger magnitude."""
        return 3 * 4 * self.shape[1] * 127**2

    def _workspace(self, shape, stream):
        """The same buffers, of which two have a content that stays."""
        handle = device_rows.handle_of(stream)
        known = id(self._workspaces[handle]) if handle in self._workspaces else None
        made = super()._workspace(shape, stream)
        if id(self._workspaces[handle]) != known:
            # How far below 0 a key may be, and flags to start from.
            made[0].copy_to_device(np.full(made[0].shape, float(self._most)), stream=stream)
            made[2].copy_to_device(np.zeros(made[2].shape, np.int32), stream=stream)
        return made

    def _buffers(self, q, stripes, room):
        every, merged = (q, stripes, room), (q, room)
        return [
            ((q, 4), np.float64), (q, np.int32), (q, np.int32), (every, np.int32), (every, np.int32),
            (merged, np.int32), (merged, np.float64), ((q, stripes), np.int32), ((q, 1), np.int32), (q, np.float32),
        ]  # fmt: skip
