"""Which module's functions serve a device."""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType

DEVICES = ("cpu",)


@lru_cache
def engine(device: str) -> ModuleType:
    """The module whose kernels run on `device`; every engine has the functions of the CPU's.

    Raises ValueError for a device that no engine serves.
    """
    if device == "cpu":
        from knn.kernels import cpu

        return cpu
    raise ValueError(f"device={device!r} is not served: use one of {DEVICES}")
