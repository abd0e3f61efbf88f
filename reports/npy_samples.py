"""A user's .npy file of samples: read without running or believing what it says."""

from __future__ import annotations

import io
import math
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray

#: What NumPy raises of a header that is none: it is read as Python's literals are, and a dtype in it by another reader.
_NO_HEADER = (ValueError, EOFError, OverflowError, TokenError, SyntaxError, RecursionError)


def read_samples(path: Path) -> NDArray[np.generic]:
    """The array of real numbers in a .npy file, of whatever shape it has.

    The size that the header declares is compared with the file's before anything is allocated; objects, which
    would run code, are refused. Raises ValueError, naming the file and the remedy, for anything else than a whole
    .npy file of real numbers, and OSError for a file that is not there or may not be read.
    """
    try:
        mapped = np.lib.format.open_memmap(path, mode="r")
    except _NO_HEADER as error:
        raise ValueError(f"{path} is not a whole .npy file of numbers: write it with numpy.save") from error
    if mapped.dtype.kind not in "biuf":
        raise ValueError(f"{path} holds no array of real numbers: write one of shape (n, d) with numpy.save")
    return np.array(mapped)


def parse_samples(content: bytes) -> NDArray[np.generic]:
    """The array of real numbers that the bytes of a .npy file hold, a view of them; raises ValueError for any other.

    The size that the header declares is compared with what is there, as in `read_samples`.
    """
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:  # version 3 names the fields of records in Unicode: these are no numbers
        raise ValueError(f"version {version} of .npy holds no array of real numbers")
    try:
        shape, fortran, dtype = _HEADERS[version](file)
    except _NO_HEADER as error:
        raise ValueError(f"its header cannot be read: {error}") from error
    there = len(content) - file.tell()
    if dtype.kind not in "biuf" or min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != there:
        raise ValueError(f"its header declares {shape} of {dtype}, beside {there} bytes: no array of real numbers")
    return np.frombuffer(content, dtype, offset=file.tell()).reshape(shape, order="F" if fortran else "C")


_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
