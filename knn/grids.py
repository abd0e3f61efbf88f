"""Grids of parameters, as `tuned` tries them."""

from __future__ import annotations

import itertools
from typing import Any


def products(**grid: Any) -> list[dict[str, Any]]:
    """All combinations of the values: `products(a=(1, 2), b=(3,))` is [{"a": 1, "b": 3}, {"a": 2, "b": 3}]."""
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
