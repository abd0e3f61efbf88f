"""An index in one file: what is written, and how it is taken up again."""

from __future__ import annotations

import os
from abc import abstractmethod
from copy import deepcopy
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from knn import storage
from knn.estimator import BaseEstimator
from knn.file_arrays import check_finite
from knn.inner_product import Lift
from knn.points import Points
from knn.threads import ChangeLock
from knn.validation import LARGEST, checked_budget


class Stored(BaseEstimator):
    """`save` and `load` of an index that tells its arrays by `_state` and takes them by `_restore`; pickles too."""

    metric: str
    _points: Points
    _lift: Lift | None
    _chosen: Any
    _lock: ChangeLock

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the index to one file (knn/storage.py), whole or not at all."""
        check_is_fitted(self)
        parameters = {name: storage.plain(name, value) for name, value in self.get_params(deep=False).items()}
        names = getattr(self, "feature_names_in_", None)
        header = {
            "index": self._registered_name(),
            "parameters": parameters,
            "budgets": dict(self._chosen),
            "features": self.n_features_in_,
            "feature_names": None if names is None else [str(name) for name in names],
        }
        with self._lock.searching():
            arrays = {f"points.{name}": array for name, array in self._points.state().items()}
            arrays |= {f"index.{name}": array for name, array in self._state().items()}
            if self._lift is not None:
                arrays |= {f"lift.{name}": array for name, array in self._lift.state().items()}
            storage.write(path, header, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, mmap: bool = False, verify: bool = True) -> Self:
        """The index that `save` wrote; raises ValueError for a file that is truncated, altered, newer or another's.

        `mmap=True` leaves the arrays in the file, to be read when they are used: the file must then stay as it is
        (`save` puts another in its place, which is safe), and changes of the index stay in memory. `verify=False`
        leaves out the checksum and the look at the points, which read the file once: for files known to be whole. What
        else an index is made of is always held against the points, so that no search leaves its arrays or goes round.
        """
        from knn.base import indexes  # here: every index is built on this module

        header, arrays = storage.read(path, mmap=mmap, verify=verify)
        if header["index"] not in indexes:
            raise ValueError(f"{path} holds the index {header['index']!r}, unknown here: install what registers it")
        kind: Any = indexes[header["index"]]
        if not issubclass(kind, cls):
            raise ValueError(f"{path} holds a {kind.__name__}, not a {cls.__name__}: call {kind.__name__}.load")
        try:
            index = kind(**header["parameters"])
            index._check_parameters()
            index._take(header, arrays, verify)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} holds a {kind.__name__} that this version cannot restore ({error!r}): build it again"
            ) from error
        return index

    def _take(self, header: dict[str, Any], arrays: dict[str, np.ndarray], look: bool) -> None:
        """Becomes what was written; has a `look` at the points, which must be such as `fit` lets in."""
        self.n_features_in_ = header["features"]
        self._chosen = {name: checked_budget(value, name) for name, value in dict(header.get("budgets", {})).items()}
        if header["feature_names"] is not None:
            self.feature_names_in_ = np.array(header["feature_names"], dtype=object)
        parts: dict[str, dict[str, np.ndarray]] = {"points": {}, "index": {}, "lift": {}}
        for name, array in arrays.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = array
        self._points = Points.restored(parts["points"])
        self._check_places(0, self._points.size)
        if self.metric == "inner_product":
            self._lift = Lift.restored(parts["lift"], self.n_features_in_, self._points.rows.dtype)
        width = self._lift.lifted_width if self._lift is not None else self.n_features_in_
        if self._points.rows.shape[1] != width:
            raise ValueError(f"points of {self._points.rows.shape[1]} numbers where {width} were expected")
        if look:
            rows, largest = self._points.rows, LARGEST[self._points.rows.dtype]
            check_finite("points.rows", rows[:, : self.n_features_in_], largest)
            if self._lift is not None:
                check_finite("points.rows", rows[:, self.n_features_in_ :], 1.01 * self._lift.squared_radius**0.5)
        self._lock = ChangeLock()
        self._restore(parts["index"])

    def _registered_name(self) -> str:
        from knn.base import indexes

        for name, kind in indexes.items():
            if kind is type(self):
                return name
        raise TypeError(f"{type(self).__name__} is not registered: decorate it with @indexes.register(name) to save it")

    @abstractmethod
    def _check_places(self, held: int, more: int) -> None:
        """Raises ValueError where there are more points than places."""

    @abstractmethod
    def _state(self) -> dict[str, np.ndarray]:
        """The arrays from which `_restore` makes the index again, the points apart."""

    @abstractmethod
    def _restore(self, state: dict[str, np.ndarray]) -> None:
        """Takes what `_state` gave."""

    def __copy__(self) -> Self:
        """An index that changes apart from this one.

        Rows that both hold lie in memory once, since no change writes over them; those lifted for products are copied.
        """
        if not hasattr(self, "_points"):
            return deepcopy(self)
        with self._lock.searching():
            rows = self._points.rows
            return deepcopy(self, {} if self._lift is not None else {id(self._points._rows): rows})

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        state.pop("_lock", None)
        for cache in ("_rows_on_device", "_given"):  # of a device, for which another process has no use
            state.pop(cache, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_points" in state:
            self._lock = ChangeLock()
