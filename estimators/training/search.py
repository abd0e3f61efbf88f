"""The nearest-neighbour search that a model is given, by name or as an index."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.base import BaseEstimator, clone

from knn.base import indexes


def unfitted_index(index: Any, rng: torch.Generator) -> Any:
    """An unfitted copy of `index`, a name in `knn.indexes` or an index that has `fit` and `search`.

    One that draws random numbers and was given no seed of its own gets one from `rng`. Raises
    TypeError for anything else, KeyError for an unknown name.
    """
    if isinstance(index, str):
        fresh: Any = indexes[index](n_neighbors=1)
    elif hasattr(index, "fit") and hasattr(index, "search"):
        fresh = clone(index, safe=False)
    else:
        raise TypeError(f"index is a {type(index).__name__}; give a name in knn.indexes or an unfitted index")
    if isinstance(fresh, BaseEstimator) and fresh.get_params().get("random_state", 0) is None:
        fresh.set_params(random_state=int(torch.randint(2**31, (), generator=rng)))
    return fresh
