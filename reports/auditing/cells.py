"""Modes, by cells: given centres, or clusters of all rows where the modes are not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import hypergeom
from threadpoolctl import threadpool_limits

from estimators.points import as_points
from estimators.two_sample import holm

Array = NDArray[np.float64]

#: Clusters where none are given, and the rows that each has at least, were all of one size.
_CLUSTERS, _ROWS_A_CLUSTER = 20, 25


@dataclass(frozen=True)
class Cells:
    """Which cell each of n real rows and m samples lies in, and what that says of the samples.

    `centres` (k, d); `of_data` (k,) and `of_samples` (k,) count; `radii_data` (n,), `radii_samples` (m,) are squared
    distances to the own centre over their mean in the cell, 1 on average. `p_values` (k,): of Fisher's exact test in
    each cell that samples are too few. `known` tells given centres from clusters.
    """

    centres: Array
    of_data: NDArray[np.int64]
    of_samples: NDArray[np.int64]
    radii_data: Array
    radii_samples: Array
    p_values: Array
    known: bool

    @property
    def p_value(self) -> float:
        """Of no cell having too few samples: the least p-value times the number of cells (Bonferroni)."""
        return min(1.0, float(self.p_values.min()) * len(self.p_values))

    def lacking(self, level: float) -> NDArray[np.int64]:
        """The cells that have too few samples, by Holm's correction over the cells at `level`."""
        return np.flatnonzero(holm(self.p_values) <= level)


def cells(data: Array, samples: Array, modes: Any = None, *, random_state: int = 0) -> Cells:
    """Counts data (n, d) and samples (m, d) by the nearest of `modes` (k, d), or by k-means clusters of both together.

    P(as few samples or fewer in a cell | rows in it), the labels exchanged: hypergeometric, exact under equal laws,
    since clusters of the pooled rows, in one order, do not know which row is whose. Raises ValueError for bad modes.
    """
    pooled, of_data = np.concatenate([data, samples]) + 0.0, np.arange(len(data) + len(samples)) < len(data)
    if modes is None:
        labels, centres = _clusters(pooled, random_state)
    else:
        centres = as_points(modes, "modes")
        if centres.shape[1] != pooled.shape[1]:
            raise ValueError(
                f"modes has {centres.shape[1]} coordinates a row where {pooled.shape[1]} are needed: pass one centre a "
                "row, in the space of the features"
            )
        labels = np.concatenate([cdist(block, centres).argmin(axis=1) for block in _blocks(pooled, len(centres))])
    k, n, m = len(centres), len(data), len(samples)
    ours, theirs = (np.bincount(labels[own], minlength=k) for own in (of_data, ~of_data))
    squares = ((pooled - centres[labels]) ** 2).sum(axis=1)
    means = np.bincount(labels, squares, minlength=k) / np.maximum(1, np.bincount(labels, minlength=k))
    radii = np.where(means[labels] > 0, squares / np.where(means > 0, means, 1.0)[labels], 1.0)
    p_values = hypergeom.cdf(theirs, n + m, ours + theirs, m)
    return Cells(centres, ours, theirs, radii[of_data], radii[~of_data], np.minimum(p_values, 1.0), modes is not None)


def _clusters(pooled: Array, random_state: int) -> tuple[NDArray[Any], Array]:
    from sklearn.cluster import KMeans

    k = max(2, min(_CLUSTERS, len(pooled) // (2 * _ROWS_A_CLUSTER)))
    k = min(k, len(np.unique(pooled, axis=0)))
    # One order whatever the order given, or the clusters could know which rows are samples.
    order = np.lexsort(pooled.T)
    with threadpool_limits(limits=1):  # the sums of several threads come in an order of their own
        # k-means++ draws centres in proportion to mass: with some starts no mode of 1/k is left without one.
        fitted = KMeans(k, n_init=4, random_state=random_state).fit(pooled[order])
    labels = np.empty(len(pooled), dtype=np.int64)
    labels[order] = fitted.labels_
    return labels, fitted.cluster_centers_


def _blocks(rows: Array, k: int) -> list[Array]:
    return np.array_split(rows, max(1, len(rows) * k // (1 << 22) + 1))
