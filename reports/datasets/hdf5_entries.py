"""What the HDF5 library reads of a file: called in a process of its own, so that this module registers nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reports.datasets.source import DataError


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
                if stored.nbytes > 1000 * path.stat().st_size or stored.dtype.kind not in "fiub":
                    raise DataError(f"{path}: {name} claims {stored.shape} of {stored.dtype}: {remedy}")
            attrs = {name: _plain(value) for name, value in file.attrs.items()}
            return [file[name][()] for name in names], attrs
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} cannot be read as HDF5 ({error}): {remedy}") from error


def one_here(path: Path, remedy: str, wanted: str) -> tuple[list[str], np.ndarray | None]:
    """The names of all arrays in a file, and the one that is wanted, or that is alone; in this process."""
    import h5py

    found: list[str] = []
    try:
        with h5py.File(path, "r") as file:
            file.visititems(lambda word, item: found.append(word) if isinstance(item, h5py.Dataset) else None)
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} cannot be read as HDF5 ({error}): {remedy}") from error
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


def _plain(value: Any) -> Any:
    value = value.decode() if isinstance(value, bytes) else value
    return value.item() if isinstance(value, np.generic) else value
