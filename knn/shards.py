"""The parts of a sharded index: what each is asked, and those that live in this process."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from joblib import effective_n_jobs

from knn.base import NearestNeighbours
from knn.cosine import unit_rows
from knn.kernels.engine import engine
from knn.neighbours import Neighbours

#: How often a call is made again after shards were lost under it.
AGAIN = 3
#: Why there are no neighbours within a radius.
NO_RADIUS = "shards are asked for their k nearest alone; use KDTree, PrincipalDCI or BruteForce on all rows"


class ShardsLost(Exception):
    """The workers that held the shards `lost` are gone."""

    def __init__(self, lost: Sequence[int]):
        super().__init__(lost)
        self.lost = tuple(lost)


class Damaged(ValueError):
    """A shard's file is not as `saved` leaves it; what else goes wrong on a worker is none of these."""


class Call(NamedTuple):
    """`function(index, *arguments)`, on the index of `shard`."""

    shard: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


#: How a shard's index comes about: what makes it, and what changed it since, each a function and its arguments.
Recipe = list[tuple[Callable[..., Any], tuple[Any, ...]]]


class Holder(Protocol):
    """Where the shards' indexes live."""

    def build(self, recipes: dict[int, Recipe]) -> None:
        """Has each of these shards hold what its recipe makes. Raises ShardsLost."""

    def run(self, calls: Sequence[Call]) -> list[Any]:
        """The answers of the calls, in order. Raises ShardsLost, and what a call raises."""

    def close(self) -> None:
        """Lets go of the indexes."""


def build(holder: Holder, recipes: Sequence[Recipe], wanted: Sequence[int]) -> None:
    """Has the holder build the shards `wanted`, and those that are lost meanwhile."""
    for _ in range(AGAIN + 1):
        try:
            holder.build({shard: recipes[shard] for shard in wanted})
            return
        except ShardsLost as error:
            wanted = sorted({*wanted, *error.lost})
    raise RuntimeError(f"workers were lost {AGAIN + 1} times while shards were built: see why they end")


class Here:
    """Shards in this process, asked one after the other, or by `n_jobs` threads in joblib's meaning."""

    def __init__(self, n_jobs: int | None):
        self.n_jobs = n_jobs
        self.held: dict[int, NearestNeighbours] = {}

    def build(self, recipes: dict[int, Recipe]) -> None:
        self.held.update(zip(recipes, self._map(_made, list(recipes.values())), strict=True))

    def run(self, calls: Sequence[Call]) -> list[Any]:
        return self._map(lambda call: call.function(self.held[call.shard], *call.arguments), calls)

    def close(self) -> None:
        self.held.clear()

    def _map(self, serve: Callable[[Any], Any], jobs: Sequence[Any]) -> list[Any]:
        workers = min(effective_n_jobs(self.n_jobs), len(jobs))
        if workers <= 1:
            return [serve(job) for job in jobs]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(serve, jobs))


def _made(recipe: Recipe) -> NearestNeighbours:
    (make, arguments), *changes = recipe
    index: NearestNeighbours = make(*arguments)
    for change, parts in changes:
        change(index, *parts)
    return index


def remade(steps: Sequence[tuple[Callable[..., Any], int]], *parts: Any) -> NearestNeighbours:
    """The index of a recipe: its functions, each with how many of the parts are its arguments."""
    left = iter(parts)
    return _made([(function, tuple(islice(left, count))) for function, count in steps])


def check_directions(rows: np.ndarray, metric: str) -> None:
    """Raises ValueError for a row that the metric does not know, by its place in X; a shard would name its own."""
    if metric == "cosine":
        kernels = engine("cpu")
        squared = np.empty(len(rows))
        kernels.squared_norms(rows, squared)
        if not squared.all():
            unit_rows(rows, "X", kernels, rows.dtype)  # raises


def fitted(template: NearestNeighbours, rows: np.ndarray) -> NearestNeighbours:
    """The template itself, fitted on rows (n, d); raises as `fit`."""
    return template.fit(rows)


def restored(content: bytes) -> NearestNeighbours:
    """The index of a saved file's content. Raises Damaged."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard"
        path.write_bytes(content)
        try:
            return NearestNeighbours.load(path)
        except ValueError as error:
            raise Damaged(str(error)) from error


def saved(index: NearestNeighbours) -> bytes:
    """The file that `index.save` writes."""
    with tempfile.TemporaryDirectory() as folder:
        index.save(Path(folder) / "shard")
        return (Path(folder) / "shard").read_bytes()


def search(index: NearestNeighbours, Q: np.ndarray, k: int, exact: bool) -> Neighbours:
    """The k nearest of each row of Q (q, d) among the shard's points, by local ids; raises as the index's `search`."""
    return index.search(Q, k, exact=exact)


def search_rows(index: NearestNeighbours, rows: np.ndarray, k: int, exact: bool) -> Neighbours:
    """`search` for queries that are points of an index, as `own_rows` gives them: scaled where the metric scales."""
    with index._lock.searching():
        distances, slots, evaluations, certified = index._ranked(rows, k, exact)
        return Neighbours(index._points.ids_of(slots), index._reported(distances), evaluations, certified)


def own_rows(index: NearestNeighbours) -> tuple[np.ndarray, np.ndarray]:
    """(local ids, rows) of the living points, in order."""
    points, lift = index._points, index._lift
    rows = points.rows if lift is None else points.rows[:, : lift.width]
    return points.ids[points.alive], np.ascontiguousarray(rows[points.alive])


class Told(NamedTuple):
    """What a shard is, besides its points: all but the counts is the same in every shard."""

    alive: int
    next_id: int
    features: int
    dtype: str
    metric: str
    n_neighbors: int


def told(index: NearestNeighbours) -> Told:
    """What the shard's index is."""
    points = index._points
    counts = points.n_alive, points.next_id, index.n_features_in_
    return Told(*counts, str(points.rows.dtype), index.metric, index.n_neighbors)


def absent(index: NearestNeighbours, ids: np.ndarray) -> np.ndarray:
    """Which of the local ids are no living points, bool."""
    points = index._points
    slots = np.minimum(np.searchsorted(points.ids, ids), points.size - 1)
    return (points.ids[slots] != ids) | ~points.alive[slots] if points.size else np.ones(len(ids), bool)


def check_places(index: NearestNeighbours, more: int) -> None:
    """Raises ValueError unless the shard has places for so many more points."""
    index._check_places(index._points.size, more)


def insert(index: NearestNeighbours, rows: np.ndarray) -> int:
    """Adds rows (n, d) to the shard and returns n; raises as the index's `insert`."""
    return len(index.insert(rows))


def delete(index: NearestNeighbours, ids: np.ndarray) -> None:
    """Removes points of the shard by local ids (n,); raises KeyError where one is not there."""
    index.delete(ids)


def merged(answers: Sequence[Neighbours], k: int) -> Neighbours:
    """The k nearest of all shards' answers, by (distance, id); proved where all are, evaluations added.

    Each shard's answer holds ids of the whole, and min(k, its points) places. O(q S k log(S k)) time.
    """
    indices = np.concatenate([answer.indices for answer in answers], axis=1)
    distances = np.concatenate([answer.distances for answer in answers], axis=1)
    # A place that nothing fills comes after a point at any distance, an infinite one included.
    order = np.lexsort((np.where(indices < 0, np.iinfo(np.int64).max, indices), distances), axis=1)[:, :k]
    return Neighbours(
        np.take_along_axis(indices, order, axis=1),
        np.take_along_axis(distances, order, axis=1),
        np.sum([answer.evaluations for answer in answers], axis=0),
        np.all([answer.certified for answer in answers], axis=0),
    )
