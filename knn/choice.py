"""The index that an argument names."""

from __future__ import annotations

from typing import Any

from sklearn.base import clone

from knn.base import NearestNeighbours, indexes


def unfitted(index: Any) -> NearestNeighbours:
    """A fresh index: of a name in `knn.indexes`, of a class of index, or with the parameters of an index.

    Raises KeyError for an unknown name, TypeError for anything else.
    """
    if isinstance(index, str):
        return indexes[index]()
    if isinstance(index, type) and issubclass(index, NearestNeighbours):
        return index()
    if isinstance(index, NearestNeighbours):
        return clone(index)
    raise TypeError(
        f"index is {type(index).__name__}: it must be a name among {list(indexes)}, a class of index, or an index"
    )
