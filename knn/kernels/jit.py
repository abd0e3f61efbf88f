"""The one decorator of every kernel, and where its machine code is kept."""

from __future__ import annotations

import functools
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import platformdirs

#: Numba's settings, which it makes at run time, unseen by type checkers.
config: Any = numba.config
F = TypeVar("F", bound=Callable[..., Any])


def jit(function: F) -> F:
    """Compiles a kernel when it is first called: no GIL, no threads inside, NumPy's division, code kept on disk.

    Nothing is compiled at import, since no signature is given. No fast-math either: a sum keeps the order in
    which it is written, so that every machine and every number of threads gives the same bits.

    What a kernel calls is compiled for each set of types, of which a literal 0 is another than an int64, and half of an
    array another than an array: typed numbers (np.int64(0)) and whole arrays are passed where others are as well.
    """
    folder = cache_folder(Path(function.__code__.co_filename).parent)
    with _numba_cache_in(folder):
        return cast(F, numba.njit(nogil=True, error_model="numpy", cache=folder is not None)(function))


@functools.cache
def cache_folder(sources: Path) -> str | None:
    """Where the machine code of the kernels in the folder `sources` is kept; None if nothing can be written there.

    A cached kernel has the helpers that it calls compiled in, and Numba looks for changes in the kernel's own file
    alone. So the folder is named after a hash of all files in `sources` and beside this one: an edit to any of them
    starts an empty cache. Kernels of CUDA devices are not kept there, and are left out. The user's own
    NUMBA_CACHE_DIR wins and is used as it is.
    """
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return chosen
    files = sorted({*Path(__file__).parent.glob("*.py"), *sources.glob("*.py")})
    files = [file for file in files if not file.name.startswith("cuda")]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    folder = Path(platformdirs.user_cache_dir("implicitbench", appauthor=False)) / f"numba-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return None
    return str(folder)


@contextmanager
def _numba_cache_in(folder: str | None) -> Iterator[None]:
    """Numba's cache folder is `folder` while a kernel is decorated, and what it was afterwards."""
    before = config.CACHE_DIR
    if folder is not None:
        config.CACHE_DIR = folder
    try:
        yield
    finally:
        config.CACHE_DIR = before
