"""Any index as the first step of a scikit-learn pipeline: points in, a sparse graph of their neighbours out."""

from __future__ import annotations

from typing import Any, Self

from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from knn.base import NearestNeighbours
from knn.choice import unfitted
from knn.exact import BruteForce
from knn.neighbours import checked_mode
from knn.validation import checked_count


class NeighboursTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """X (n, d) into the graph of its neighbours among the points of `fit`, as scikit-learn's KNeighborsTransformer.

    `index` is an index, which is copied, or the name of a registered one; None is `BruteForce()`. `n_neighbors` comes
    before the index's own. In `mode="distance"` one more neighbour than that is given, because a point that was fitted
    is its own nearest, at an explicit zero; `mode="connectivity"` gives ones, and counts the point itself. What an
    approximate index does not find has no entry. For `metric="inner_product"` distances are negative, which few
    estimators take: use "connectivity".
    """

    def __init__(
        self, index: NearestNeighbours | str | None = None, *, mode: str = "distance", n_neighbors: int | None = None
    ):
        self.index = index
        self.mode = mode
        self.n_neighbors = n_neighbors

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn passes y)
        """Builds the index on X (n, d). Raises ValueError or TypeError for what the index refuses."""
        checked_mode(self.mode)
        if self.n_neighbors is not None:
            checked_count(self.n_neighbors, "n_neighbors")
        index = self._own_index()
        index.fit(X)
        validate_data(self, X, skip_check_array=True)
        self.index_ = index
        self._n_features_out = index.n_samples_fit_
        return self

    def transform(self, X: Any) -> csr_matrix:
        """csr_matrix (q, n) of the neighbours of each row of X (q, d) among the fitted points, nearest first."""
        check_is_fitted(self)
        # Shape and names, in scikit-learn's words; the index looks at the values.
        validate_data(self, X, reset=False, dtype=None, ensure_all_finite=False)
        k = self.index_.n_neighbors if self.n_neighbors is None else self.n_neighbors
        return self.index_.kneighbors_graph(X, k + (self.mode == "distance"), self.mode)

    def fit_transform(self, X: Any, y: Any = None) -> csr_matrix:
        """`fit`, then `transform` of the same points: square, each point its own first neighbour."""
        return self.fit(X, y).transform(X)

    def _own_index(self) -> NearestNeighbours:
        return BruteForce() if self.index is None else unfitted(self.index)
