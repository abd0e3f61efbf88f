"""A user's .npy file of samples: read without running or believing what it says."""

from __future__ import annotations

from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray


def read_samples(path: Path) -> NDArray[np.generic]:
    """The array of real numbers in a .npy file, of whatever shape it has.

    The size that the header declares is compared with the file's before anything is allocated; objects, which
    would run code, are refused. Raises ValueError, naming the file and the remedy, for anything else than a whole
    .npy file of real numbers, and OSError for a file that is not there or may not be read.
    """
    try:
        mapped = np.lib.format.open_memmap(path, mode="r")
    except (ValueError, EOFError, OverflowError, TokenError) as error:
        raise ValueError(f"{path} is not a whole .npy file of numbers: write it with numpy.save") from error
    if mapped.dtype.kind not in "biuf":
        raise ValueError(f"{path} holds no array of real numbers: write one of shape (n, d) with numpy.save")
    return np.array(mapped)
