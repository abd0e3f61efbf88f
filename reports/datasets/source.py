"""What a data set is: two splits of rows, a checksum of their content, and where they were found."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from knn.registry import Registry

SPLITS = ("train", "test")

#: Called with the number of bytes that have arrived and the number expected (0: unknown).
Progress = Callable[[str, int, int], None]


class DataError(Exception):
    """A data set is missing, damaged or could not be fetched; the message names the file and the remedy."""


@dataclass(frozen=True)
class Status:
    """What is known of a data set on this machine, without reading its content.

    `bytes` is the size on disk of what was found; `verified` says how a damaged file would be
    noticed; `remedy` is empty where nothing is missing.
    """

    name: str
    found: bool
    where: str
    bytes: int
    checksum: str
    verified: str
    remedy: str


class Dataset(ABC):
    """Rows of numbers in a train and a test split that share no row.

    `name`, `about` (one line), `source` (who made it), and `image_shape`, by which a row can be drawn.
    """

    name: str
    about: str
    source: str
    image_shape: tuple[int, int]
    n_classes: int

    @property
    @abstractmethod
    def checksum(self) -> str:
        """Hexadecimal MD5 of the content that `load` returns, known before loading where one was published."""

    @abstractmethod
    def load(self, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
        """`(X, y)`: float32 of shape (n, d), in [0, 1] where rows are images, and int64 labels of shape (n,).

        Raises ValueError for an unknown split, DataError where files are missing or damaged.
        """

    @abstractmethod
    def status(self) -> Status:
        """Whether and where the set was found, its size and checksum, and how to get it."""

    def fetch(self, *, progress: Progress | None = None, url: str | None = None) -> Status:
        """Downloads what is missing, from `url` instead of the usual place; what a package bundles is there."""
        del progress, url
        return self.status()


datasets: Registry[Dataset] = Registry("dataset", group="implicitbench.datasets", packages=("reports.datasets",))


def check_split(split: str) -> str:
    """`split` itself; raises ValueError unless it is one of `SPLITS`."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, not {split!r}")
    return split


def searched(name: str) -> str:
    """Where a set of that name was looked for, in words."""
    return " or ".join(str(folder / name) for folder in data_folders())


def how_to_get(name: str, held: str) -> str:
    """What to do where the files `held` of a set that can be downloaded are missing."""
    return f"run `implicitbench datasets --get {name}`, or set IMPLICITBENCH_DATA to a folder that holds {held}"


def data_folders() -> list[Path]:
    """Folders that hold data sets, in the order in which they are searched."""
    own = os.environ.get("IMPLICITBENCH_DATA")
    cache = user_cache_path("implicitbench") / "data"
    return [Path(own).expanduser(), cache] if own else [cache]
