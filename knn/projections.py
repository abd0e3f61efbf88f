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

from knn.points import grown

#: Rows whose norms are found at a time.
ROWS = 4096


def random_directions(rng: np.random.RandomState, d: int, m: int) -> np.ndarray:
    """m directions, independent and uniform on the unit sphere; float64 (d, m)."""
    directions = np.empty((d, m))
    for j in range(m):
        normal = rng.standard_normal(d)
        directions[:, j] = normal / np.linalg.norm(normal)
    return directions


class Projections:
    """`directions` (d, m), projections `keys`, and `order`, the slots in sorted runs with ends `bounds`.

    keys and order are (m, ≥ slots), C-contiguous, with room to grow at the end of each row: kernels take them whole.
    New points make a run of their own, and a run is merged into the one before it until that is at least twice as
    long: O(log n) comparisons and moves an entry, amortised, where one sorted array would move O(n).
    """

    def __init__(self, rows: np.ndarray, directions: np.ndarray, kernels: ModuleType):
        self.directions = directions
        self.keys = np.empty((directions.shape[1], len(rows)), rows.dtype)
        self.order = np.empty((directions.shape[1], len(rows)), np.int32)
        self._ends = [0]
        self.radius = 0.0
        self.extend(rows, kernels)

    @property
    def size(self) -> int:
        return self._ends[-1]

    @property
    def bounds(self) -> np.ndarray:
        """Where the runs end, after a leading 0; int64."""
        return np.array(self._ends)

    def extend(self, rows: np.ndarray, kernels: ModuleType) -> None:
        """Takes in new rows (n, d), which come after those it knows."""
        if not len(rows):
            return
        start, stop = self.size, self.size + len(rows)
        self.keys = grown(self.keys, start, stop, axis=1)
        self.order = grown(self.order, start, stop, axis=1)
        kernels.project(rows, self.directions, self.keys[:, start:stop])
        for keys, order in zip(self.keys, self.order, strict=True):
            order[start:stop] = start + np.argsort(keys[start:stop], kind="stable")
        self._ends.append(stop)
        while len(self._ends) > 2 and self._ends[-2] - self._ends[-3] < 2 * (self._ends[-1] - self._ends[-2]):
            left, middle, stop = self._ends[-3:]
            kernels.merge_runs(self.keys, self.order, left, middle, stop)
            del self._ends[-2]
        self.radius = max(self.radius, _largest_norm(rows, kernels))

    def keep(self, kept: np.ndarray) -> None:
        """Slot i is now what slot kept[i] was; `kept` increases. One run is left, sorted afresh."""
        self.keys = self.keys[:, kept]
        self.order = np.argsort(self.keys, axis=1, kind="stable").astype(np.int32)
        self._ends = [0, len(kept)] if len(kept) else [0]

    def of_queries(self, Q: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray]:
        """The queries' projections (q, m) and their margins (c·u, η), float64 (q, 2)."""
        projected = np.empty((self.directions.shape[1], len(Q)), self.keys.dtype)
        kernels.project(Q, self.directions, projected)
        d, limits = Q.shape[1], np.finfo(self.keys.dtype)
        u = float(limits.eps) / 2
        squared = np.empty(len(Q))
        kernels.squared_norms(Q, squared)
        margins = np.empty((len(Q), 2))
        margins[:, 0] = 4 * u + 2 * (d + 8) * 2.0**-53
        margins[:, 1] = 1.01 * (u + (d + 2) * 2.0**-53) * (self.radius + np.sqrt(squared))
        margins[:, 1] += 4 * float(limits.smallest_subnormal)
        return np.ascontiguousarray(projected.T), margins

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {
            "directions": self.directions,
            "keys": self.keys[:, : self.size],
            "order": self.order[:, : self.size],
            "bounds": self.bounds,
            "radius": np.array([self.radius]),
        }

    @classmethod
    def restored(cls, state: dict[str, np.ndarray]) -> Projections:
        projections = cls.__new__(cls)
        projections.directions = state["directions"]
        projections.keys, projections.order = state["keys"], state["order"]
        projections._ends = state["bounds"].tolist()
        projections.radius = float(state["radius"][0])
        return projections


def _largest_norm(rows: np.ndarray, kernels: ModuleType) -> float:
    largest = 0.0
    for start in range(0, len(rows), ROWS):
        squared = np.empty(len(rows[start : start + ROWS]))
        kernels.squared_norms(rows[start : start + ROWS], squared)
        largest = max(largest, float(squared.max()))
    return 1.01 * float(np.sqrt(largest))
