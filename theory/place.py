"""Where a claim is written: the topic that its file names, and whether another claim of the name stands elsewhere."""

from __future__ import annotations

import ast
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

Check = Callable[..., Any]


def topic_of(check: Check) -> str:
    """The name of the file, with hyphens, also of a script; `interactive` for a prompt or a notebook's cell."""
    path = Path(check.__code__.co_filename)
    return path.stem.replace("_", "-") if path.suffix == ".py" and not path.stem.isdigit() else "interactive"


def require_free(id: str, check: Check, earlier: Check) -> None:
    """Raises ValueError, with both places, if `earlier` is another claim called `id`.

    One that is run again, or reloaded after an edit, takes its own place; two in one file are two.
    """
    same = (earlier.__module__, earlier.__qualname__) == (check.__module__, check.__qualname__)
    if not same or _times_claimed(id, check) > 1:
        raise ValueError(f"two claims are called {id!r}: {_place(earlier)} and {_place(check)}; rename one")


def _times_claimed(id: str, check: Check) -> int:
    """How many claims of this name the check's file registers."""
    linecache.checkcache(check.__code__.co_filename)
    try:
        tree = ast.parse("".join(linecache.getlines(check.__code__.co_filename)))
    except SyntaxError:  # a notebook's cell with commands of its own
        return 0
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)
    return sum(ast.unparse(c.func) == "claim" and getattr(c.args[0], "value", None) == id for c in calls)


def _place(check: Check) -> str:
    return f"{check.__qualname__} ({check.__code__.co_filename}:{check.__code__.co_firstlineno})"
