"""Which module's functions serve a device."""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType

DEVICES = ("cpu", "cuda")


@lru_cache
def engine(device: str) -> ModuleType:
    """The module whose kernels run on `device`; every engine has the functions of the CPU's.

    Raises ValueError for a device that no engine serves, or that does not answer.
    """
    if device == "cpu":
        from knn.kernels import cpu

        return cpu
    if device == "cuda":
        from knn.kernels import cuda

        cuda.require_device()
        return cuda
    raise ValueError(f"device={device!r} is not served: use one of {DEVICES}")
