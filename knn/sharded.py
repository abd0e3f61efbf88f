"""One index over many shards, in this process or on the workers of a Dask client."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted, validate_data

from knn import shard_files, shards
from knn.base import NearestNeighbours
from knn.choice import unfitted
from knn.neighbours import Neighbours, checked_among, checked_mode, neighbours_graph, without_self
from knn.points import refuse_missing
from knn.radius import Refused
from knn.shard_ids import Numbering
from knn.shards import AGAIN, Call, Here, Holder, Recipe, ShardsLost
from knn.threads import ChangeLock, checked_jobs
from knn.validation import checked_count, checked_ids, checked_random_state, checked_rows


class Sharded(BaseEstimator):
    """The k nearest among points that are split into shards, each under an index of its own.

        k nearest of X₁ ∪ … ∪ X_S = the k least (distance, id) among the k nearest of each X_s

    so that for an exact index, or `exact=True`, the answers are one index's to the last bit. A query's evaluations are
    the shards' together, and it is certified if every shard's answer is. Arguments: `index`, a name, a class or an
    index (its parameters serve each shard); `n_shards`; `client`, a `distributed.Client` on whose workers the shards
    are built and held, or None for this process, one after the other or on `n_jobs` threads.

    Consecutive rows make a shard, and an insertion goes to the smallest. A worker that is lost loses its shards, which
    are built again elsewhere from X (not copied: do not change it) and the changes since, before the call goes on.
    Budgets of the index that are shares stay shares; those that count points count them in each shard.
    """

    radius_neighbors = Refused(shards.NO_RADIUS)
    radius_neighbors_graph = Refused(shards.NO_RADIUS)

    def __init__(self, index="brute-force", *, n_shards=2, client=None, n_jobs=None):
        self.index = index
        self.n_shards = n_shards
        self.client = client
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn passes y)
        """Splits X (n, d) into min(n_shards, n) shards and builds them. Raises what the index raises.

        After an error the index is as it was before.
        """
        template = self._checked()
        rows = checked_rows(X, "X")
        shards.check_directions(rows, template.metric)
        validate_data(template, X, skip_check_array=True)  # bad names are known before any work
        count = min(self.n_shards, len(rows))
        given = self.index if isinstance(self.index, NearestNeighbours) else template  # whose own would be a copy
        rng = checked_random_state(given.random_state)
        numbering, recipes = Numbering(count), []
        bounds = np.linspace(0, len(rows), count + 1).astype(int)
        for shard, (start, stop) in enumerate(pairwise(bounds.tolist())):
            numbering.append(shard, stop - start)
            one = clone(template).set_params(random_state=int(rng.randint(2**31 - 1)))
            recipes.append([(shards.fitted, (one, rows[start:stop]))])
        holder = self._built(recipes)
        validate_data(self, X, skip_check_array=True)
        self.dtype_, self._k, self._metric = rows.dtype, template.n_neighbors, template.metric
        self._take(holder, recipes, numbering, np.diff(bounds))
        return self

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """(distances, indices), or indices alone, as scikit-learn has them; X=None leaves out the point itself."""
        found = self.search(X, n_neighbors)
        return (found.distances, found.indices) if return_distance else found.indices

    def kneighbors_graph(self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity") -> csr_matrix:
        """The neighbours as a sparse matrix (queries, points), as `NearestNeighbours.kneighbors_graph` has it."""
        check_is_fitted(self)
        checked_mode(mode)
        with self._lock.searching():
            found = self._searched(X, n_neighbors, exact=False)
            ids = self._own()[0]
        return neighbours_graph(found.indices, found.distances if mode == "distance" else None, ids)

    def search(self, Q: Any, k: int | None = None, *, exact: bool = False) -> Neighbours:
        """The k nearest of each row of Q (q, d), or of each point among the others if Q is None."""
        check_is_fitted(self)
        with self._lock.searching():
            return self._searched(Q, k, exact)

    def insert(self, X: Any) -> np.ndarray:
        """Adds the rows of X (n, d) to the smallest shard; returns their permanent ids, int64 (n,)."""
        check_is_fitted(self)
        rows = checked_rows(X, "X", width=self.n_features_in_, dtype=self.dtype_)
        shards.check_directions(rows, self._metric)
        with self._lock.changing():
            shard = int(np.argmin(self._alive))
            self._run([Call(shard, shards.check_places, (len(rows),))])  # refused before anything changes
            self._change([Call(shard, shards.insert, (rows,))])
            self._alive[shard] += len(rows)
            return self._numbering.append(shard, len(rows))

    def delete(self, ids: Any) -> Self:
        """Removes points by id. Raises KeyError naming the first that is not there; then none is removed."""
        check_is_fitted(self)
        ids = checked_ids(ids)
        with self._lock.changing():
            home, local = self._numbering.local_of(ids)
            asked = [int(shard) for shard in np.unique(home) if shard >= 0]
            missing = home < 0
            found = self._run([Call(shard, shards.absent, (local[home == shard],)) for shard in asked])
            for shard, absent in zip(asked, found, strict=True):
                missing[home == shard] = absent
            refuse_missing(ids, missing)
            self._change([Call(shard, shards.delete, (local[home == shard],)) for shard in asked])
            for shard in asked:
                self._alive[shard] -= np.count_nonzero(home == shard)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a folder: a file a shard (knn/storage.py) and `sharded.json`; whole, or the folder is as it was."""
        check_is_fitted(self)
        with self._lock.searching():
            told = {"alive": self._alive.tolist(), "runs": self._numbering.state(), "features": self.n_features_in_}
            names = getattr(self, "feature_names_in_", None)
            told["feature_names"] = None if names is None else [str(name) for name in names]
            told["dtype"] = str(self.dtype_)
            told["index"], told["n_shards"] = shard_files.told_of(self.index), int(self.n_shards)
            each = (self._run([Call(shard, shards.saved)])[0] for shard in range(len(self._alive)))
            shard_files.write(Path(path), told, each)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, client: Any = None, n_jobs: int | None = None) -> Self:
        """The index that `save` wrote, its shards here or on the client's workers; ValueError for what is damaged."""
        path = Path(path)
        with shard_files.told_as_damage(path, *shard_files.FORGED, OSError):
            told, contents = shard_files.read(path)
            numbering = Numbering.restored(len(contents), told["runs"])
            given, n_shards = shard_files.index_of(told["index"]), checked_count(told["n_shards"], "n_shards")
            unfitted(given)._check_parameters()
        index = cls(given, n_shards=n_shards, client=client, n_jobs=n_jobs)
        recipes: list[Recipe] = [[(shards.restored, (content,))] for content in contents]
        try:
            with shard_files.told_as_damage(path, shards.Damaged):
                index._take(index._built(recipes), recipes, numbering, np.empty(0, np.int64))
                parts = index._run([Call(shard, shards.told) for shard in range(len(contents))])
            with shard_files.told_as_damage(path, *shard_files.FORGED):
                shard_files.check(told, parts, numbering.sizes)
        except BaseException:
            index.close()
            raise
        index._alive = np.array(told["alive"], np.int64)
        index.dtype_, index._k, index._metric = np.dtype(told["dtype"]), parts[0].n_neighbors, parts[0].metric
        index.n_features_in_ = told["features"]
        if (names := told["feature_names"]) is not None:
            index.feature_names_in_ = np.array(names, dtype=object)
        return index

    def close(self) -> None:
        """Lets the workers forget the shards; `fit` builds new ones."""
        if hasattr(self, "_holder"):
            self._holder.close()
            del self._holder

    @property
    def n_samples_fit_(self) -> int:
        """How many points the index holds."""
        check_is_fitted(self)
        return int(self._alive.sum())

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_holder")

    def __sklearn_clone__(self) -> Self:
        # A client is a connection, of which there is no copy.
        index = clone(self.index, safe=False)
        return type(self)(index, n_shards=self.n_shards, client=self.client, n_jobs=self.n_jobs)

    def __copy__(self) -> Self:
        """An index that changes apart from this one. Raises TypeError where the shards are on a client's workers."""
        return deepcopy(self)

    def __getstate__(self) -> dict[str, Any]:
        if self.client is not None:
            raise TypeError("an index whose shards are on a client's workers is not pickled: use save and load")
        return {name: value for name, value in super().__getstate__().items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_holder" in state:
            self._lock = ChangeLock()

    def _checked(self) -> NearestNeighbours:
        template = unfitted(self.index)
        template._check_parameters()
        checked_count(self.n_shards, "n_shards")
        checked_jobs(self.n_jobs)
        if self.client is not None and not hasattr(self.client, "nthreads"):
            raise TypeError(f"client is {type(self.client).__name__}: give a distributed.Client, or None")
        return template

    def _built(self, recipes: list[Recipe]) -> Holder:
        """Has the shards built by their recipes, the first step of which makes an index and the others change it."""
        if self.client is None:
            holder: Holder = Here(self.n_jobs)
        else:
            from knn.shard_workers import OnWorkers

            holder = OnWorkers(self.client)
        try:
            shards.build(holder, recipes, range(len(recipes)))
        except BaseException:
            holder.close()
            raise
        return holder

    def _take(self, holder: Holder, recipes: list[Recipe], numbering: Numbering, alive: np.ndarray) -> None:
        """Becomes the index of these shards."""
        self.close()
        self._numbering, self._alive, self._lock = numbering, alive, ChangeLock()
        self._midway: list[int] = []
        self._recipes = [] if self.client is None else recipes  # nothing here is lost but with all
        self._holder = holder

    def _searched(self, Q: Any, k: int | None, exact: bool) -> Neighbours:
        alone = Q is None
        k = checked_count(self._k if k is None else k, "n_neighbors")
        if alone:
            ids, rows = self._own()
            function: Any = shards.search_rows
        else:
            rows, function = checked_rows(Q, "X", width=self.n_features_in_), shards.search
            validate_data(self, Q, reset=False, skip_check_array=True)
        checked_among(k, int(self._alive.sum()), alone=alone)
        asked = [shard for shard in range(len(self._alive)) if self._alive[shard]]
        calls = [Call(s, function, (rows, min(k + alone, int(self._alive[s])), exact)) for s in asked]
        answers = [
            answer._replace(indices=self._numbering.global_of(shard, answer.indices))
            for shard, answer in zip(asked, self._run(calls), strict=True)
        ]
        found = shards.merged(answers, k + alone)
        if not alone:
            return found
        indices, distances = without_self(found.indices, found.distances, ids)
        return found._replace(indices=indices, distances=distances)

    def _own(self) -> tuple[np.ndarray, np.ndarray]:
        """(ids, rows) of all living points, in the order of the ids."""
        parts = self._run([Call(shard, shards.own_rows) for shard in range(len(self._alive))])
        ids = np.concatenate([self._numbering.global_of(s, local) for s, (local, _) in enumerate(parts)])
        order = np.argsort(ids)
        return ids[order], np.ascontiguousarray(np.concatenate([rows for _, rows in parts])[order])

    def _change(self, calls: Sequence[Call]) -> None:
        """Runs calls that change their shards, and notes them for a shard that must be built again.

        Where workers are lost meanwhile, some shards may have changed and others not: all that were asked are built
        again from what was noted before, and asked again. After any other error they are built again by the next call.
        """
        self._mend()
        asked = [call.shard for call in calls]
        self._midway = asked
        for attempt in range(AGAIN + 1):
            try:
                self._holder.run(calls)
                break
            except ShardsLost:
                if attempt == AGAIN:
                    raise RuntimeError(f"workers were lost {AGAIN + 1} times under one call") from None
                shards.build(self._holder, self._recipes, asked)
        if self.client is not None:
            for call in calls:
                self._recipes[call.shard].append((call.function, call.arguments))
        self._midway = []

    def _mend(self) -> None:
        """Has the shards built again that a change which ended in an error may have changed."""
        if self._midway and self.client is None:
            raise RuntimeError(
                "a change of this index ended midway, and some shards may have it: fit again, or load a copy"
            )
        if midway := self._midway:
            shards.build(self._holder, self._recipes, midway)
            self._midway = []

    def _run(self, calls: Sequence[Call]) -> list[Any]:
        """The answers of calls that change nothing; what was lost is built again first."""
        self._mend()
        for _ in range(AGAIN + 1):
            try:
                return self._holder.run(calls)
            except ShardsLost as error:
                shards.build(self._holder, self._recipes, error.lost)
        raise RuntimeError(f"workers were lost {AGAIN + 1} times under one call: see why they end")
