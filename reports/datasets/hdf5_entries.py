"""What the HDF5 library reads of a file: called in a process of its own, so that this module registers nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from reports.datasets.source import DataError
from reports.unread import of_the_system, why

#: Bytes that reading any file may take, and bytes of rows for one of a file; they are copied on their way out.
_ROOM, _FOLD, _COPIES = 1 << 30, 1000, 4
_T = TypeVar("_T")


def bounded(read: Callable[..., _T], path: Path, *more: Any) -> _T:
    """`read(path, …)` in a process that ends with the answer: its memory is limited, where the system can, before."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit, macOS not every one
        import resource

        import psutil

        room = psutil.Process().memory_info().vms + _ROOM + _COPIES * _FOLD * path.stat().st_size
        resource.setrlimit(resource.RLIMIT_AS, (room, room))
    return read(path, *more)


def read_here(path: Path, remedy: str, names: tuple[str, ...]) -> tuple[list[np.ndarray], dict[str, Any]]:
    """The entries `names` of a file and its attributes, in this process; raises DataError."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            missing = [name for name in names if not isinstance(file.get(name), h5py.Dataset)]
            if missing:
                raise DataError(f"{path} has no {', '.join(missing)}: it is no file of this kind")
            for name in names:
                stored = file[name]
                # A compressed entry may claim any size; rows that were written take room in the file.
                held = stored.shape is not None and stored.nbytes <= _FOLD * path.stat().st_size
                if not held or stored.dtype.kind not in "fiub":
                    raise DataError(f"{path}: {name} claims {stored.shape} of {stored.dtype}: {remedy}")
            attrs = {name: _plain(value) for name, value in file.attrs.items()}
            return [file[name][()] for name in names], attrs
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise _unread(path, error, remedy) from error


def one_here(path: Path, remedy: str, wanted: str) -> tuple[list[str], np.ndarray | None]:
    """The names of all arrays in a file, and the one that is wanted, or that is alone; in this process."""
    import h5py

    found: list[str] = []
    try:
        with h5py.File(path, "r") as file:
            file.visititems(lambda word, item: found.append(word) if isinstance(item, h5py.Dataset) else None)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise _unread(path, error, remedy) from error
    chosen = wanted or (found[0] if len(found) == 1 else "")
    return found, read_here(path, remedy, (chosen,))[0][0] if chosen in found else None


def is_data(path: Path) -> bool:
    """Whether the file can be opened and has the entries of a data set."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            return {"train", "test", "neighbors", "distances"} <= set(file)
    except Exception:  # of malformed files the library raises whatever it comes upon
        return False


def _unread(path: Path, error: Exception, remedy: str) -> DataError:
    if isinstance(error, OSError) and of_the_system(error):
        return DataError(f"{path} cannot be read ({why(error)})")
    return DataError(f"{path} cannot be read as HDF5 ({error}): {remedy}")


def _plain(value: Any) -> Any:
    value = value.decode() if isinstance(value, bytes) else value
    return value.item() if isinstance(value, np.generic) else value
