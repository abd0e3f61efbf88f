"""Names that a package re-exports, imported when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from knn.registry import missing_extra


def lazy_exports(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`(__getattr__, __dir__)` for the `__init__` of `package`; `homes` maps each public name to its module.

    A name whose module needs an optional package that is not installed raises ImportError with
    the extra to install; an unknown name raises AttributeError.
    """

    def __getattr__(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            module = importlib.import_module(homes[name])
        except ModuleNotFoundError as error:
            raise missing_extra(error, f"{package}.{name}") from error
        return getattr(module, name)

    def __dir__() -> list[str]:
        return sorted(homes)

    return __getattr__, __dir__
