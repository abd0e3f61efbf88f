"""Random projections of the points of a hierarchy, which say in which order the members of its cells are candidates."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from knn.file_arrays import held, measures
from knn.projections import largest_norm, projected_queries, restored_directions


class LevelProjections:
    """⟨u_j, x⟩ for the columns of `directions` (d, m), in the type of the data; margins as knn/projections.py has."""

    def __init__(self, directions: np.ndarray, points: np.ndarray, *learnt: object):  # noqa: ARG002
        self.directions, self.dtype, self.radius = directions, points.dtype, 0.0

    def of_rows(self, rows: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray]:
        """(no codes, keys (n, m))."""
        keys = np.empty((self.directions.shape[1], len(rows)), self.dtype)
        kernels.project(rows, self.directions, keys)
        self.radius = max(self.radius, largest_norm(rows, kernels))
        return np.empty((len(rows), 0), np.int8), np.ascontiguousarray(keys.T)

    def of_queries(self, Q: np.ndarray, kernels: ModuleType) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(no codes, keys (q, m), numbers (q, 4): nothing, nothing, c·u, η)."""
        keys, margins = projected_queries(Q, self.directions, self.dtype, self.radius, kernels)
        return np.empty((len(Q), 0), np.int8), keys, np.hstack([np.zeros((len(Q), 2)), margins])

    @property
    def kept(self) -> tuple[int, int, np.dtype]:
        """Widths of the codes and keys of a row, and the keys' type."""
        return 0, self.directions.shape[1], self.dtype

    def state(self) -> dict[str, np.ndarray]:
        """What `restored` needs."""
        return {"directions": self.directions, "radius": np.array([self.radius]), "width": np.empty(0, self.dtype)}

    @classmethod
    def restored(cls, state: dict[str, np.ndarray], rows: np.ndarray, m: int) -> LevelProjections:
        """Takes what `state` gave of the rows (n, d); raises ValueError unless it is of them and of m directions."""
        projections = cls.__new__(cls)
        projections.directions = restored_directions(state, rows.shape[1], m)
        projections.dtype = held(state, "width", rows.dtype, (0,)).dtype
        (projections.radius,) = measures(state, "radius", 1)
        return projections
