"""Sums of a kernel over all pairs of points, on a CUDA device: what is copied there, and what comes back."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from estimators.measures import Weighted, weighted_pair
from estimators.pairwise import Array, PairSums, Profile, Tick
from estimators.points import same_dimension
from estimators.range import in_range
from knn.device_arrays import as_device_rows, back, on_device, stream_of
from knn.device_portions import on_host_sample
from knn.device_rows import BLOCKS, EACH, THREADS, WIDE, DeviceRows
from knn.kernels.engine import engine
from knn.screening import MODERATE, Screen
from knn.validation import LARGEST

#: Bytes of sums by columns at a time.
COLUMNS = 1 << 29


class DevicePoints:
    """Weighted rows on the device: as they are, centred, their squared norms. `len` and `shape` are those of the rows.

    `given` (n, d) is of the host or of the device, float32 or float64, which is the width of all sums of distances.
    Raises ValueError for entries that are not finite, naming the row.
    """

    def __init__(self, given: Any, name: str, weights: Array | None = None):
        from numba import cuda

        self.name, self.stream = name, stream_of(given) if on_device(given) else 0
        self.rows = as_device_rows(given, name) if on_device(given) else cuda.to_device(np.ascontiguousarray(given))
        self.shape, self.dtype = tuple(self.rows.shape), np.dtype(self.rows.dtype)
        ones = np.ones(len(self)) if weights is None else weights
        self.weights = cuda.to_device(ones.astype(self.dtype), self.stream)

    def __len__(self) -> int:
        return self.shape[0]

    def sample(self) -> np.ndarray:
        """Some rows, on the host, by which a centre is chosen."""
        return on_host_sample(self.rows, self.stream, THREADS)

    def place(self, screen: Screen) -> None:
        """Centres the rows, as `screen` sees them."""
        from numba import cuda

        from knn.kernels.cuda_rows import taking

        n, stream = len(self), self.stream
        self.centred = self.rows if screen.direct else cuda.device_array(self.shape, self.dtype, stream=stream)
        self.norms = cuda.device_array(n, self.dtype, stream=stream)
        alive = cuda.to_device(np.ones(n, np.uint8), stream)
        radius, bad = cuda.to_device(np.zeros(1), stream), cuda.to_device(np.array([n]), stream)
        taking(self.dtype, THREADS).points[-(-n // THREADS), THREADS, stream](
            self.rows, alive, cuda.to_device(screen.centre, stream), self.dtype.type(1), bool(screen.direct),
            LARGEST[self.dtype], self.centred, self.norms, radius, bad,
        )  # fmt: skip
        first_bad = int(back(bad, stream)[0])
        if first_bad < n:
            raise ValueError(
                f"{self.name}: row {first_bad} is not finite, or too large to be squared; drop or impute it"
            )
        reach = float(back(radius, stream)[0])
        if not (reach == 0 or 1 / MODERATE[self.dtype] < reach < MODERATE[self.dtype]):
            raise ValueError(
                f"{self.name} reaches {reach:.3g} from its centre, whose square {self.dtype} does not hold well: scale "
                "the data to moderate numbers, or use device='cpu'"
            )


def device_pair(P: Any, Q: Any) -> tuple[Weighted, Weighted, int]:
    """Both as weighted points, rows of the host or of the device, and the exponent of in_range; float32 stays float32.

    Raises TypeError unless both are on the device or neither is, and ValueError where no device answers.
    """
    engine("cuda")
    foreign = [on_device(part) for part in (P, Q)]
    if all(foreign):
        p, q = (
            Weighted(as_device_rows(part, name), np.full(len(part), 1 / len(part)), sampled=True)
            for part, name in ((P, "P"), (Q, "Q"))
        )
        same_dimension(p.points, q.points, ("P", "Q"))
        return p, q, 0
    if any(foreign):
        here, there = ("P", "Q") if foreign[1] else ("Q", "P")
        raise TypeError(f"{there} is in the memory of a GPU and {here} is not: move one of them")
    p, q = weighted_pair(P, Q)
    x, y, exponent = in_range(p.points, q.points)
    if all(getattr(part, "dtype", None) == np.float32 for part in (P, Q)) and exponent == 0:
        x, y = x.astype(np.float32), y.astype(np.float32)  # as they were given
    return p._replace(points=x), q._replace(points=y), exponent


def sums_on_device(
    p: Weighted, w: Array, q: Weighted, v: Array, profiles: list[Profile], tick: Tick | None
) -> tuple[list[list[PairSums]], float]:
    """The sums of each profile of p with q, of p and of q with themselves; and what a value that they add rounds by.

    That is `relative_error` and twelve roundings: four of the weights, of the root and of a kernel, and eight of a sum
    of eight values of a tile.
    """
    from estimators.kernels.cuda_pairs import relative_error

    here, there = DevicePoints(p.points, "P", w), DevicePoints(q.points, "Q", v)
    placed(here, there)
    pairs = ((here, there), (here, here), (there, there))
    sums = [[pair_sums(*pair, profile, tick) for profile in profiles] for pair in pairs]
    return sums, relative_error(here.shape[1], here.dtype) + 12 * float(np.finfo(here.dtype).eps) / 2


def placed(p: DevicePoints, q: DevicePoints) -> None:
    """Centres both around one place; raises TypeError for two types and ValueError as `DevicePoints.place`."""
    if p.dtype != q.dtype:
        raise TypeError(f"{p.name} is {p.dtype} and {q.name} {q.dtype}: cast one of them")
    from knn.kernels import cpu

    sample = np.concatenate([p.sample(), q.sample()])
    screen = Screen(sample, np.ones(len(sample), bool), cpu)
    screen.scale, screen.direct = p.dtype.type(1), not screen.centre.any()
    for part in (p, q):
        part.place(screen)


def pair_sums(p: DevicePoints, q: DevicePoints, profile: Profile, tick: Tick | None = None) -> PairSums:
    """The sums of k(xᵢ, yⱼ) over all pairs, those of p with itself if q is p; `total` to some float64 roundings."""
    from estimators.kernels.cuda_pairs import factor, pairing

    triangle = q is p
    kernels = pairing(p.dtype, profile.kind, WIDE, EACH[p.dtype])
    rows, columns = _summed(kernels, p, q, p.norms, factor(*profile), triangle, tick)
    if triangle:
        rows = columns = rows + columns
    return PairSums(Fraction(float(rows @ back(p.weights, p.stream).astype(np.float64))), rows, columns)


def shifted_sums(p: DevicePoints, q: DevicePoints, shift: Array, rate: float) -> Array:
    """Σⱼ vⱼ e^(−(‖xᵢ − yⱼ‖² − shiftᵢ)·rate) for every row of p."""
    from numba import cuda

    from estimators.kernels.cuda_pairs import SHIFTED, factor, pairing

    kernels = pairing(p.dtype, SHIFTED, WIDE, EACH[p.dtype])
    return _summed(kernels, p, q, cuda.to_device(shift.astype(p.dtype), p.stream), factor(SHIFTED, rate), False, None)[
        0
    ]


def log_densities(samples: Array, points: Array, grid: Array) -> tuple[Array, Array]:
    """log (1/n) Σⱼ N(xᵢ; sⱼ, σ²I) for each σ of the grid and a bound on its rounding, both (grid, m), in float64.

    samples (n, d), points (m, d), float64. A squared distance is off by (d + 8)u(‖x'‖ + ‖s'‖)², as on the CPU.
    """
    engine("cuda")
    x, s = DevicePoints(points, "points"), DevicePoints(samples, "samples")
    placed(x, s)
    nearest = DeviceRows(s.rows).nearest(points, 1)[0][:, 0] ** 2
    x_norms, farthest = back(x.norms, 0), float(np.sqrt(back(s.norms, 0).max()))
    n, d = samples.shape
    reach, u = math.log(n) + 53 * math.log(2), float(np.finfo(np.float64).eps) / 2
    off = (d + 8) * u * (np.sqrt(x_norms) + farthest) ** 2
    values, bounds = np.empty((2, len(grid), len(points)))
    for which, width in enumerate(grid):
        rate = 0.5 / width**2
        constant = math.log(n) + d / 2 * math.log(2 * math.pi) + d * math.log(width)
        values[which] = np.log(shifted_sums(x, s, nearest, rate)) - nearest * rate - constant
        # As on the CPU, and eight roundings more of a sum of eight values of a tile.
        bounds[which] = off * rate + (n + 4 * reach + 24) * u + 8 * u * (nearest * rate + abs(constant))
    return values, bounds


def _summed(
    kernels: Any, p: DevicePoints, q: DevicePoints, shift: Any, scale: float, triangle: bool, tick: Tick | None
) -> tuple[Array, Array]:
    """Sums by rows (n,) and by columns (m,), some tiles of rows at a time."""
    from numba import cuda

    n, m, stream = len(p), len(q), p.stream
    tiles = -(-n // kernels.tile)
    together = max(1, min(tiles, COLUMNS // (8 * m)))
    stripes = max(1, min(-(-m // kernels.tile), BLOCKS // together))
    rows = cuda.device_array((n, stripes), np.float64, stream=stream)
    columns = cuda.device_array((together, m), np.float64, stream=stream)
    sums = cuda.to_device(np.zeros(m), stream)
    for first in range(0, tiles, together):
        taken = min(together, tiles - first)
        kernels.pairs[(taken, stripes), (WIDE, WIDE), stream](
            p.rows, q.rows, p.centred, q.centred, p.norms, q.norms, p.weights, q.weights, shift, p.dtype.type(scale),
            triangle, first, rows, columns,
        )  # fmt: skip
        kernels.add[-(-m // THREADS), THREADS, stream](columns[:taken], first, triangle, sums)
        if tick is not None:
            cuda.synchronize()
            begin, end = first * kernels.tile, min(n, (first + taken) * kernels.tile)
            tick((end - begin) * (2 * m - begin - end + 1) // 2 if triangle else (end - begin) * m)
    return back(rows, stream).sum(axis=1), back(sums, stream)
