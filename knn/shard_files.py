"""A sharded index on disk: a folder with a file a shard (knn/storage.py) and `sharded.json`, which vouches for them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from knn import storage
from knn.base import indexes
from knn.choice import unfitted
from knn.shards import Told

_FORMAT, _VERSION = "implicitbench sharded index", 2
_NAME = "sharded.json"
#: What is raised on the way where something is not as `write` leaves it.
FORGED = (ArithmeticError, LookupError, TypeError, ValueError)


def write(path: Path, told: dict[str, Any], contents: Iterable[bytes]) -> None:
    """Writes a folder beside `path`, which then takes the name; one that is no saved index is not replaced."""
    if path.exists() and not (path / _NAME).is_file():
        raise FileExistsError(f"{path} is no saved sharded index, and is not replaced: give another name")
    _settle(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    try:
        digests = []
        for shard, content in enumerate(contents):
            _put(beside / f"shard-{shard}", content)
            digests.append(_digest(content))
        text = json.dumps({"format": _FORMAT, "version": _VERSION, "shards": digests, **told}).encode()
        _put(beside / _NAME, text + b"\n" + _digest(text).encode())
        if path.exists():
            path.rename(_before(path))
        beside.rename(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        _settle(path)


def read(path: Path) -> tuple[dict[str, Any], list[bytes]]:
    """What `write` was given; raises ValueError or OSError for what is damaged, absent or of another format."""
    if not path.exists() and _before(path).exists():
        path = _before(path)  # a writer was killed between its renames, or is between them
    text, _, digest = (path / _NAME).read_bytes().rpartition(b"\n")
    if _digest(text) != digest.decode("ascii", "replace"):
        raise ValueError(f"{_NAME} does not match its checksum")
    try:
        told = dict(json.loads(text))
    except RecursionError:
        raise ValueError(f"{_NAME} nests without end") from None
    if told.pop("format") != _FORMAT or told.pop("version") != _VERSION:
        raise ValueError(f"{_NAME} is of another format")
    contents = []
    for shard, wanted in enumerate(told.pop("shards")):
        contents.append((path / f"shard-{shard}").read_bytes())
        if _digest(contents[-1]) != wanted:
            raise ValueError(f"shard-{shard} does not match its checksum")
    return told, contents


@contextmanager
def told_as_damage(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Raises ValueError naming the folder for these errors, and for no others."""
    try:
        yield
    except errors as error:
        raise ValueError(f"{path} is no whole sharded index ({error}): save it again, or restore a copy") from error


def check(told: dict[str, Any], parts: Sequence[Told], sizes: Sequence[int]) -> None:
    """Raises ValueError where what is told is not so of the shards, or differs among them; `sizes` by their ids."""
    if not parts or told["alive"] != [part.alive for part in parts] or list(sizes) != [part.next_id for part in parts]:
        raise ValueError(f"alive or runs: shards hold {[part.alive for part in parts][:9]} points that live")
    whole = type(told["features"]) is int  # 3.0 is no width, though it equals one
    if len({part[2:] for part in parts}) > 1 or not whole or parts[0][2:4] != (told["features"], told["dtype"]):
        raise ValueError(f"features or dtype: a shard is {parts[0]}, and not all are so")
    names = told["feature_names"]
    if names is None:
        return
    if not (isinstance(names, list) and len(names) == told["features"] and all(isinstance(n, str) for n in names)):
        raise ValueError(f"feature_names: not a word for each of {told['features']} features")


def _before(path: Path) -> Path:
    """Where the index that is being replaced waits until the new one has its name."""
    return path.with_name(f".{path.name}.before")


def _settle(path: Path) -> None:
    """What waited gets its name back if nothing took that, and goes if something did."""
    before = _before(path)
    if path.exists():
        shutil.rmtree(before, ignore_errors=True)
    elif before.exists():
        before.rename(path)


def told_of(index: Any) -> Any:
    """The argument `index` as JSON has it: a name, and parameters if it is an index.

    A Generator or RandomState, which no file holds, becomes None.
    """
    if isinstance(index, str):
        return index
    template = unfitted(index)
    if isinstance(index, type):
        return template._registered_name()
    told = template.get_params(deep=False)
    if isinstance(told["random_state"], (np.random.Generator, np.random.RandomState)):
        told["random_state"] = None
    return [template._registered_name(), {name: storage.plain(name, value) for name, value in told.items()}]


def index_of(told: Any) -> Any:
    """What `told_of` was given, a class by its name."""
    return told if isinstance(told, str) else indexes[told[0]](**told[1])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _put(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
