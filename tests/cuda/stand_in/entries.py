"""How a function of the driver is written in Python: its name and its arguments' kinds; and how it refuses."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cuda.bindings.driver import CUresult

#: A letter for each kind of argument: pointer or handle, int, unsigned, size or address, byte, text.
KINDS = {
    "p": ctypes.c_void_p,
    "i": ctypes.c_int,
    "u": ctypes.c_uint,
    "n": ctypes.c_size_t,
    "b": ctypes.c_ubyte,
    "f": ctypes.c_float,
    "s": ctypes.c_char_p,
}


class Refused(Exception):
    """What the driver answers instead of success."""

    def __init__(self, error: str):
        super().__init__(error)
        self.code = int(getattr(CUresult, f"CUDA_ERROR_{error}"))


@dataclass
class Entry:
    """A function of the driver: what it is called with after the driver itself, and whether it needs a context."""

    kinds: str
    function: Callable[..., None]
    in_context: bool


ENTRIES: dict[str, Entry] = {}


def entry(kinds: str, *names: str, in_context: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Makes a function the driver's, by its own name or these."""

    def known(function: Callable[..., None]) -> Callable[..., None]:
        for name in names or (function.__name__,):
            ENTRIES[name] = Entry(kinds, function, in_context)
        return function

    return known


def give(pointer: int, kind: str, value: Any) -> None:
    """Writes an answer where the caller wants it, if it does."""
    if pointer:
        KINDS[kind].from_address(pointer).value = value
