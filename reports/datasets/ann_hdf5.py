"""The HDF5 files of ann-benchmarks: its data sets, each such file found as a data set of ours.

A data set holds train (n, d), test (q, d), neighbors (q, k) and distances (q, k), nearest first, with the attributes
distance, point_type and, in newer files, dimension. (Aumüller, Bernhardsson & Faithfull 2020.)
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from reports.datasets.hdf5_entries import bounded, is_data, read_here
from reports.datasets.source import DataError, Dataset, Status, check_split, data_folders, datasets

#: Their word for a distance, and the metric of `knn` that ranks alike.
METRICS = {"euclidean": "euclidean", "angular": "cosine"}
_REMEDY = "delete it and fetch it again"
#: A file may take so many seconds, and a second more for so many bytes: a tenth of what a slow disk reads.
_SECONDS, _BYTES_A_SECOND = 60.0, 1e7
_T = TypeVar("_T")


class AnnData(NamedTuple):
    """A data set as its file has it; `neighbors` are rows of train, and `distances` theirs, nearest first."""

    train: np.ndarray
    test: np.ndarray
    neighbors: np.ndarray
    distances: np.ndarray
    distance: str


def read_data(path: Path) -> AnnData:
    """Reads and checks a data set; raises DataError naming the file, what is wrong in it and the remedy."""
    arrays, attrs = _read(path, ("train", "test", "neighbors", "distances"))
    train, test, neighbors, distances = arrays
    return _checked_data(AnnData(train, test, neighbors, distances, str(attrs.get("distance", ""))), path, attrs)


def write_data(path: Path, data: AnnData) -> None:
    """Writes a data set that `read_data` and ann-benchmarks read; raises DataError for one that is not right."""
    attrs = {"distance": data.distance, "point_type": "float", "dimension": np.shape(data.train)[1], "type": "dense"}
    data = _checked_data(data, path, attrs)
    arrays = {
        "train": data.train,
        "test": data.test,
        "neighbors": data.neighbors.astype(np.int32),
        "distances": data.distances.astype(np.float32),
    }
    _write(path, arrays, attrs)


def _read(path: Path, names: tuple[str, ...]) -> tuple[list[np.ndarray], dict[str, Any]]:
    return in_a_process(read_here, path, _REMEDY, names)


def in_a_process(read: Callable[..., _T], path: Path, remedy: str, *more: Any) -> _T:
    """`read(path, remedy, …)` in a process of its own: of some malformed files the library finds no end, or crashes."""
    from reports.child import Child, ChildDied

    limit = _SECONDS + (path.stat().st_size if path.is_file() else 0) / _BYTES_A_SECOND
    child = Child(os.getpid)
    try:
        return cast(_T, child.call(bounded, read, path, remedy, *more, limit=limit))
    except TimeoutError as error:
        raise DataError(f"{path} cannot be read as HDF5 (there was no end of it in {limit:.0f} s): {remedy}") from error
    except MemoryError as error:
        raise DataError(f"{path} cannot be read as HDF5 (it asks for more memory than there is): {remedy}") from error
    except ChildDied as error:
        raise DataError(f"{path} cannot be read as HDF5 (the library ended its process: {error}): {remedy}") from error
    finally:
        child.kill()


def _write(path: Path, arrays: dict[str, np.ndarray], attrs: dict[str, Any]) -> None:
    """Into a neighbour first, which then takes the name: the file is whole or is not there."""
    import h5py

    if not path.parent.is_dir():
        raise DataError(f"{path} cannot be written, because there is no folder {path.parent}: create it first")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        scratch = Path(folder) / path.name
        with h5py.File(scratch, "w") as file:
            for name, value in attrs.items():
                file.attrs[name] = value
            for name, array in arrays.items():
                file.create_dataset(name, data=array)
        scratch.replace(path)


def _checked_data(data: AnnData, path: Path, attrs: dict[str, Any]) -> AnnData:
    """The data with rows as float32 or float64; raises DataError unless it is what the format promises."""

    def wrong(what: str) -> DataError:
        return DataError(f"{path}: {what}: {_REMEDY}")

    if data.distance not in METRICS:
        raise DataError(f"{path} is for distance {data.distance!r}, and only {', '.join(METRICS)} are served here")
    if attrs.get("point_type", "float") != "float" or attrs.get("type", "dense") != "dense":
        raise DataError(f"{path} holds {attrs.get('point_type')} points, and only dense rows of floats are served here")
    train, test = (
        np.ascontiguousarray(rows, np.float32 if rows.dtype.itemsize <= 4 else np.float64)
        for rows in (np.asarray(data.train), np.asarray(data.test))
    )
    for name, rows in (("train", train), ("test", test)):
        if rows.ndim != 2 or not rows.size:
            raise wrong(f"{name} has shape {rows.shape}, not (rows, numbers)")
        if not np.isfinite(rows).all():
            raise wrong(f"{name}[{int(np.argmin(np.isfinite(rows).all(axis=1)))}] is not finite")
    if train.shape[1] != test.shape[1] or attrs.get("dimension", train.shape[1]) != train.shape[1]:
        raise wrong(f"train has {train.shape[1]} columns, test {test.shape[1]}, dimension={attrs.get('dimension')}")
    neighbors, distances = np.asarray(data.neighbors), np.asarray(data.distances, np.float64)
    if neighbors.ndim != 2 or neighbors.shape != distances.shape or len(neighbors) != len(test):
        raise wrong(f"neighbors {neighbors.shape} and distances {distances.shape} for {len(test)} queries")
    if neighbors.dtype.kind not in "iu" or not ((neighbors >= 0) & (neighbors < len(train))).all():
        raise wrong(f"neighbors are not rows of train, 0 to {len(train) - 1}")
    # Distances are stored in float32, of sums in whatever order: neighbours may change places within its rounding.
    if not (np.diff(distances, axis=1) >= -1e3 * np.finfo(np.float32).eps * (1 + np.abs(distances[:, 1:]))).all():
        raise wrong("distances do not increase along a row")
    return AnnData(train, test, neighbors.astype(np.int64), distances, data.distance)


class AnnFile(Dataset):
    """A data set of ann-benchmarks in a file; it has no labels, so all are 0, and no pictures, so rows are as they are.

    Rows for angular distances are scaled to length 1, on which Euclidean distances rank alike.
    """

    n_classes = 1
    about = "a data set of ann-benchmarks"
    source = "Aumüller, Bernhardsson & Faithfull 2020"

    def __init__(self, path: Path):
        self.name = f"ann-{path.stem}"
        self.path = path

    @property
    def image_shape(self) -> tuple[int, int]:  # type: ignore[override]
        return 1, _read_once(self.path, self.path.stat().st_mtime_ns).train.shape[1]

    @property
    def checksum(self) -> str:
        return _file_md5(self.path, self.path.stat().st_mtime_ns)

    def load(self, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
        check_split(split)
        if not self.path.is_file():
            raise DataError(f"{self.path} is gone: put it back")
        data = _read_once(self.path, self.path.stat().st_mtime_ns)
        rows = getattr(data, split).astype(np.float32)
        if data.distance == "angular":
            lengths = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1))
            if not lengths.all():
                raise DataError(f"{self.path}: {split}[{int(np.argmin(lengths))}] is zero and has no angle")
            rows = (rows / lengths[:, None]).astype(np.float32)
        return rows, np.zeros(len(rows), np.int64)

    def status(self) -> Status:
        if not self.path.is_file():
            return Status(self.name, False, "", 0, "", "MD5 of the file", f"{self.path} is gone: put it back")
        size = self.path.stat().st_size
        return Status(self.name, True, str(self.path.parent), size, self.checksum, "MD5 of the file", "")


@lru_cache(maxsize=8)
def _file_md5(path: Path, changed: int) -> str:  # noqa: ARG001 (the time says when to look again)
    with path.open("rb") as file:
        return hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest()


@lru_cache(maxsize=1)
def _read_once(path: Path, changed: int) -> AnnData:  # noqa: ARG001
    return read_data(path)


def found_files() -> list[Path]:
    """The data sets of ann-benchmarks in the data folders, known by their entries; the first of a name counts."""
    files = {path.name: path for folder in reversed(data_folders()) for path in sorted(folder.glob("*.hdf5"))}
    return _those_with_data([files[name] for name in sorted(files)])


def _those_with_data(files: list[Path]) -> list[Path]:
    """The files that hold data, looked at in a process of its own as `_read` reads."""
    from reports.child import Child, ChildDied, ChildNotStarted

    held: list[Path] = []
    child: Child | None = None
    try:
        for path in files:
            child = child or Child(os.getpid)
            try:
                if child.call(is_data, path, limit=_SECONDS):
                    held.append(path)
            except (TimeoutError, ChildDied):
                child = None  # it is gone with the file, which is none of ours
    except ChildNotStarted as error:
        warnings.warn(f"{path} and what follows it in the data folders was not looked at: {error}", stacklevel=2)
    finally:
        if child is not None:
            child.kill()
    return held


for _path in found_files():
    datasets.register(f"ann-{_path.stem}")(AnnFile(_path))
