"""The metrics that are served, and what to ask for in place of those that other libraries have."""

from __future__ import annotations

from typing import Any

from knn.registry import did_you_mean

METRICS = ("euclidean", "cosine", "inner_product")
#: What has the same neighbours, by the words of faiss, hnswlib, annoy, SciPy and scikit-learn.
_EUCLIDEAN = "metric='euclidean', √Σ(qᵢ − xᵢ)²"
_SQUARED = "metric='euclidean', whose neighbours are the same, and square the distances"
_COSINE = "metric='cosine', 1 − cos of the angle"
_PRODUCT = "metric='inner_product', −⟨q, x⟩ so that the largest products come first"
_INSTEAD = {
    **dict.fromkeys(("l2", "minkowski", "nan_euclidean", "p2"), _EUCLIDEAN),
    **dict.fromkeys(("sqeuclidean", "squared_euclidean", "squared_l2", "l2sqr"), _SQUARED),
    **dict.fromkeys(("cos", "angular", "cosine_similarity", "cosinesimil"), _COSINE),
    **dict.fromkeys(("ip", "dot", "dot_product", "innerproduct", "mips", "max_inner_product"), _PRODUCT),
    "correlation": "metric='cosine' on rows from which their own mean was subtracted",
    "seuclidean": "metric='euclidean' on columns divided by their standard deviations",
    "mahalanobis": "metric='euclidean' on X @ L, where L @ L.T is the inverse covariance",
    "hamming": "metric='euclidean' on rows of 0 and 1, whose neighbours are the same",
    "precomputed": "rows of coordinates: an index takes no distances",
}


def checked_metric(metric: Any) -> str:
    """`metric` itself; raises ValueError, with what to ask for instead, unless it is one of `METRICS`."""
    if isinstance(metric, str) and metric in METRICS:
        return metric
    word = (metric if isinstance(metric, str) else "").lower().replace(" ", "_").replace("-", "_")
    told = f"; instead of it use {_INSTEAD[word]}" if word in _INSTEAD else word and did_you_mean(word, METRICS)
    raise ValueError(f"metric={metric!r} is not known: use one of {METRICS}{told}")
