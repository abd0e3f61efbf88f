"""KL and Jensen-Shannon divergence between the laws behind two samples, by nearest neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import psi
from sklearn.base import clone

from estimators.balls import in_balls
from estimators.fdivergences.batches import from_parts
from estimators.points import point_pair
from estimators.result import Estimate
from estimators.scoring import ties_matter
from knn import BruteForce
from knn.base import NearestNeighbours
from knn.choice import unfitted

Array = NDArray[np.float64]

#: Pairs of a ball and a point in it held at once, unless fewer than so many balls hold them.
_PAIRS, _FEWEST = 1 << 22, 64
_METHODS = ("fixed-k", "adaptive")


@ties_matter
def kl_knn(
    X: Any,
    Y: Any,
    *,
    k: int = 5,
    method: str = "fixed-k",
    index: NearestNeighbours | str | None = None,
    batches: int | None = 10,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> Estimate:
    """KL(p‖q) between the laws of X ~ p (n, d) and Y ~ q (m, d), in nats, from the distances of neighbours.

    "fixed-k": (d/n) Σᵢ log(νₖ(xᵢ)/ρₖ(xᵢ)) + log(m/(n−1)), with ρₖ the distance of xᵢ to its k-th neighbour among the
    other points of X and νₖ to its k-th among Y, as in Pérez-Cruz 2008, whose other estimator is `kl_cdf`. "adaptive":
    both densities are estimated in one ball of radius max(ρₖ, νₖ), in which lᵢ points of X and kᵢ of Y lie, the
    farthest at ρ and ν: (d/n) Σᵢ log(ν/ρ) + (1/n) Σᵢ (ψ(lᵢ) − ψ(kᵢ)) + log(m/(n−1)), at the price of counting many
    neighbours where q is thin. It is meant to have less bias where p/q varies; between Gaussians a shift apart the
    experiment `knn-divergence` shows less at 400 points in one and two dimensions, no difference in five, more in ten.

    `index`: an unfitted Euclidean index of `knn` (BruteForce); an approximate one is told in `detail`. `batches`: the
    standard error is s/√B of the estimates from B disjoint parts of both samples (shuffled by `random_state`): it rests
    on n·variance having a limit (Berrett & Samworth 2023) and on nothing about neighbours that terms share, where the
    bootstrap, whose repeated points are at distance 0, fails. The interval is Student's at 95 %, about the estimator's
    mean: **bias, which grows with d, is in neither**. None where a part would have fewer than 4(k+1) points, or for
    batches=None. The value may be negative. Between the empirical measures themselves KL is `kl`, mostly ∞.

    Raises ValueError for bad samples, for k not in 1 … min(n−1, m), and where a k-th neighbour is at distance 0, which
    densities never give. Source: Wang, Kulkarni & Verdú 2009, eq. 5 and the bias reduction by equal radii; Pérez-Cruz.
    """
    x, y = point_pair(X, Y, ("X", "Y"))
    if method not in _METHODS:
        raise ValueError(f"method is {method!r}: pass one of {', '.join(_METHODS)}")
    _check_k(k, min(len(x) - 1, len(y)), (len(x), len(y)))
    neighbours = _Searcher(index, n_jobs)
    estimator = _fixed if method == "fixed-k" else _adaptive
    value = estimator(x, y, k, neighbours)
    return _with_batches(
        value, lambda a, b: estimator(a, b, k, neighbours), (x, y), k, batches, random_state,
        f"{k} nearest neighbours, {method}", neighbours,
    )  # fmt: skip


@ties_matter
def jsd_knn(
    X: Any,
    Y: Any,
    *,
    k: int = 5,
    index: NearestNeighbours | str | None = None,
    batches: int | None = 10,
    random_state: Any = 0,
    n_jobs: int | None = None,
) -> Estimate:
    """JSD between the laws of X (n, d) and Y (n, d), in nats: the information that a point has about its sample.

    ψ(2n) + ψ(k) − ψ(n) − mean ψ(mᵢ), where mᵢ counts the other points of both samples in the ball about point i that
    reaches its k-th neighbour in its own sample, that one included. `index`, `batches`
    and errors as `kl_knn`; samples of one size, since the divergence is of equal shares. It may be negative, and above
    log 2 by its spread. Source: Ross 2014 (mutual information between a label and a continuous variable).
    """
    x, y = point_pair(X, Y, ("X", "Y"))
    if len(x) != len(y):
        raise ValueError(
            f"X has {len(x)} rows and Y has {len(y)}: pass equally many, drop some of the larger at random"
        )
    _check_k(k, len(x) - 1, (len(x), len(y)))
    neighbours = _Searcher(index, n_jobs)
    value = _information(x, y, k, neighbours)
    return _with_batches(
        value, lambda a, b: _information(a, b, k, neighbours), (x, y), k, batches, random_state,
        f"{k} nearest neighbours, label information", neighbours,
    )  # fmt: skip


class _Searcher:
    """Distances to neighbours, nearest first, by clones of one index; remembers whether all were proved exact."""

    def __init__(self, index: NearestNeighbours | str | None, n_jobs: int | None):
        self.template = BruteForce(n_jobs=n_jobs) if index is None else unfitted(index)
        if self.template.metric != "euclidean":
            raise ValueError(f"index.metric is {self.template.metric!r}: volumes of balls need 'euclidean'")
        self.certified = True

    def fitted(self, points: Array) -> NearestNeighbours:
        return clone(self.template).fit(points)

    def distances(self, fitted: NearestNeighbours, queries: Array | None, k: int) -> Array:
        found = fitted.search(queries, k)
        self.certified &= bool(found.certified.all())
        if not np.isfinite(found.distances).all():
            row = int(np.argmin(np.isfinite(found.distances).all(axis=1)))
            raise ValueError(f"index: found fewer than {k} neighbours of row {row}: give it a larger budget")
        return np.asarray(found.distances, dtype=np.float64)


def _fixed(x: Array, y: Array, k: int, neighbours: _Searcher) -> float:
    own = neighbours.distances(neighbours.fitted(x), None, k)[:, -1]
    other = neighbours.distances(neighbours.fitted(y), x, k)[:, -1]
    _refuse_zero(own, "X", "X", k)
    _refuse_zero(other, "X", "Y", k)
    terms = np.log(other) - np.log(own)
    return x.shape[1] / len(x) * math.fsum(terms) + math.log(len(y) / (len(x) - 1))


def _adaptive(x: Array, y: Array, k: int, neighbours: _Searcher) -> float:
    in_x, in_y = neighbours.fitted(x), neighbours.fitted(y)
    own, other = neighbours.distances(in_x, None, k)[:, -1], neighbours.distances(in_y, x, k)[:, -1]
    _refuse_zero(own, "X", "X", k)
    _refuse_zero(other, "X", "Y", k)
    radius = np.maximum(own, other)
    # Both samples' balls have k points at least; the point itself is among X and is not counted.
    counts_own, reach_own = _in_ball(in_x, x, radius, k + 1, neighbours)
    counts_other, reach_other = _in_ball(in_y, x, radius, k, neighbours)
    terms = x.shape[1] * (np.log(reach_other) - np.log(reach_own)) + psi(counts_own - 1) - psi(counts_other)
    return math.fsum(terms) / len(x) + math.log(len(y) / (len(x) - 1))


def _information(x: Array, y: Array, k: int, neighbours: _Searcher) -> float:
    both = neighbours.fitted(np.concatenate([x, y]))
    total = 0.0
    for part, name in ((x, "X"), (y, "Y")):
        radius = neighbours.distances(neighbours.fitted(part), None, k)[:, -1]
        _refuse_zero(radius, name, name, k)
        counts, _ = _in_ball(both, part, radius, k + 1, neighbours)
        total += math.fsum(psi(counts - 1))
    n = len(x)
    return float(psi(2 * n) + psi(k) - psi(n)) - total / (2 * n)


def _in_ball(
    fitted: NearestNeighbours, queries: Array, radius: Array, first: int, neighbours: _Searcher
) -> tuple[Array, Array]:
    """How many points lie within `radius` of each query, `first` at least, and the distance of the farthest of them.

    Some queries at a time, since a ball may hold all points.
    """
    counts, reach = np.zeros(len(queries)), np.zeros(len(queries))
    step = max(_FEWEST, _PAIRS // fitted.n_samples_fit_)
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        found = in_balls(fitted, queries[part], radius[part], "queries")
        neighbours.certified &= bool(found.certified.all())
        counts[part] = np.bincount(found.balls, minlength=len(queries[part]))
        np.maximum.at(reach[part], found.balls, found.distances)
    if (counts < first).any():
        row = int(np.argmax(counts < first))
        raise ValueError(f"index: found {counts[row]:.0f} of {first} points about row {row}: give it a larger budget")
    return counts, reach


def _with_batches(
    value: float,
    estimator: Callable[[Array, Array], float],
    samples: tuple[Array, Array],
    k: int,
    batches: int | None,
    random_state: Any,
    method: str,
    neighbours: _Searcher,
) -> Estimate:
    stderr, interval, note = from_parts(value, estimator, samples, 4 * (k + 1), batches, random_state)
    detail = f"biased at finite n, the more the higher d; {note}"
    if not neighbours.certified:
        detail += "; neighbours approximate"
    return Estimate(value, stderr, interval, method, unit="nats", detail=detail)


def _check_k(k: Any, most: int, sizes: tuple[int, int]) -> None:
    if most == 0:
        raise ValueError("X has one row, and its neighbours are among the other rows of X: pass k + 1 rows or more")
    if not (isinstance(k, (int, np.integer)) and 1 <= k <= most):
        told = f"what {sizes[0]} and {sizes[1]} points allow"
        raise ValueError(f"k is {k!r}: pass a whole number from 1 to {most}, {told}")


def _refuse_zero(distances: Array, rows: str, sample: str, k: int) -> None:
    if not distances.all():
        row = int(np.argmin(distances))
        raise ValueError(
            f"{rows}: row {row} has {k} equal points in {sample}, which samples of densities never have: "
            "raise k, or compare Empirical(X) with Empirical(Y) if the laws have atoms"
        )
