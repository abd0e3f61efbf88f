"""Files of samples: .npy, .npz, .pt, .parquet and .h5, read without running or believing what they say."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from knn.registry import install
from reports.npy_samples import parse_samples, read_samples
from reports.unread import of_the_system, readable

KINDS = ".npy, .npz, .pt, .parquet, .h5, a folder of images, or module:function"
#: Bytes that a file may unpack to whatever its size, and for each of its own: deflate packs 1032 of nothing into one.
_ANYWAY, _FOLD = 1 << 24, 1000


@contextmanager
def refusing(name: str, told: str) -> Iterator[None]:
    """Whatever a library raises of a malformed file becomes a ValueError that begins with `told`.

    What names the argument is passed on as it is; so is a lack of memory, or of a library, and what the system says.
    """
    try:
        yield
    except (MemoryError, ImportError):
        raise
    except Exception as error:  # of malformed files libraries raise whatever they come upon
        if str(error).startswith(f"{name}: ") or (isinstance(error, OSError) and of_the_system(error)):
            raise
        raise ValueError(f"{told} ({type(error).__name__}: {error})") from error


def plausible(nbytes: int, path: Path, packed: int) -> None:
    """Raises ValueError where `packed` bytes of a file claim to hold so many more that it is no file of samples."""
    if nbytes > max(_ANYWAY, _FOLD * packed):
        raise ValueError(f"{packed} bytes of {path.name} claim to hold {nbytes}: write the rows as .npy")


def read_file(path: Path, key: str, name: str) -> Any:
    """The rows in a file; raises ValueError, TypeError or OSError naming the argument, the file and the remedy."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{name}: {path} ends in {path.suffix or 'nothing'}: pass {KINDS}")
    with readable(f"{name}: {path}"):
        if not path.is_file():  # a pipe keeps who opens it waiting, and has no second pass
            raise ValueError(f"{name}: {path} is no regular file: write the rows to one")
        with path.open("rb") as file:  # libraries tell what the system refuses in ways of their own
            file.read(1)
        return reader(path, key, name)


def _npy(path: Path, key: str, name: str) -> Any:
    _no_key(path, key, name)
    try:
        return read_samples(path)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _npz(path: Path, key: str, name: str) -> Any:
    with (
        refusing(name, f"{name}: {path} is no .npz file of numbers: write it with numpy.savez"),
        zipfile.ZipFile(path) as archive,
    ):
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        member = members[_chosen(list(members), key, path, name)]
        plausible(member.file_size, path, min(member.compress_size, path.stat().st_size))
        return parse_samples(archive.read(member))


def _pt(path: Path, key: str, name: str) -> Any:
    from reports.auditing.torch_files import read_tensors

    told = f"{name}: {path} is no tensor that can be read without running code: write it with torch.save(tensor, path)"
    with refusing(name, told):
        found = read_tensors(path, key, f"{name}: {path}")
        if isinstance(found, Mapping):
            found = found[_chosen(list(found), key, path, name)]
        else:
            _no_key(path, key, name)
        if not hasattr(found, "ndim"):
            held = type(found).__name__
            raise ValueError(f"{name}: {path} holds {held} and no tensor: write it with torch.save(tensor, path)")
        if found.nbytes > path.stat().st_size:
            shape = tuple(found.shape)
            raise ValueError(f"{name}: {path} holds fewer numbers than its shape {shape}: save tensor.contiguous()")
    return found


def _parquet(path: Path, key: str, name: str) -> Any:
    import pandas as pd

    with refusing(name, f"{name}: {path} cannot be read as Parquet: write it with DataFrame.to_parquet"):
        try:
            from pyarrow import ArrowException, parquet
        except ImportError:
            raise ImportError(f"{name}: reading {path} needs pyarrow: {install('parquet')}") from None
        try:
            told = parquet.read_metadata(path)
            plausible(8 * told.num_rows * told.num_columns, path, path.stat().st_size)
            frame = pd.read_parquet(path, engine="pyarrow")
        except (ArrowException, MemoryError) as error:  # a page that claims more than there is, up to 2 GiB
            raise ValueError(str(error)) from error
        if key:
            _chosen(list(frame.columns), key, path, name)
            frame = frame[[key]]
        words = [
            column
            for column, dtype in zip(frame.columns, frame.dtypes, strict=True)
            if not pd.api.types.is_numeric_dtype(dtype)
        ]
        if words:
            raise ValueError(f"{name}: column {words[0]!r} of {path} holds no numbers: drop or encode it")
        return pd.DataFrame(frame.to_numpy(dtype=np.float64, na_value=np.nan), columns=frame.columns)


def _hdf5(path: Path, key: str, name: str) -> Any:
    """In a process of its own: of some malformed files the HDF5 library finds no end, or it crashes."""
    from reports.datasets.ann_hdf5 import in_a_process
    from reports.datasets.hdf5_entries import one_here
    from reports.datasets.source import DataError

    remedy = "write it with h5py.File and create_dataset, or as .npy"
    try:
        names, rows = in_a_process(one_here, path, remedy, key)
    except DataError as error:
        raise ValueError(f"{name}: {error}") from error
    _chosen(names, key, path, name)
    return rows


def _chosen(known: list[str], key: str, path: Path, name: str) -> str:
    if key and key not in known:
        raise ValueError(f"{name}: {path} holds no array {key!r}; it has {', '.join(known) or 'none'}")
    if key:
        return key
    if len(known) != 1:
        told = f"the arrays {', '.join(known)}" if known else "no array"
        remedy = f": choose one, {path.name}::{known[0]}" if known else f": pass {KINDS}"
        raise ValueError(f"{name}: {path} holds {told}{remedy}")
    return known[0]


def _no_key(path: Path, key: str, name: str) -> None:
    if key:
        raise ValueError(f"{name}: {path} holds one array and no {key!r}: leave out ::{key}")


_READERS: dict[str, Callable[[Path, str, str], Any]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".pt": _pt,
    ".pth": _pt,
    ".parquet": _parquet,
    ".h5": _hdf5,
    ".hdf5": _hdf5,
}
