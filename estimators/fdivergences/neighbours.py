"""Kullback-Leibler divergence between the laws behind two samples, by nearest neighbours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from estimators.points import as_points, same_dimension
from estimators.result import Estimate
from knn import BruteForce


def kl_knn(X: Any, Y: Any, *, k: int = 5, n_jobs: int | None = None) -> Estimate:
    """KL(p‖q) from X ~ p (n, d) and Y ~ q (m, d): (d/n) Σᵢ log(νₖ(xᵢ)/ρₖ(xᵢ)) + log(m/(n−1)), in nats.

    ρₖ is the distance of xᵢ to its k-th neighbour among the other points of X, νₖ to the k-th among Y.
    Consistent for densities with fixed k; biased at finite n, the more the higher d and the further q is
    from p, and it may be negative. No standard error: terms that share neighbours are not independent.
    This is an estimate between laws; between the empirical measures themselves KL is `kl`, mostly ∞.

    Raises ValueError for bad samples, for k not in 1 … min(n−1, m), and where a k-th neighbour is at
    distance 0, which densities never give. Source: Wang, Kulkarni & Verdú 2009, eq. 5; Pérez-Cruz 2008.
    """
    x, y = as_points(X, "X"), as_points(Y, "Y")
    same_dimension(x, y, ("X", "Y"))
    n, m = len(x), len(y)
    if not (isinstance(k, (int, np.integer)) and 1 <= k <= min(n - 1, m)):
        raise ValueError(f"k is {k!r}: pass a whole number from 1 to {min(n - 1, m)}, what {n} and {m} points allow")
    own = BruteForce(n_neighbors=k, n_jobs=n_jobs).fit(x).kneighbors()[0][:, -1]
    other = BruteForce(n_neighbors=k, n_jobs=n_jobs).fit(y).kneighbors(x)[0][:, -1]
    for distances, sample in ((own, "X"), (other, "Y")):
        if not distances.all():
            row = int(np.argmin(distances))
            raise ValueError(
                f"X: row {row} has {k} equal points in {sample}, which samples of densities never have: "
                "raise k, or compare Empirical(X) with Empirical(Y) if the laws have atoms"
            )
    terms = np.log(other) - np.log(own)
    value = x.shape[1] / n * math.fsum(terms) + math.log(m / (n - 1))
    return Estimate(
        value, method=f"{k} nearest neighbours", unit="nats", detail="biased at finite n; no standard error"
    )
