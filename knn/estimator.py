"""scikit-learn's `BaseEstimator` with types: it has none, and under a base that mypy cannot see any keyword passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:

    class BaseEstimator:
        """What is used of it."""

        n_features_in_: int

        def get_params(self, deep: bool = True) -> dict[str, Any]: ...
        def set_params(self, **params: Any) -> Self: ...
        def __getstate__(self) -> dict[str, Any]: ...
        def __setstate__(self, state: dict[str, Any]) -> None: ...
else:
    from sklearn.base import BaseEstimator

__all__ = ["BaseEstimator"]
