"""Points projected on random unit directions: the lists of a DCI index, with bounds that allow for rounding.

A projection is computed in float64 and kept in the type of the data. With u that type's unit roundoff, ‖u_j‖ = 1 up to
(d + 4)·2⁻⁵³, R ≥ ‖x‖ for all points, and a gap g = |fl⟨u_j, x⟩ − fl⟨u_j, q⟩|, the computed distance is at least

    g(1 − c·u) − η,   c·u = 4u + 2(d + 8)·2⁻⁵³,   η = (u + (d + 2)·2⁻⁵³)(R + ‖q‖)

and one per cent more η for second-order terms. A relative margin alone would not do: the two projections are rounded
before they are subtracted, so that far from the origin a gap can exceed the distance by any factor.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.file_arrays import check_finite, finite, measures
from knn.runs import SortedRuns

#: Rows whose norms are found at a time.
ROWS = 4096


def random_directions(rng: np.random.RandomState, d: int, m: int) -> np.ndarray:
    """m directions, independent and uniform on the unit sphere; float64 (d, m)."""
    directions = np.empty((d, m))
    for j in range(m):
        normal = rng.standard_normal(d)
        directions[:, j] = normal / np.linalg.norm(normal)
    return directions


def restored_directions(state: dict[str, np.ndarray], d: int, m: int) -> np.ndarray:
    """The unit directions (d, m) of a file; raises ValueError if their lengths are not 1, as margins have it."""
    directions = finite(state, "directions", np.float64, (d, m))
    # Twice what rounding leaves of them, and as much for the lengths that are computed here.
    if not (np.abs(np.linalg.norm(directions, axis=0) - 1) <= 4 * (d + 4) * 2.0**-53).all():
        raise ValueError("directions are not of length 1")
    return directions


class Projections(SortedRuns):
    """Sorted runs of the projections on `directions` (d, m), with a bound `radius` on the points' norms."""

    def __init__(self, rows: np.ndarray, directions: np.ndarray, kernels: ModuleType):
        super().__init__(directions.shape[1], rows.dtype)
        self.directions = directions
        self.radius = 0.0
        self.extend(rows, kernels)

    def extend(self, rows: np.ndarray, kernels: ModuleType) -> None:
        """Takes in new rows (n, d), which come after those it knows."""
        if not len(rows):
            return
        kernels.project(rows, self.directions, self.room(len(rows)))
        self.take_in(len(rows), kernels)
        self.radius = max(self.radius, largest_norm(rows, kernels))

    def of_queries(self, Q: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray]:
        """The queries' projections (q, m) and their margins (c·u, η), float64 (q, 2)."""
        return projected_queries(Q, self.directions, self.keys.dtype, self.radius, kernels)

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {"directions": self.directions, "radius": np.array([self.radius]), **self.runs_state()}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], rows: np.ndarray, m: int) -> Projections:
        """Takes what `state` gave of the rows (n, d); raises ValueError unless it is of them and of m directions."""
        projections = cls.__new__(cls)
        projections.directions = restored_directions(state, rows.shape[1], m)
        SortedRuns.__init__(projections, m, rows.dtype)
        projections.take_state(state, len(rows))
        check_finite("keys", projections.keys.T, largest_key(rows.dtype))
        (projections.radius,) = measures(state, "radius", 1)
        return projections


def largest_key(dtype: np.dtype) -> float:
    """No projection of a point is larger: half of what the type holds, so that gaps to queries do not overflow."""
    return float(np.finfo(dtype).max) / 2


def projected_queries(
    Q: np.ndarray, directions: np.ndarray, dtype: np.dtype, radius: float, kernels: ModuleType
) -> tuple[np.ndarray, np.ndarray]:
    """Projections (q, m) of the type of the points' and margins (c·u, η), for points of norms up to `radius`.

    A query of a wider type may lie beyond the range of `dtype`: its projections are cut to a quarter of that, which
    those of points never reach. Cut gaps are no larger than the true ones, so that bounds of distances hold.
    """
    projected = np.empty((directions.shape[1], len(Q)), dtype)
    kernels.project(Q, directions, projected)
    limit = np.finfo(dtype).max / 4
    np.clip(projected, -limit, limit, out=projected)
    squared = np.empty(len(Q))
    kernels.squared_norms(Q, squared)
    margins = np.empty((len(Q), 2))
    margins[:, 0], factor, vanishing = margin_terms(Q.shape[1], dtype)
    margins[:, 1] = factor * (radius + np.sqrt(squared)) + vanishing
    return np.ascontiguousarray(projected.T), margins


def margin_terms(d: int, dtype: np.dtype) -> tuple[float, float, float]:
    """(c·u, and the factor and what vanishes of η = factor·(R + ‖q‖) + vanishing) for rows of d numbers."""
    limits = np.finfo(dtype)
    u = float(limits.eps) / 2
    relative = 4 * u + 2 * (d + 8) * 2.0**-53
    return relative, 1.01 * (u + (d + 2) * 2.0**-53), 4 * float(limits.smallest_subnormal)


def largest_norm(rows: np.ndarray, kernels: ModuleType) -> float:
    """A bound on the rows' norms; 0 if there are none."""
    largest = 0.0
    for start in range(0, len(rows), ROWS):
        squared = np.empty(len(rows[start : start + ROWS]))
        kernels.squared_norms(rows[start : start + ROWS], squared)
        largest = max(largest, float(squared.max()))
    return 1.01 * float(np.sqrt(largest))
