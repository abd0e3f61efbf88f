"""A kernel compiled for a device and run on the host at once, without a driver: for tests of a few lines."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.device_code import without_a_device
from tests.cuda.stand_in.machine import Module
from tests.cuda.stand_in.memory import Memory


class Run:
    """`run(function, *arguments, blocks=…, threads=…)` gives the arrays among the arguments as the kernel left them."""

    def __init__(self) -> None:
        self.memory = Memory(size=1 << 28)

    def __call__(self, function: Callable[..., None], *arguments: Any, blocks: int = 1, threads: int = 32) -> list:
        from numba import cuda, typeof

        signature = tuple(typeof(argument) for argument in arguments)
        with without_a_device((9, 0)):
            code, _ = cuda.compile_ptx(function, signature, cc=(9, 0))
        return self.text(code, *arguments, blocks=blocks, threads=threads)

    def text(self, ptx: str, *arguments: Any, blocks: int = 1, threads: int = 32) -> list:
        """The same from a text of PTX with one kernel. Arrays of NaN only are given as memory that nobody wrote."""
        (kernel,) = Module(ptx).kernels.values()
        parameters, places = [], []
        for argument in arguments:
            if not isinstance(argument, np.ndarray):
                parameters.append(struct.pack("d" if isinstance(argument, float) else "q", argument))
                continue
            address = self.memory.allocate(argument.nbytes)
            if not (argument.dtype.kind == "f" and np.isnan(argument).all()):
                self.memory.fill(address, np.ascontiguousarray(argument).view(np.uint8).ravel())
            places.append((address, argument))
            whole = [0, 0, argument.size, argument.itemsize, address, *argument.shape, *argument.strides]
            parameters += [struct.pack("q", number) for number in whole]
        kernel.launch((blocks, 1, 1), (threads, 1, 1), 0, parameters, self.memory)
        return [self._back(*place) for place in places]

    def _back(self, address: int, like: np.ndarray) -> np.ndarray:
        out = np.empty_like(like)
        ctypes.memmove(out.ctypes.data, address, like.nbytes)
        return out
