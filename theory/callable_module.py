"""A module that can be called, because `theory.claim` and `theory.verify` name a module and its one function."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any


def make_callable(module: str, function: Callable) -> None:
    """Lets the imported `module` be called as `function`; its attributes stay reachable.

    Importing `theory.claim` binds the module to that name in its package, over the decorator
    that the package re-exports. Called, both do the same, and both have the function's docstring
    and signature, which `inspect` would otherwise read without its first argument.
    """

    class CallableModule(ModuleType):
        __call__ = staticmethod(function)

    called: Any = sys.modules[module]
    called.__class__ = CallableModule
    called.__doc__, called.__signature__ = function.__doc__, inspect.signature(function)
