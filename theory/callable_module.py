"""A module that can be called, because `theory.claim` and `theory.verify` name a module and its one function."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType


def make_callable(module: str, function: Callable) -> None:
    """Lets the imported `module` be called as `function`; its attributes stay reachable.

    Importing `theory.claim` binds the module to that name in its package, over the decorator
    that the package re-exports. Called, both do the same.
    """

    class CallableModule(ModuleType):
        __call__ = staticmethod(function)

    sys.modules[module].__class__ = CallableModule
