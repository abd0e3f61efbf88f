"""Which points lie in which balls, through any index of `knn`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from estimators.points import as_points, same_dimension
from knn import BruteForce
from knn.base import NearestNeighbours

Array = NDArray[np.float64]

#: Neighbours asked for at first, and the most entries of an answer held at once.
_FIRST, _ENTRIES = 8, 1 << 22


class InBalls(NamedTuple):
    """Pairs of a ball and a point in it, by ball: `balls`, `points` and their `distances`, (pairs,) each.

    `certified` (balls,) says where no point is missed.
    """

    balls: NDArray[np.int64]
    points: NDArray[np.int64]
    distances: Array
    certified: NDArray[np.bool_]


class Radii(NamedTuple):
    """Of each of n rows the `neighbours` (n, k), −1 where none was found, and the distance to the k-th, `radii` (n,).

    `next` (n,) is the distance to one neighbour more, the radius were one of the k left out; None if k = n − 1.
    """

    neighbours: NDArray[np.int64]
    radii: Array
    next: Array | None
    certified: bool


def sample_pair(P: Any, Q: Any, names: tuple[str, str] = ("P", "Q")) -> tuple[Array, Array]:
    """Two samples (n, d) of one space as float64, −0 as 0; raises as `as_points`, and TypeError for a measure."""
    from estimators.measures import Empirical

    for given, name in ((P, names[0]), (Q, names[1])):
        if isinstance(given, Empirical):
            raise TypeError(f"{name} is an Empirical measure, and this compares samples: pass arrays, one point a row")
    x, y = as_points(P, names[0]), as_points(Q, names[1])
    same_dimension(x, y, names)
    return x, y


def fitted(index: NearestNeighbours | None, points: Array) -> NearestNeighbours:
    """A copy of `index` on `points`; None is BruteForce, which is exact."""
    return clone(BruteForce() if index is None else index).fit(points)


def neighbour_radii(points: Array, k: int, index: NearestNeighbours | None, name: str) -> Radii:
    """The k nearest other rows of each row; the radius is 0 among k + 1 equal rows.

    Raises ValueError unless 1 ≤ k ≤ n − 1.
    """
    most = len(points) - 1
    if not (isinstance(k, (int, np.integer)) and 1 <= k <= most):
        raise ValueError(f"k is {k!r}: pass a whole number from 1 to {most}, the other rows of {name}")
    found = fitted(index, points).search(None, min(int(k) + 1, most))
    following = found.distances[:, k] if k < most else None
    return Radii(found.indices[:, :k], found.distances[:, k - 1], following, bool(found.certified.all()))


def in_balls(index: NearestNeighbours, centres: Array, radii: Array) -> InBalls:
    """The points of a fitted `index` at distance ≤ radii[i] of centres[i], the sphere included, for each i.

    Each ball asks for twice as many neighbours until one lies outside or all points are in. With an approximate
    index some may be missed, never one too many; `certified` says where none is.
    """
    n_points, n_balls = index.n_samples_fit_, len(centres)
    held: list[tuple[NDArray[np.int64], NDArray[np.int64], Array]] = []
    certified = np.zeros(n_balls, dtype=bool)
    open_balls, k = np.arange(n_balls), min(_FIRST, n_points)
    while len(open_balls):
        still = []
        for start in range(0, len(open_balls), max(1, _ENTRIES // k)):
            balls = open_balls[start : start + max(1, _ENTRIES // k)]
            found = index.search(centres[balls], k)
            inside = found.distances <= radii[balls, None]
            # ∞ pads what an approximate index does not find; the last place inside means that more may be.
            full = inside[:, -1] & (k < n_points)
            rows, places = np.nonzero(inside & ~full[:, None] & (found.indices >= 0))
            held.append((balls[rows], found.indices[rows, places], found.distances[rows, places]))
            certified[balls] = found.certified
            still.append(balls[full])
        open_balls, k = np.concatenate(still), min(2 * k, n_points)
    balls, points, distances = (np.concatenate(part) for part in zip(*held, strict=True))
    order = np.argsort(balls, kind="stable")
    return InBalls(balls[order], points[order], distances[order], certified)
