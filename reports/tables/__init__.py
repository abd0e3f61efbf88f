"""Tables: pure functions of the store. A table is one file here, and every writer and the page read the same frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from knn.registry import Registry
from reports.experiment import SIZES
from reports.record import Record
from reports.store import Store

__all__ = ["Column", "Table", "recorded", "rows_of", "table", "tables"]


@dataclass(frozen=True)
class Column:
    """A column as people read it: `text(row)` for the eye, the frame's column `key` for sorting and alignment."""

    heading: str
    text: Callable[[Any], str]
    key: str
    numeric: bool = False
    about: str = ""


@dataclass(frozen=True)
class Table:
    """`make(store, size)` gives the frame, one typed column a quantity; `columns` how people see it.

    `experiment` names the section that it stands in, `joins` the other experiments whose records it uses.
    """

    name: str
    title: str
    about: str
    experiment: str
    make: Callable[[Store, str | None], pd.DataFrame]
    columns: tuple[Column, ...]
    joins: tuple[str, ...] = ()


tables: Registry[Table] = Registry("table", group="implicitbench.tables", packages=("reports.tables",))


def table(name: str, *, output: str | Path | None = None, size: str | None = None) -> pd.DataFrame:
    """The table called `name` of the results in `output`, at `size` or the largest size that was run.

    Raises KeyError for an unknown name, StoreError where there are no results yet.

    >>> table("claims").verified.all()  # doctest: +SKIP
    True
    """
    chosen = tables[name]
    with Store(output) as store:
        return chosen.make(store, size)


def recorded(store: Store, experiment: str, size: str | None) -> list[Record]:
    """The current records of `experiment` at `size`; without one, at the largest size that has any."""
    if size is not None and size not in SIZES:
        raise ValueError(f"size must be one of {', '.join(SIZES)}, not {size!r}")
    for candidate in (size,) if size else reversed(SIZES):
        found = store.records(experiment, size=candidate)
        if found:
            return found
    return []


def rows_of(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame, each with its columns as attributes."""
    return frame.itertuples(index=False)
