"""Neighbours within a radius, for indexes whose structure can leave out what lies beyond."""

from __future__ import annotations

import numbers
from abc import abstractmethod
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.utils.validation import check_is_fitted, validate_data

from knn.base import NearestNeighbours
from knn.neighbours import checked_mode
from knn.threads import over_blocks
from knn.validation import checked_rows

#: Queries to a block.
BLOCK = 16


class RadiusNeighbours(NearestNeighbours):
    """An index that also finds every point x with d(q, x) ≤ r, d as computed by the definition of the metric.

    The border belongs to it: a point is found exactly if its distance, rounded as the definition rounds, is no larger
    than r as a float64. So what `kneighbors` says is at distance r is found with radius r.
    """

    def radius_neighbors(
        self, X: Any = None, radius: float = 1.0, *, return_distance: bool = True, sort_results: bool = False
    ) -> Any:
        """(distances, indices), or indices alone, as scikit-learn has them: object arrays (q,) of arrays of any length.

        Each row's ids ascend, or with `sort_results` its distances, equal ones in the order of ids. X=None asks for
        each point among the others. Raises TypeError or ValueError for a radius that is no finite number ≥ 0,
        for `sort_results` without distances, for inner products, which are no distances, and for bad rows.
        """
        check_is_fitted(self)
        radius = _checked_radius(radius)
        if sort_results and not return_distance:
            raise ValueError("sort_results=True sorts by distance: set return_distance=True as well")
        if self.metric == "inner_product":
            raise ValueError("inner products have no radius: use metric='euclidean' or 'cosine'")
        if X is not None:
            rows = checked_rows(X, "X", width=self.n_features_in_)
            validate_data(self, X, reset=False, skip_check_array=True)
            rows = self._reduced(rows, "X", self.dtype_)
        with self._lock.searching():
            points = self._points
            own = None if X is not None else np.flatnonzero(points.alive)
            queries = rows if own is None else points.rows[own]
            found = self._all_within(queries, own, radius, sort_results)
        distances, indices = (_objects(part) for part in zip(*found, strict=True))
        return (distances, indices) if return_distance else indices

    def radius_neighbors_graph(
        self, X: Any = None, radius: float = 1.0, *, mode: str = "connectivity", sort_results: bool = False
    ) -> csr_matrix:
        """The points within the radius as a sparse matrix (queries, points): 1.0, or with "distance" their distances.

        Columns are the points that the index holds, in the order of their ids; a distance of zero is an entry like
        others. X=None leaves out the point itself. As scikit-learn has it; raises what `radius_neighbors` raises.
        """
        checked_mode(mode)
        distances, indices = self.radius_neighbors(X, radius, sort_results=sort_results)
        starts = np.concatenate([[0], np.cumsum([len(row) for row in indices], dtype=np.int64)])
        ids = self._points.ids[self._points.alive]
        columns = np.searchsorted(ids, np.concatenate([np.empty(0, np.int64), *indices]))
        data = np.concatenate([np.empty(0), *distances]) if mode == "distance" else np.ones(len(columns))
        return csr_matrix((data, columns, starts), shape=(len(indices), len(ids)))

    def _all_within(self, Q, own, radius, sort_results):
        """(distances, ids) of each query; without the slots own (q,)."""
        # ½t² ≤ r holds for no t beyond this: three roundings, each of at most half an ulp.
        reach = radius if self.metric == "euclidean" else np.sqrt(2.0 * radius) * (1.0 + 2.0**-50)

        def serve(part):
            slots, distances = np.empty(self._points.size, np.int64), np.empty(self._points.size)
            answers = []
            for row in range(part.start, part.stop):
                query = Q[row].astype(np.float64)
                count = self._within(query, reach, slots, distances)
                kept, reported = slots[:count], self._reported(distances[:count])
                chosen = reported <= radius
                if own is not None:
                    chosen &= kept != own[row]
                kept, reported = kept[chosen], reported[chosen]
                order = np.lexsort((kept, reported)) if sort_results else np.argsort(kept)
                answers.append((reported[order], self._points.ids[kept[order]]))
            return answers

        return [answer for block in over_blocks(serve, len(Q), BLOCK, self.n_jobs) for answer in block]

    @abstractmethod
    def _within(self, q: np.ndarray, radius: float, slots: np.ndarray, distances: np.ndarray) -> int:
        """Fills slots and Euclidean distances (slots,) with the living within the radius of q (d,); how many."""


class BoundedRadius(RadiusNeighbours):
    """Radius queries where bounds leave out what is sure to be beyond, and the definition measures the rest."""

    def _within(self, q, radius, slots, distances):
        points, left = self._points, self._left_within(q, radius)
        return self._engine.listed_within(points.rows, left, points.alive, q, radius, slots, distances)

    @abstractmethod
    def _left_within(self, q: np.ndarray, radius: float) -> np.ndarray:
        """Slots, each at most once, of all living points within the radius of q (d,), float64, and maybe others."""


class Refused:
    """An attribute that an index has not, and that says why."""

    def __init__(self, why: str):
        self._why = why

    def __set_name__(self, owner: type, name: str) -> None:
        self._what = f"{owner.__name__} has no {name}"

    def __get__(self, instance: Any, owner: type) -> Any:
        if instance is None:
            return self
        raise AttributeError(f"{self._what}: {self._why}")


def _checked_radius(radius: Any) -> float:
    if isinstance(radius, (bool, np.bool_)) or not isinstance(radius, numbers.Real):
        raise TypeError(f"radius must be a number, not {radius!r}")
    if not 0.0 <= float(radius) < np.inf:
        raise ValueError(f"radius={radius} must be finite and at least 0")
    return float(radius)


def _objects(arrays: Any) -> np.ndarray:
    """An object array of arrays, also where all are equally long."""
    out = np.empty(len(arrays), dtype=object)
    out[:] = arrays
    return out
