"""Rows from wherever they lie: .npy, .npz, .pt, .parquet and .h5 files, folders of images, and callables that draw."""

from __future__ import annotations

import importlib
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.points import as_array, as_points, columns_of
from reports.auditing.files import KINDS, read_file
from reports.auditing.images import read_images
from reports.unread import readable


@dataclass(frozen=True)
class Rows:
    """`values` (n, d) in float64; `shape` of one row before it was flattened, None where it was flat; where from; the
    names of the columns, where there are such."""

    values: NDArray[np.float64]
    shape: tuple[int, ...] | None
    origin: str
    columns: tuple[str, ...] | None = None


def read_rows(source: Any, name: str, *, n: int = 1000, random_state: int = 0) -> Rows:
    """The rows of `source`, the argument called `name`: an array, a path, or a callable that draws `n` fresh ones.

    A path is a file (`file.npz::key` where it holds several arrays) or a folder of images of one size, of 8 or 16 bits
    a grey or 8 a colour, scaled to [0, 1]; `module:function` is imported, with the working directory on its path. A
    callable, or an object with `sample`, is called with n, and with `random_state` or `seed` where its signature has
    one. Rows of more than one axis are flattened. Raises ValueError, TypeError or OSError that name the argument, the
    row and the remedy.
    """
    if isinstance(source, str | Path):
        text = str(source)
        path, _, key = text.partition("::")
        if re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", text) and not _there(Path(path), name):
            return _drawn(load_callable(text, name), name, n, random_state, text)
        return _flat(_read(Path(path), key, name), name, Path(path).name)
    sampler = getattr(source, "sample", None)
    if callable(sampler) and not hasattr(source, "__array__"):
        return _drawn(sampler, name, n, random_state, type(source).__name__)
    if callable(source) and not hasattr(source, "__array__"):
        return _drawn(source, name, n, random_state, getattr(source, "__name__", "a callable"))
    return _flat(source, name, "an array")


def load_callable(text: str, name: str) -> Callable[..., Any]:
    """What `module:function` names; raises ValueError naming the argument and what is missing."""
    module_name, _, attribute = text.partition(":")
    if not module_name or not attribute:
        raise ValueError(f"{name} is {text!r}: pass module:function")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(
            f"{name} is {text!r}: {error}; pass module:function of a module that can be imported"
        ) from None
    except (
        Exception
    ) as error:  # anybody's module may raise anything, and a command would end as if it had found a defect
        raise ValueError(f"{name} is {text!r}, whose module raises {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ValueError(f"{name} is {text!r}, which is {type(found).__name__} and cannot be called: pass a function")
    return found


@contextmanager
def running(what: str) -> Iterator[None]:
    """Whatever somebody's function raises becomes a ValueError that says that `what` raised it, and from where."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(f"{what} raised {type(error).__name__}: {error}") from error


def _drawn(sampler: Callable[..., Any], name: str, n: int, random_state: int, origin: str) -> Rows:
    try:
        known = inspect.signature(sampler).parameters
    except (TypeError, ValueError):  # builtins say nothing of theirs
        known = inspect.signature(lambda n: n).parameters
    seeds = {word: random_state for word in ("random_state", "seed") if word in known}
    with running(f"{name}: {origin}({n})"):
        values = sampler(n, **seeds)
    rows = _flat(values, name, f"{origin}({n})")
    if len(rows.values) != n:
        raise ValueError(f"{name}: {origin}({n}) returned {len(rows.values)} rows: it must return as many as asked for")
    return rows


def _flat(values: Any, name: str, origin: str) -> Rows:
    if not hasattr(values, "toarray"):  # what is sparse is refused by as_points, with the remedy
        if hasattr(values, "detach"):
            values = values.detach()
        array = as_array(values, name)
        if array.ndim > 2:
            shape = array.shape[1:]
            width = math.prod(shape)
            return Rows(as_points(array.reshape(len(array), width), name), shape, origin)
    return Rows(as_points(values, name), None, origin, columns_of(values))


def _read(path: Path, key: str, name: str) -> Any:
    if not _there(path, name):
        raise FileNotFoundError(f"{name}: {path} is not there; pass {KINDS}")
    return read_images(path, name) if path.is_dir() else read_file(path, key, name)


def _there(path: Path, name: str) -> bool:
    with readable(f"{name}: {path}"):
        return path.exists()
