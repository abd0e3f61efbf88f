"""What of the rows lies on a CUDA device for exact search: a portion, as it is and as the screens see it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from knn.device_arrays import back
from knn.screening import MODERATE
from knn.validation import FLOATS, LARGEST, checked_rows

#: Rows that the centre is chosen by: any choice is right, a good one is fast.
SAMPLE = 256


class Halves(NamedTuple):
    """Rows as halves (knn/kernels/cuda_halves.py): words int32 (n, ⌈d/2⌉) and norms float32 (n,) on the device, the
    scale s, R ≥ ‖s·x'‖, and λ, how far halves are from what they stand for.
    """

    words: Any
    norms: Any
    scale: float
    radius: float
    loss: float


class Portion(NamedTuple):
    """Points on the device: rows, how they are seen, which live, their norms, R (1,), and their halves, if any."""

    start: int
    rows: Any
    seen: Any
    alive: Any
    norms: Any
    radius: Any
    halves: Halves | None = None


class Seeing(NamedTuple):
    """How rows are seen, x' = fl((x − c)·s): `direct` where as they are, c (d,) on the device and s otherwise."""

    direct: bool
    centre: Any
    scale: Any


def matrices() -> bool:
    """Whether the current device multiplies matrices by an instruction; the simulator does as if."""
    from numba import cuda

    from knn.kernels.cuda_matrix import CAPABILITY
    from knn.kernels.jit import config

    return bool(config.ENABLE_CUDASIM or cuda.get_current_device().compute_capability >= CAPABILITY)


def bytes_beside(d: int, itemsize: int, copied: bool, direct: bool, halved: bool) -> int:
    """Bytes on the device for a point: its row where it is `copied`, the row centred unless `direct`, its halves, its
    norms, and whether it lives.
    """
    return (copied + (not direct)) * d * itemsize + itemsize + 1 + (4 * -(-d // 2) + 4 if halved else 0)


def portion(
    rows: Any, alive: np.ndarray, start: int, seeing: Seeing, halved: bool, threads: int, stream: Any
) -> Portion:
    """The rows, of the host or of the device, from number `start` on, there, and what the screens want to know of them.

    Raises ValueError for rows with entries that are not finite, or too large to be squared, naming the row.
    """
    from numba import cuda

    from knn.kernels.cuda_rows import taking

    n, dtype = rows.shape[0], np.dtype(rows.dtype)
    rows = cuda.to_device(rows) if isinstance(rows, np.ndarray) else rows
    living = cuda.to_device(alive.astype(np.uint8), stream)
    seen = rows if seeing.direct else cuda.device_array(rows.shape, dtype)
    norms = cuda.device_array(n, dtype)
    radius, bad = cuda.to_device(np.zeros(1), stream), cuda.to_device(np.array([n]), stream)
    largest = LARGEST[dtype]
    taking(dtype, threads).points[-(-n // threads), threads, stream](
        rows, living, seeing.centre, seeing.scale, seeing.direct, largest, seen, norms, radius, bad
    )
    first_bad = int(back(bad, stream)[0])
    if first_bad < n:
        raise ValueError(
            f"X: row {start + first_bad} has an entry that is not finite, or beyond {largest:g}: drop, impute or "
            "rescale it"
        )
    reach = float(back(radius, stream)[0])
    halves = _halves(seen, living, reach, threads, stream) if halved and reach < MODERATE[dtype] else None
    return Portion(start, rows, seen, living, norms, radius, halves)


def _halves(seen: Any, alive: Any, radius: float, threads: int, stream: Any) -> Halves:
    from numba import cuda

    from knn.kernels.cuda_halves import halving, scale_of

    (n, d), scale = seen.shape, scale_of(radius)
    words, norms = cuda.device_array((n, -(-d // 2)), np.int32), cuda.device_array(n, np.float32)
    loss = cuda.to_device(np.zeros(1), stream)
    halving(np.dtype(seen.dtype), threads).halve[-(-n // threads), threads, stream](
        seen, alive, scale, words.view(np.float16), norms, loss
    )
    return Halves(words, norms, scale, radius * scale, float(back(loss, stream)[0]))


def host_rows(X: Any) -> np.ndarray:
    """X as rows of the host; the device looks for entries that are not finite."""
    fit = type(X) is np.ndarray and X.ndim == 2 and X.size > 0 and X.dtype in FLOATS and X.flags.c_contiguous
    return X if fit else checked_rows(X, "X")


def on_host_sample(rows: Any, stream: Any, threads: int) -> np.ndarray:
    """At most SAMPLE rows in even steps, on the host, finite; of rows of the host or of the device."""
    from numba import cuda

    from knn.kernels.cuda_rows import taking

    step, dtype = -(-rows.shape[0] // SAMPLE), np.dtype(rows.dtype)
    if isinstance(rows, np.ndarray):
        sample = rows[::step]
    else:
        taken = cuda.device_array((-(-rows.shape[0] // step), rows.shape[1]), dtype, stream=stream)
        taking(dtype, threads).every[taken.shape[0], threads, stream](rows, step, taken)
        sample = back(taken, stream)
    sound = (np.abs(sample) <= LARGEST[dtype]).all(axis=1)
    return sample[sound] if sound.any() else np.zeros((1, rows.shape[1]), dtype)
