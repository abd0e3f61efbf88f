"""Largest inner products by the standard reduction, with a proof that holds by their definition.

A point is lifted onto a sphere of radius M ≥ ‖x‖, a query into the plane through its centre (Bachrach et al. 2014;
Neyshabur & Srebro 2015):

    x̃ = (x, √(M² − ‖x‖²)),   q̃ = (q, 0),   ‖q̃ − x̃‖² = ‖q‖² + M² − 2⟨q, x⟩

so that the nearest have the largest products. In float32 a second entry makes up for the rounding of the first.
Queries are scaled by a power of two to a length near M, which changes no rank and balances the terms.

Rounding leaves x̃ off the sphere, and close products apart in the wrong order. So a few more than k are asked for and
ranked by the definition, ⟨q, x⟩ in float64, coordinates in order. Whatever else there is lies at least as far as the
last of them, at a computed distance D, and has a product of at most

    B = ½ (‖q‖² + M² + e − D²(1 − 2(w + 8)u) + (w + 4)u(‖q‖² + M²)) + (w + 4)u ‖q‖M

with u = 2⁻⁵³, w the lifted width, e the largest | ‖x̃‖² − M² |, which is measured, and one per cent more of each
margin for second-order terms. The answer is proved where the k-th product exceeds B; where it does not, as with ties,
all products are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np

from knn.file_arrays import measures
from knn.points import Points
from knn.threads import over_blocks
from knn.validation import LARGEST

#: Points ranked by the definition besides the k.
MORE = 16
#: A point longer than M raises it to so many times its own length, so that norms that creep up raise it seldom.
HEADROOM = 1.25
#: Rows lifted at a time, and queries to a block.
ROWS, BLOCK = 4096, 16
_U = 2.0**-53

#: Distances, slots, evaluations and certified of queries, as `NearestNeighbours._answer` gives them.
Answer = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Lift:
    """The sphere for points of `width` numbers of type `dtype`: `squared_radius` M², and e as `error`."""

    def __init__(self, width: int, dtype: np.dtype, squared_radius: float = 0.0, error: float = 0.0):
        self.width = width
        self.dtype = np.dtype(dtype)
        self.lifted_width = width + (2 if self.dtype == np.float32 else 1)
        self.squared_radius = squared_radius
        self.error = error

    @classmethod
    def around(cls, rows: np.ndarray, kernels: ModuleType) -> Lift:
        """The smallest sphere that holds the rows (n, d)."""
        return cls(rows.shape[1], rows.dtype, _largest_square(rows, kernels))

    def holds(self, rows: np.ndarray, kernels: ModuleType) -> bool:
        """Whether no row is longer than the radius."""
        return _largest_square(rows, kernels) <= self.squared_radius

    def points(self, rows: np.ndarray, kernels: ModuleType) -> np.ndarray:
        """x̃ of rows that the sphere holds, (n, lifted_width): the only copy of the data that is made."""
        lifted = np.empty((len(rows), self.lifted_width), self.dtype)
        for start in range(0, len(rows), ROWS):
            lifted[start : start + ROWS, : self.width] = rows[start : start + ROWS]
        self._place(lifted, kernels)
        return lifted

    def raised(self, lifted: np.ndarray, rows: np.ndarray, kernels: ModuleType) -> Lift:
        """A larger sphere for longer new rows, onto which the old points are moved in place."""
        larger = Lift(self.width, self.dtype, HEADROOM**2 * _largest_square(rows, kernels))
        larger._place(lifted, kernels)
        return larger

    def _place(self, lifted: np.ndarray, kernels: ModuleType) -> None:
        """Writes the last entries of lifted rows, and measures how far from the sphere rounding leaves them."""
        for start in range(0, len(lifted), ROWS):
            part = lifted[start : start + ROWS]
            part[:, self.width :] = 0
            squared = np.empty(len(part))
            kernels.squared_norms(part, squared)
            rest = np.maximum(self.squared_radius - squared, 0.0)
            for column in range(self.width, self.lifted_width):
                entry = np.sqrt(rest).astype(self.dtype)
                # Rounded down, so that what is left is for the next entry.
                entry = np.where(entry.astype(np.float64) ** 2 > rest, np.nextafter(entry, self.dtype.type(0)), entry)
                part[:, column] = entry
                rest = np.maximum(rest - entry.astype(np.float64) ** 2, 0.0)
            kernels.squared_norms(part, squared)
            self.error = max(self.error, float(np.abs(squared - self.squared_radius).max()))

    def queries(self, Q: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(q̃ scaled, float64 (q, lifted_width); ‖q̃‖² (q,); the binary exponents of the scales (q,))."""
        squared = np.empty(len(Q))
        kernels.squared_norms(Q, squared)
        exponents = np.zeros(len(Q), np.int64)
        long = squared > 0
        if self.squared_radius > 0:
            exponents[long] = (np.frexp(self.squared_radius)[1] - np.frexp(squared[long])[1]) // 2
        lifted = np.zeros((len(Q), self.lifted_width))
        np.ldexp(Q, exponents[:, None].astype(np.int32), out=lifted[:, : self.width])
        kernels.squared_norms(lifted, squared)
        return lifted, squared, exponents

    def answer(
        self,
        nearest: Callable[[np.ndarray, int, bool], Answer],
        Q: np.ndarray,
        points: Points,
        k: int,
        exact: bool,
        kernels: ModuleType,
        n_jobs: int | None,
    ) -> Answer:
        """−⟨q, x⟩ (q, k) in increasing order, slots, evaluations and certified, from `nearest` among lifted points."""
        wanted = min(points.n_alive, k + MORE)
        lifted, squared, exponents = self.queries(Q, kernels)
        far, found, evaluations, certified = nearest(lifted, wanted, exact)
        queries = Q.astype(np.float64, copy=False)
        distances, slots = kernels.empty_heaps(len(Q), k)
        kernels.rank_inner(points.rows, found, queries, distances, slots)
        kernels.ascending(distances, slots)
        if wanted < points.n_alive:
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows decides nothing
                products = np.ldexp(-distances[:, -1], exponents)
                decided = products > self._most(squared, far[:, -1], exponents)
            self._scan(np.flatnonzero(certified & ~decided), queries, points, (distances, slots), kernels, n_jobs)
            evaluations = evaluations + np.where(certified & ~decided, points.n_alive, 0)
        return distances, slots, evaluations, certified

    def _most(self, squared: np.ndarray, last: np.ndarray, exponents: np.ndarray) -> np.ndarray:
        """B of the module's docstring for queries of squared length `squared` whose last distance is `last`."""
        w, radius = self.lifted_width, np.sqrt(self.squared_radius)
        away = last * last
        margin = self.error + (w + 4) * _U * (squared + self.squared_radius) + 2 * (w + 8) * _U * away
        margin = 0.5 * margin + (w + 4) * _U * np.sqrt(squared) * radius
        # Products, squares and scaled entries below the normal numbers are off by at most one subnormal each.
        vanishing = 8 * w * 2.0**-1074 * (1.0 + radius + np.ldexp(1.0, exponents))
        return 0.5 * (squared + self.squared_radius - away) + 1.01 * margin + vanishing

    def _scan(self, rows, queries, points, best, kernels, n_jobs):
        """Answers the queries in `rows` by the products of all points."""

        def serve(part):
            chosen = rows[part]
            heaps = kernels.empty_heaps(len(chosen), best[0].shape[1])
            kernels.scan_inner(points.rows, points.alive, queries[chosen], *heaps)
            kernels.ascending(*heaps)
            best[0][chosen], best[1][chosen] = heaps

        over_blocks(serve, len(rows), BLOCK, n_jobs)

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {"sphere": np.array([self.squared_radius, self.error])}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], width: int, dtype: np.dtype) -> Lift:
        """Takes what `state` gave; raises ValueError unless it is a sphere, of a radius that points may ask for."""
        lift = cls(width, dtype, *measures(state, "sphere", 2))
        if lift.squared_radius > 1.01 * HEADROOM**2 * width * LARGEST[lift.dtype] ** 2:
            raise ValueError(f"a sphere of radius {lift.squared_radius**0.5:g}, beyond all points that are let in")
        return lift


def _largest_square(rows: np.ndarray, kernels: ModuleType) -> float:
    largest = 0.0
    for start in range(0, len(rows), ROWS):
        squared = np.empty(len(rows[start : start + ROWS]))
        kernels.squared_norms(rows[start : start + ROWS], squared)
        largest = max(largest, float(squared.max()))
    return largest
