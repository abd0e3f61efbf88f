"""Rows from wherever they lie: .npy, .npz, .pt, .parquet and .h5 files, folders of images, and callables that draw."""

from __future__ import annotations

import importlib
import inspect
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from estimators.points import as_array, as_points
from reports.npy_samples import read_samples

#: The endings of images that a folder may hold.
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
#: Modes of Pillow whose range is known: a byte of grey, bytes of colour, two bytes of grey.
_GREY, _COLOUR, _DEEP = ("1", "L"), ("RGB", "P", "CMYK", "YCbCr", "LAB", "HSV"), ("I;16", "I;16L", "I;16B", "I;16N")
_KINDS = ".npy, .npz, .pt, .parquet, .h5, a folder of images, or module:function"


@dataclass(frozen=True)
class Rows:
    """`values` (n, d) in float64; `shape` of one row before it was flattened, None where it was flat; where from."""

    values: NDArray[np.float64]
    shape: tuple[int, ...] | None
    origin: str


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
        if not Path(path).exists() and re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*", text):
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
    if not callable(found):
        raise ValueError(f"{name} is {text!r}, which is {type(found).__name__} and cannot be called: pass a function")
    return found


def _drawn(sampler: Callable[..., Any], name: str, n: int, random_state: int, origin: str) -> Rows:
    try:
        known = inspect.signature(sampler).parameters
    except (TypeError, ValueError):  # builtins say nothing of theirs
        known = inspect.signature(lambda n: n).parameters
    seeds = {word: random_state for word in ("random_state", "seed") if word in known}
    rows = _flat(sampler(n, **seeds), name, f"{origin}({n})")
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
    return Rows(as_points(values, name), None, origin)


def _read(path: Path, key: str, name: str) -> Any:
    if not path.exists():
        raise FileNotFoundError(f"{name}: {path} is not there; pass {_KINDS}")
    if path.is_dir():
        return _images(path, name)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{name}: {path} ends in {path.suffix or 'nothing'}: pass {_KINDS}")
    return reader(path, key, name)


def _npy(path: Path, key: str, name: str) -> Any:
    _no_key(path, key, name)
    try:
        return read_samples(path)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _npz(path: Path, key: str, name: str) -> Any:
    import zipfile

    try:
        with np.load(path, allow_pickle=False) as archive:
            return archive[_chosen(archive.files, key, path, name)]
    except (OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, ValueError) as error:
        if str(error).startswith(name):
            raise
        raise ValueError(f"{name}: {path} is no .npz file of numbers ({error}): write it with numpy.savez") from error


def _pt(path: Path, key: str, name: str) -> Any:
    import pickle

    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        told = f"{name}: {path} is no tensor that can be read without running code: write it with torch.save(tensor)"
        raise ValueError(told) from error
    if isinstance(found, Mapping):
        tensors = [str(word) for word, value in found.items() if hasattr(value, "ndim")]
        found = found[_chosen(tensors, key, path, name)]
    else:
        _no_key(path, key, name)
    if not hasattr(found, "ndim"):
        raise ValueError(f"{name}: {path} holds {type(found).__name__} and no tensor: write it with torch.save(tensor)")
    return found


def _parquet(path: Path, key: str, name: str) -> Any:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise ImportError(f"{name}: reading {path} needs pyarrow: pip install 'implicitbench[parquet]'") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{name}: {path} cannot be read as Parquet: {error}") from error
    if key:
        _chosen(list(frame.columns), key, path, name)
        frame = frame[[key]]
    words = [column for column in frame.columns if not pd.api.types.is_numeric_dtype(frame[column])]
    if words:
        raise ValueError(f"{name}: column {words[0]!r} of {path} holds no numbers: drop or encode it")
    return frame.to_numpy(dtype=np.float64, na_value=np.nan)


def _hdf5(path: Path, key: str, name: str) -> Any:
    import h5py

    found: list[str] = []
    try:
        with h5py.File(path, "r") as file:
            file.visititems(lambda word, item: found.append(word) if isinstance(item, h5py.Dataset) else None)
            return np.asarray(file[_chosen(found, key, path, name)])
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{name}: {path} cannot be read as HDF5: {error}") from error


def _images(folder: Path, name: str) -> Any:
    from PIL import Image, UnidentifiedImageError

    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGES)
    if not files:
        raise ValueError(f"{name}: {folder} holds no images ({', '.join(_IMAGES)}): pass {_KINDS}")
    read: list[NDArray[np.float64]] = []
    for row, path in enumerate(files):
        try:
            with Image.open(path) as image:
                pixels, refused = _pixels(image)
        except (UnidentifiedImageError, OSError) as error:
            raise ValueError(f"{name}: row {row}, {path.name}, is no image that can be read ({error})") from error
        if refused:
            raise ValueError(f"{name}: row {row}, {path.name}, {refused}")
        if read and pixels.shape != read[0].shape:
            raise ValueError(
                f"{name}: row {row}, {path.name}, is of shape {pixels.shape} and {files[0].name} of {read[0].shape}: "
                "give all images one size and one mode"
            )
        read.append(pixels)
    return np.stack(read)


def _pixels(image: Any) -> tuple[NDArray[np.float64], str]:
    """The pixels in [0, 1], and why they cannot be had, or ""."""
    if image.mode in _DEEP:
        return np.asarray(image).astype(np.float64) / 65535, ""
    if image.mode.upper() in ("LA", "RGBA", "PA") or "transparency" in image.info:
        return np.empty(0), "has transparent pixels, whose colour is anybody's choice: put it on a background first"
    if image.mode not in (*_GREY, *_COLOUR):
        told = f"is of mode {image.mode}, whose range nobody knows: save 8 or 16 bits a pixel, or give rows as .npy"
        return np.empty(0), told
    return np.asarray(image.convert("L" if image.mode in _GREY else "RGB"), dtype=np.float64) / 255, ""


def _chosen(known: list[str], key: str, path: Path, name: str) -> str:
    if key and key not in known:
        raise ValueError(f"{name}: {path} holds no array {key!r}; it has {', '.join(known) or 'none'}")
    if key:
        return key
    if len(known) != 1:
        told = f"the arrays {', '.join(known)}" if known else "no array"
        remedy = f": choose one, {path.name}::{known[0]}" if known else f": pass {_KINDS}"
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
