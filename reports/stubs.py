"""Type checkers' view of the four packages: `python -m reports.stubs` writes each `__init__.pyi` from its lazy table.

A lazy `__init__` tells a type checker nothing, so that every name would be `Any`, even one that does not exist.
"""

from __future__ import annotations

import importlib
from pathlib import Path

PACKAGES = ("knn", "estimators", "theory", "reports")
COMMAND = "python -m reports.stubs"
_ROOT = Path(__file__).resolve().parent.parent


def stub(package: str) -> str:
    """The text of the package's `__init__.pyi`, as ruff lays it out."""
    module = importlib.import_module(package)
    homes: dict[str, str] = module._HOMES
    imported = [
        f"from {homes[name]} import {name} as {name}" for name in sorted(homes, key=lambda n: (homes[n], _rank(n)))
    ]
    exported = [f'    "{name}",' for name in sorted(homes, key=_rank)]
    head = f"# Written by `{COMMAND}` from the table in __init__.py; do not edit."
    return "\n".join([head, *imported, "", "__all__ = [", *exported, "]", ""])


def path_of(package: str) -> Path:
    """Where the package's stub stands."""
    return _ROOT / package / "__init__.pyi"


def _rank(name: str) -> tuple[bool, bool, str]:
    """Constants first, then classes, then functions, as ruff sorts them."""
    constant = name.isupper() and len(name) > 1
    return not constant, not name[0].isupper(), name


if __name__ == "__main__":
    for each in PACKAGES:
        path_of(each).write_text(stub(each), encoding="utf-8", newline="\n")
