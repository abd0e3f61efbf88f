"""The fast exact screen: matrix products in the width of the data, and the margins that make them a proof.

Points and queries are seen as x' = fl((x − c)·s) with a centre c and a power of two s; data that lie around their
origin at a moderate scale are used as they are (c = 0, s = 1), without a copy. With u the unit roundoff of the data's
type, γ = du/(1 − du) (Higham 2002, §3.1: any order of summation), R ≥ ‖x'‖ for all points and ρ = ‖q'‖:

    E = 2γRρ + u(R² + 2Rρ)·(1 + γ) + uR²    product, last addition, and ‖x'‖² rounded to the data's type
    δ = u(R + ρ)                            one rounding of each coordinate by centring or casting
    ε = (d + 8)·2⁻⁵³                        the definition's own rounding

each with one per cent to spare for second-order terms. knn/kernels/cpu_screen.py says what follows from them.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.points import grown

#: Points multiplied at a time, and queries: the block of products then stays in the second-level cache.
TILE, BLOCK = 2048, 256
#: Queries fewer than this are answered by the definition alone, which reads each row once.
FEW = 8
#: Magnitudes of x' within which squares, products and their errors are far from overflow and underflow.
MODERATE = {np.dtype(np.float32): 2.0**30, np.dtype(np.float64): 2.0**250}


class Screen:
    """How points are seen: `centre` c (d,), `scale` s, `radius` R, squared `norms` (slots,), ∞ for the dead."""

    def __init__(self, rows: np.ndarray, alive: np.ndarray, kernels: ModuleType):
        living = rows if alive.all() else rows[alive]
        dtype = rows.dtype
        self.centre = np.zeros(rows.shape[1], dtype)
        self.scale = dtype.type(1)
        self.direct = True
        if len(living):
            self._place(living)
        self._norms = np.empty(len(rows), dtype)
        self.size = 0
        self.radius = 0.0
        self.extend(rows, kernels)
        self.norms[~alive] = np.inf

    @property
    def norms(self) -> np.ndarray:
        return self._norms[: self.size]

    def _place(self, rows: np.ndarray) -> None:
        """Chooses centre and scale, from a sample of at most 4096 rows: any choice is right, a good one is fast."""
        sample = rows[:: -(-len(rows) // 4096)].astype(np.float64)
        mean = sample.mean(axis=0)
        spread = np.abs(sample - mean).max()
        offset = np.abs(mean).max()
        limit = MODERATE[rows.dtype]
        # Off-centre by less than its own spread, the data lose at most two bits of the screen.
        off_centre = mean @ mean > 4 * ((sample - mean) ** 2).sum(axis=1).mean() if 0 < spread < limit else offset > 0
        if off_centre:
            self.centre = mean.astype(rows.dtype)
        if spread > 0 and not 1 / limit < spread < limit:
            # What is below the least normal number asks for more than the largest power that float32 has.
            self.scale = rows.dtype.type(2.0 ** min(-np.frexp(spread)[1], np.finfo(rows.dtype).maxexp - 1))
        self.direct = not off_centre and self.scale == 1

    def seen(self, rows: np.ndarray, kernels: ModuleType, out: np.ndarray | None = None) -> np.ndarray:
        """x' of the rows (n, d), in the type of the points."""
        dtype = self.centre.dtype
        if self.direct:
            return rows.astype(dtype, copy=False)
        # Wider rows are centred before they are rounded: δ is of x', not of an offset that the points have besides.
        out = np.empty(rows.shape, dtype) if out is None else out[: len(rows)]
        kernels.rescale(rows, self.centre, self.scale, out)
        return out

    def extend(self, rows: np.ndarray, kernels: ModuleType) -> None:
        """Takes in new rows, which come after those it knows."""
        first, self.size = self.size, self.size + len(rows)
        self._norms = grown(self._norms, first, self.size)
        for start in range(0, len(rows), TILE):
            exact = np.empty(len(rows[start : start + TILE]))
            kernels.squared_norms(self.seen(rows[start : start + TILE], kernels), exact)
            self._norms[first + start : first + start + len(exact)] = exact
            self.radius = max(self.radius, 1.01 * float(np.sqrt(exact.max())))

    def margins(self, queries: np.ndarray, kernels: ModuleType) -> np.ndarray:
        """Rows (ρ², E, δ, ε, s) for queries as seen, float64 (q, 5)."""
        d = queries.shape[1]
        u = np.finfo(self.centre.dtype).eps / 2
        squared = np.empty(len(queries))
        kernels.squared_norms(queries, squared)
        rho, radius = np.sqrt(squared), self.radius
        gamma = d * u / (1 - d * u)
        gamma64 = (d + 2) * 2.0**-53
        vanishing = 8 * d * float(np.finfo(self.centre.dtype).smallest_subnormal)
        margins = np.empty((len(queries), 5))
        margins[:, 0] = squared
        margins[:, 1] = 1.01 * (
            2 * gamma * radius * rho
            + u * (radius**2 + 2 * radius * rho) * (1 + gamma)
            + (u + gamma64) * radius**2
            + gamma64 * squared
            + vanishing
        )
        margins[:, 2] = 1.01 * (u * (radius + rho) + vanishing)
        margins[:, 3] = (d + 8) * 2.0**-53
        margins[:, 4] = self.scale
        return margins

    def sound(self, queries: np.ndarray) -> np.ndarray:
        """Which queries, as seen, are near enough for the margins to hold, bool (q,)."""
        d, dtype = queries.shape[1], self.centre.dtype
        limit = MODERATE[dtype] if d * np.finfo(dtype).eps < 0.5 and self.radius < MODERATE[dtype] else 0.0
        return np.abs(queries).max(axis=1) < limit
