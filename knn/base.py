"""What every index is: a scikit-learn estimator that answers with its cost and its proof, and that can change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, ClassVar, Self

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.utils.validation import check_is_fitted, validate_data

from knn import memory
from knn.budgets import Budgeted
from knn.cosine import unit_rows
from knn.inner_product import Answer, Lift
from knn.kernels.engine import engine
from knn.metrics import checked_metric
from knn.neighbours import Neighbours, checked_among, checked_mode, neighbours_graph, without_self
from knn.points import Points
from knn.registry import Registry
from knn.stored import Stored
from knn.threads import ChangeLock, checked_jobs
from knn.validation import checked_count, checked_ids, checked_random_state, checked_rows


@dataclass(kw_only=True, eq=False, repr=False)
class NearestNeighbours(Stored, Budgeted, ABC):
    """The k points nearest to each query, equal distances in the order of their ids.

        euclidean   d(q, x) = √Σᵢ (qᵢ − xᵢ)²          differences, float64, in a fixed order
        cosine      d(q, x) = 1 − cos = ½ ‖q̂ − x̂‖²     rows scaled to length 1 at the width of the data
        inner_product   −⟨q, x⟩, float64, coordinates in order: the largest products come first

    Besides parameters of their own, subclasses take

        n_neighbors   k of a search that is given none
        metric        "euclidean", "cosine" or "inner_product"
        device        "cpu", or "cuda" where `devices` has it: the same answers, and ValueError where no GPU answers
        n_jobs        threads of a search: a number, −1 for all processors, None for what joblib is set to, which is
                      one; answers are the same
        random_state  what is drawn when it is built: equal integers give equal indexes; of a numpy Generator each build
                      draws one integer (a `fit`, and an `insert` of products that are longer than all before), so that
                      two fits have two seeds, and a RandomState is used up as it is drawn from; None is NumPy's global
                      RandomState

    X (n, d) is kept as float32 or float64, and not copied when it is C-contiguous: do not change it afterwards.
    Row i has the id i; `insert` hands out the next ids. Searches may run in several threads at once.
    """

    #: Parameters with which every point may be measured, so that answers are exact; empty for an exact index.
    exhaustive: ClassVar[dict[str, Any]] = {}
    #: Whether building learns from where the points lie, so that after changes a short budget may find other points
    #: than a fresh build finds; what is exact stays so.
    learns: ClassVar[bool] = False
    #: Bytes that building takes for every point, where that is all it takes: then no trial is needed to foretell it.
    bytes_a_point: ClassVar[int | None] = None
    #: Where its searches may run.
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    #: The most points, the dead among them that are not yet cleared away, that places of 32 bits can number.
    most_points: ClassVar[int] = 2**31 - 1

    n_neighbors: int = 5
    metric: str = "euclidean"
    device: str = "cpu"
    n_jobs: int | None = None
    random_state: int | np.random.Generator | np.random.RandomState | None = None

    #: The sphere onto which points are lifted for inner products.
    _lift: Lift | None = field(default=None, init=False)

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002 (scikit-learn passes y)
        """Builds the index on X (n, d). Raises ValueError or TypeError for what knn/validation.py lists.

        Raises MemoryError with the numbers, before any work, if the build would not fit (knn/memory.py).
        """
        self._check_parameters()
        engine(self.device)  # raises where it does not answer
        X = self._received(X)
        memory.check_room(self, X)
        return self._fit(X)

    def _fit(self, X: Any) -> Self:
        rows = checked_rows(X, "X")
        self._check_places(0, len(rows))
        lift = Lift.around(rows, self._engine) if self.metric == "inner_product" else None
        inner = self._reduced(rows, "X", rows.dtype) if lift is None else lift.points(rows, self._engine)
        validate_data(self, X, skip_check_array=True)
        self._points, self._lift = Points(inner), lift
        self._lock = ChangeLock()
        self._build(checked_random_state(self.random_state))
        self._choose_budgets(self._engine)
        return self

    def estimated_peak(self, shape: tuple[int, int], dtype: Any = np.float32) -> int:
        """Bytes at the peak of `fit` on data (n, d) of that type, beside the data, from small builds on random rows."""
        rows = np.random.default_rng(0).standard_normal((min(shape[0], memory.TRIAL), shape[1])).astype(dtype)
        return memory.estimated_peak(self, rows, shape[0])

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """(distances, indices), or indices alone, as scikit-learn has them; X=None leaves out the point itself."""
        found = self.search(X, n_neighbors)
        return (found.distances, found.indices) if return_distance else found.indices

    def kneighbors_graph(self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity") -> csr_matrix:
        """The neighbours as a sparse matrix (queries, points), as scikit-learn has it (knn/neighbours.py).

        Column j is the j-th point that the index holds, in the order of the ids; X=None leaves out the point itself.
        """
        check_is_fitted(self)
        checked_mode(mode)
        found, ids = self._searched(X, n_neighbors, exact=False)
        return neighbours_graph(found.indices, found.distances if mode == "distance" else None, ids)

    def search(self, Q: Any, k: int | None = None, *, exact: bool = False) -> Neighbours:
        """The k nearest of each row of Q (q, d), or of each point among the others if Q is None.

        `exact=True` goes on until the answer is proved. Raises ValueError if k exceeds the number of points.
        """
        return self._searched(Q, k, exact)[0]

    def _searched(self, Q: Any, k: int | None, exact: bool) -> tuple[Neighbours, np.ndarray]:
        """What `search` answers, and the ids among which it was found, in order."""
        if not hasattr(self, "_points"):
            check_is_fitted(self)
        k = checked_count(self.n_neighbors if k is None else k, "n_neighbors")
        if Q is not None:
            rows = checked_rows(Q, "X", width=self.n_features_in_)
            # Names of features are all that is left to check, and arrays have none: as dear as a search for one query.
            if type(Q) is not np.ndarray or "feature_names_in_" in self.__dict__:
                validate_data(self, Q, reset=False, skip_check_array=True)
            rows = self._reduced(rows, "X", self._points.rows.dtype)
        with self._lock.searching():
            points, alone = self._points, Q is None
            checked_among(k, points.n_alive, alone=alone)
            if alone:
                rows = points.rows if self._lift is None else points.rows[:, : self._lift.width]
                rows = np.ascontiguousarray(rows if points.n_alive == points.size else rows[points.alive])
            distances, slots, evaluations, certified = self._ranked(rows, k + alone, exact)
            indices = points.ids_of(slots)
            ids = points.ids if points.n_alive == points.size else points.ids[points.alive]
            if alone:
                indices, distances = without_self(indices, distances, ids)
        return Neighbours(indices, self._reported(distances), evaluations, certified), ids

    def insert(self, X: Any) -> np.ndarray:
        """Adds the rows of X (n, d), cast to the width of the data; returns their permanent ids, int64 (n,)."""
        check_is_fitted(self)
        rows = checked_rows(X, "X", width=self.n_features_in_, dtype=self.dtype_)
        rows = self._reduced(rows, "X", self.dtype_)
        with self._lock.changing():
            start, lift = self._points.size, self._lift
            self._check_places(start, len(rows))
            raised = lift is not None and not lift.holds(rows, self._engine)
            if lift is not None:
                if raised:
                    self._lift = lift = lift.raised(self._points.rows, rows, self._engine)
                rows = lift.points(rows, self._engine)
            ids = self._points.append(rows)
            if raised:  # every point lies elsewhere now
                self._build(checked_random_state(self.random_state))
            else:
                self._added(start)
        return ids

    def delete(self, ids: Any) -> Self:
        """Removes points by id, in place. Raises KeyError naming the first id that is not there; then none is removed.

        The dead keep their places until they are a quarter of all; then they are cleared away.
        """
        check_is_fitted(self)
        ids = checked_ids(ids)
        with self._lock.changing():
            points = self._points
            slots = points.slots_of(ids)
            points.kill(slots)
            self._removed(slots)
            if 4 * (points.size - points.n_alive) > points.size:
                self._moved(points.compact())
        return self

    @property
    def dtype_(self) -> np.dtype:
        """The width of the data: float32 or float64."""
        check_is_fitted(self)
        return self._points.rows.dtype

    @property
    def n_samples_fit_(self) -> int:
        """How many points the index holds."""
        check_is_fitted(self)
        return self._points.n_alive

    def _check_places(self, held: int, more: int) -> None:
        """Raises ValueError where there are more points than places."""
        if held + more > self.most_points:
            raise ValueError(
                f"X has {more} rows, {held} places are taken (the deleted keep theirs for a while), and "
                f"{type(self).__name__} numbers {self.most_points} at most: use knn.Sharded, or more shards"
            )

    def _received(self, X: Any) -> Any:
        """X as `fit` reads it; what takes arrays from elsewhere copies them to the host."""
        return X

    @abstractmethod
    def _build(self, rng: np.random.RandomState) -> None:
        """Builds on self._points."""

    @abstractmethod
    def _answer(self, Q: np.ndarray, k: int, exact: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Euclidean distances (q, k), slots (q, k) with −1 for nothing, evaluations (q,), certified (q,)."""

    @abstractmethod
    def _added(self, start: int) -> None:
        """The points from slot `start` on are new."""

    @abstractmethod
    def _removed(self, slots: np.ndarray) -> None:
        """The points in `slots` are dead."""

    @abstractmethod
    def _moved(self, kept: np.ndarray) -> None:
        """Slot i is now what slot kept[i] was."""

    @property
    def _engine(self) -> ModuleType:
        """The kernels of the host, whose arrays are the state: loading and changes need no other device."""
        return engine("cpu")

    @property
    def _passing_a_point(self) -> int:
        """Bytes for every point that pass through memory while building, beside what stays and is made of a sample."""
        return 0

    def _check_parameters(self) -> None:
        """Raises for parameters that no data could make right; subclasses add their own."""
        checked_count(self.n_neighbors, "n_neighbors")
        if not isinstance(self.random_state, (np.random.RandomState, np.random.Generator)):
            checked_random_state(self.random_state)
        checked_metric(self.metric)
        if self.device not in self.devices:
            raise ValueError(f"device={self.device!r} does not serve {type(self).__name__}: use one of {self.devices}")
        self._check_budgets()
        checked_jobs(self.n_jobs)

    def _reduced(self, rows: np.ndarray, name: str, dtype: np.dtype) -> np.ndarray:
        """The rows by which the points and queries of this metric are known, before any lift."""
        return unit_rows(rows, name, self._engine, dtype) if self.metric == "cosine" else rows

    def _ranked(self, rows: np.ndarray, k: int, exact: bool) -> Answer:
        """`_answer`, or what follows from it for inner products. Raises ValueError where the device does not answer."""
        engine(self.device)
        if self._lift is None:
            return self._answer(rows, k, exact)
        return self._lift.answer(self._answer, rows, self._points, k, exact, self._engine, self.n_jobs)

    def _reported(self, distances: np.ndarray) -> np.ndarray:
        return 0.5 * distances * distances if self.metric == "cosine" else distances


#: Every index by name: ours, and those that other distributions enter as `implicitbench.indexes`.
indexes: Registry[type[NearestNeighbours]] = Registry(
    "index", group="implicitbench.indexes", packages=("knn",), skip=("knn.kernels",)
)
