"""Which points lie in which balls, through any index of `knn`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from estimators.arguments import whole_number
from estimators.points import point_pair
from knn import BruteForce
from knn.base import NearestNeighbours
from knn.choice import unfitted
from knn.neighbours import Neighbours

Array = NDArray[np.float64]

#: Neighbours asked for at first, and the most entries of an answer held at once.
_FIRST, _ENTRIES = 8, 1 << 22


class InBalls(NamedTuple):
    """Pairs of a ball and a point in it, by ball: `balls`, `points` and their `distances`, (pairs,) each.

    `certified` (balls,) says where no point is missed, as far as its index proves.
    """

    balls: NDArray[np.int64]
    points: NDArray[np.int64]
    distances: Array
    certified: NDArray[np.bool_]


class Radii(NamedTuple):
    """Of each of n rows the `neighbours` (n, k) and the distance to the k-th, `radii` (n,).

    `next` (n,) is the distance to one neighbour more, the radius were one of the k left out; None if k = n − 1, or
    where an approximate index finds no more of some row.
    """

    neighbours: NDArray[np.int64]
    radii: Array
    next: Array | None
    certified: NDArray[np.bool_]


def sample_pair(P: Any, Q: Any, names: tuple[str, str] = ("P", "Q")) -> tuple[Array, Array]:
    """Two samples (n, d) of one space as float64, −0 as 0; raises as `as_points`, and TypeError for a measure."""
    from estimators.measures import Empirical

    for given, name in ((P, names[0]), (Q, names[1])):
        if isinstance(given, Empirical):
            raise TypeError(f"{name} is an Empirical measure, and this compares samples: pass arrays, one point a row")
    return point_pair(P, Q, names)


def fitted(index: NearestNeighbours | str | None, points: Array) -> NearestNeighbours:
    """A copy of `index`, or the index of that name, on `points`; None is BruteForce, which is exact."""
    return unfitted(BruteForce() if index is None else index).fit(points)


def refuse_short(found: Neighbours, k: int, index: NearestNeighbours, rows: str) -> None:
    """Raises ValueError, naming the index and the first of `rows`, where fewer than k neighbours were found.

    What was not found is at no distance: ∞ in its place would make a ball that holds everything.
    """
    short = (found.indices[:, :k] < 0).any(axis=1) | ~np.isfinite(found.distances[:, :k]).all(axis=1)
    if short.any():
        raise ValueError(_too_few(index, k, rows, int(np.argmax(short)), int(short.sum()), len(short)))


def not_proved(certified: NDArray[np.bool_], what: str) -> str:
    """What `detail` says of an approximate search; empty where every answer is proved."""
    open_ = int((~certified).sum())
    return f"by an approximate search, not proved for {open_} of {len(certified)} {what}" if open_ else ""


def _too_few(index: NearestNeighbours, k: int, rows: str, row: int, short: int, of: int) -> str:
    return (
        f"index: {index!r} found fewer than {k} neighbours of row {row} of {rows}, and of {short} of {of} rows in all: "
        "give it a larger budget (visits, tables, a wider cell), or pass index=None, which is exact"
    )


def neighbour_radii(points: Array, k: int, index: NearestNeighbours | str | None, name: str) -> Radii:
    """The k nearest other rows of each row; the radius is 0 among k + 1 equal rows.

    Raises ValueError unless 1 ≤ k ≤ n − 1, and where the index finds fewer than k of a row.
    """
    most = len(points) - 1
    if most == 0:
        raise ValueError(f"{name} has one row, and a ball reaches to the k-th of the others: pass k + 1 rows or more")
    k = whole_number(k, "k", 1, most, f", the other rows of {name}")
    searched = fitted(index, points)
    found = searched.search(None, min(k + 1, most))
    refuse_short(found, k, searched, name)
    following = found.distances[:, k] if k < most and np.isfinite(found.distances[:, k]).all() else None
    return Radii(found.indices[:, :k], found.distances[:, k - 1], following, found.certified)


def in_balls(index: NearestNeighbours, centres: Array, radii: Array, rows: str = "centres") -> InBalls:
    """The points of a fitted `index` at distance ≤ radii[i] of centres[i], the sphere included, for each i.

    Each ball asks for twice as many neighbours until one lies outside or all points are in. With an approximate
    index some may be missed, never one too many; `certified` says where none is. Raises ValueError where the index
    has no more to give before one lies outside, which leaves the ball open. `rows` names the centres.
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
            held_here = found.indices >= 0
            inside = held_here & (found.distances <= radii[balls, None])
            # −1 pads what an approximate index does not find: short, and without a point outside, is no answer.
            short = ~held_here[:, -1] & (inside == held_here).all(axis=1)
            if short.any():
                first = int(balls[np.argmax(short)])
                raise ValueError(_too_few(index, k, rows, first, int(short.sum()), len(short)))
            full = inside[:, -1] & (k < n_points)
            kept, places = np.nonzero(inside & ~full[:, None])
            held.append((balls[kept], found.indices[kept, places], found.distances[kept, places]))
            certified[balls] = found.certified
            still.append(balls[full])
        open_balls, k = np.concatenate(still), min(2 * k, n_points)
    balls, points, distances = (np.concatenate(part) for part in zip(*held, strict=True))
    order = np.argsort(balls, kind="stable")
    return InBalls(balls[order], points[order], distances[order], certified)
