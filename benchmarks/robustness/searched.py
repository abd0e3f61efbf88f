"""What a fuzzer does with an index that was loaded: everything that a user would, and a look at what comes back.

A forged index may answer wrongly. It must answer in time, with ids of points that it holds, and with no error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

#: Scales of queries and of new points, in units that honest data have too.
SCALES = (1.0, 1.0, 1.0, 1e-30, 1e30, 0.0)
#: Points of which each may ask for its neighbours, and columns of which rows are made: a file of nothing claims any.
FEW, WIDE = 60, 10**6


def load_and_use(path: Path) -> None:
    """Loads a saved index, mapped or not, and uses it; raises RuntimeError for whatever goes wrong after `load`."""
    from knn import NearestNeighbours

    content = path.read_bytes()
    rng = np.random.default_rng(list(content[-8:]))
    index = NearestNeighbours.load(path, mmap=bool(rng.integers(2)))
    if index.n_features_in_ > WIDE:
        return
    try:
        _use(index, path.with_name("again"), rng)
    except BaseException as error:  # a ValueError would pass for a refusal
        raise RuntimeError(f"after load, {type(index).__name__}: {type(error).__name__}: {error}") from error


def _use(index: Any, again: Path, rng: np.random.Generator) -> None:
    from knn import NearestNeighbours

    ask(index, rng)
    width = index.n_features_in_
    for _ in range(int(rng.integers(3))):
        if rng.random() < 0.5:
            count = int(rng.choice([1, 2, 5, index._points.size + 3]))
            ids = index.insert(_rows(rng, count, width, index.metric).astype(index.dtype_))
            if len(ids) != count or (np.diff(ids) != 1).any():
                raise AssertionError(f"new points have the ids {ids[:5]}")
        else:
            living = index._points.ids[index._points.alive]
            share = rng.choice([0.05, 0.4, 1.0], p=[0.6, 0.3, 0.1])
            index.delete(rng.permutation(living)[: int(np.ceil(share * len(living)))])
        ask(index, rng)
    index.save(again)
    try:
        loaded = NearestNeighbours.load(again)
    except ValueError:  # what was forged may be seen only now
        return
    ask(loaded, rng)


def ask(index: Any, rng: np.random.Generator) -> None:
    """Asks for neighbours, with a proof and without, of queries and of its own points, and within a radius."""
    points = index._points
    living, count = points.ids[points.alive], index.n_samples_fit_
    if count != len(living):
        raise AssertionError(f"{count} points, of which {len(living)} live")
    many = 33 if rng.random() < 0.1 else 3  # from 32 on some indexes answer otherwise
    Q = _rows(rng, many, index.n_features_in_, index.metric)
    if count:
        k = min(count, int(rng.choice([1, 2, 5, count])))
        for exact in (False, True):
            _check(*index.search(Q, k, exact=exact)[:2], living)
        distances, indices = index.kneighbors(Q[:2], k)
        _check(indices, distances, living)
    own = 1 < count < FEW and rng.random() < 0.2  # whose points ask themselves
    if own:
        _check(*index.search(None, 1, exact=bool(rng.integers(2)))[:2], living)
    if hasattr(index, "radius_neighbors") and index.metric != "inner_product":
        radius = float(rng.choice([0.0, 0.5, 3.0, 1e30]))
        for distances, indices in zip(*index.radius_neighbors(Q[:2], radius), strict=True):
            _check(indices, distances, living)
        if own:
            index.radius_neighbors(None, radius)


def _rows(rng: np.random.Generator, count: int, width: int, metric: str) -> np.ndarray:
    rows = rng.standard_normal((count, width)) * rng.choice(SCALES)
    if metric == "cosine":
        rows[~rows.any(axis=1)] = 1.0
    return rows


def _check(indices: np.ndarray, distances: np.ndarray, living: np.ndarray) -> None:
    """Raises unless ids are of living points or −1, and distances are numbers."""
    strange = indices[(indices != -1) & ~np.isin(indices, living)]
    if len(strange):
        raise AssertionError(f"the id {strange[0]}, of which there is no living point")
    if np.isnan(distances[indices >= 0]).any():
        raise AssertionError("a distance that is NaN")


def use_shards(index: Any, again: Path, rng: np.random.Generator) -> None:
    """The same of a sharded index."""
    from knn import Sharded

    width, count = index.n_features_in_, index.n_samples_fit_
    Q = _rows(rng, 3, width, index._metric)
    for turn in range(2):
        living = index._own()[0]
        if count != len(living):
            raise AssertionError(f"{count} points, of which {len(living)} live")
        if count:
            for exact in (False, True):
                _check(*index.search(Q, min(count, 3), exact=exact)[:2], living)
        if count > 1:
            _check(*index.search(None, 1)[:2], living)
        if turn == 0:
            index.insert(_rows(rng, 2, width, index._metric).astype(index.dtype_))
            index.delete(living[:2])
            count += 2 - len(living[:2])
    index.save(again)
    try:
        Sharded.load(again)
    except ValueError:  # what was forged may be seen only now
        return
