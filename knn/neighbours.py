"""Answers: what they state, a point that is not among its own, and sparse graphs in scikit-learn's conventions."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

from knn.notebook import html_table
from knn.validation import checked_count

MODES = ("connectivity", "distance")
#: Queries and neighbours that a notebook shows; the arrays have all.
SHOWN = 8


class Neighbours(NamedTuple):
    """The answers to q queries, nearest first; places that nothing fills hold −1 and ∞.

        indices      int64 (q, k)     permanent ids of the neighbours
        distances    float64 (q, k)   their distances by the definition of the metric, ascending
        evaluations  int64 (q,)       how many true distances were computed for each query
        certified    bool (q,)        whether the answer is proved to be the exact one

    Of queries in the memory of a device, `BruteForce` leaves all but the evaluations there, as nothing waits.
    """

    indices: np.ndarray
    distances: np.ndarray
    evaluations: np.ndarray
    certified: np.ndarray

    def _repr_html_(self) -> str:
        """The first answers as a notebook shows them, each neighbour as id (distance)."""
        q, k = self.indices.shape
        rows = [
            (
                i,
                *(f"{self.indices[i, j]} ({self.distances[i, j]:.6g})" for j in range(min(k, SHOWN))),
                self.evaluations[i],
                "proved" if self.certified[i] else "not proved",
            )
            for i in range(min(q, SHOWN))
        ]
        head = ("query", *(f"{j + 1}." for j in range(min(k, SHOWN))), "distances computed", "exact")
        mean = (
            f"{self.evaluations.mean():.6g} distances a query, {self.certified.sum() / q:.3g} proved" if q else "none"
        )
        return html_table(head, rows, f"{q} queries, {k} neighbours of each: {mean}")


def checked_mode(mode: str) -> str:
    """`mode` itself; raises ValueError unless it is one of `MODES`."""
    if mode not in MODES:
        raise ValueError(f"mode={mode!r} is not known: use one of {MODES}")
    return mode


def checked_among(k: Any, held: int, *, alone: bool = False) -> int:
    """k itself, among the `held` points of an index, where each is `alone` asked for the others.

    Raises ValueError unless 1 ≤ k ≤ held, or held − 1 of the others; where none is left, it says what to insert.
    """
    if held == 0:
        raise ValueError("the index is empty, since every point of it was deleted: insert points before a search")
    if alone and held == 1:
        raise ValueError("the index holds one point, which has no other to be its neighbour: insert points, or pass X")
    return checked_count(k, "n_neighbors", most=held - alone, of="points to choose from")


def neighbours_graph(indices: np.ndarray, distances: np.ndarray | None, ids: np.ndarray) -> csr_matrix:
    """csr_matrix (q, len(ids)): row i holds the neighbours of query i, nearest first, with 1.0 or their distances.

    indices (q, k) are permanent ids, −1 for none, which has no entry; `ids`, increasing, are those of the columns.
    Distances of zero are entries like others, so that a neighbour is told from a stranger.
    """
    found = indices >= 0
    starts = np.concatenate([[0], np.cumsum(found.sum(axis=1))])
    columns = np.searchsorted(ids, indices[found])
    data = np.ones(len(columns)) if distances is None else distances[found]
    return csr_matrix((data, columns, starts), shape=(len(indices), len(ids)))


def without_self(indices: np.ndarray, distances: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drops from each row its own id, or the last place where many duplicates have pushed it out."""
    keep = indices != own[:, None]
    keep[keep.all(axis=1), -1] = False
    shape = (indices.shape[0], indices.shape[1] - 1)
    return indices[keep].reshape(shape), distances[keep].reshape(shape)
