"""A driver of CUDA without a device, under real numba-cuda: `install()` puts it where libcuda.so.1 is looked for.

Host code then runs as on a device, with work put off as late as CUDA's rules allow, and the compiler's PTX runs on the
processor. STAND_IN_LOG=1 names each function that was called and is not here, STAND_IN_LOG=2 each that was called.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cuda.bindings.driver import CUresult

from tests.cuda.stand_in import device_calls, kernel_calls, memory_calls, stream_calls  # noqa: F401 (their entries)
from tests.cuda.stand_in.entries import ENTRIES, KINDS, Refused
from tests.cuda.stand_in.machine import Fault, Unavailable, built
from tests.cuda.stand_in.memory import Memory
from tests.cuda.stand_in.streams import Streams

SOURCE = Path(__file__).with_name("libcuda.c")
_RESOLVER = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int)
_installed: Driver | None = None


class Driver:
    """All that the driver knows; `faults` are what kernels were caught at, of which the first breaks the context."""

    def __init__(self, late: bool = True):
        self.memory = Memory()
        self.streams = Streams(late, self._failed, lambda: bool(self.error))
        self.faults: list[Exception] = []
        self.error = 0
        self.registered: dict[int, int] = {}  # memory of the host, by its address its size
        self.libraries: dict[int, Any] = {}
        self.kernels: dict[int, Any] = {}
        self._level = int(os.environ.get("STAND_IN_LOG") or 0)
        self._lock, self._thread, self._kept = threading.RLock(), threading.local(), {}
        self._closed = False

    def contexts(self) -> list[int]:
        """The stack of contexts of the calling thread."""
        return self._thread.__dict__.setdefault("contexts", [])

    def say(self, what: str, level: int = 1) -> None:
        if self._level >= level:
            print(f"stand-in: {what}", file=sys.stderr)  # noqa: T201 (who asked for it reads it)

    def text(self, words: str) -> int:
        """The address of a text that stays."""
        kept = self._kept.setdefault(words, ctypes.create_string_buffer(words.encode()))
        return ctypes.addressof(kept)

    def resolve(self, name: bytes, version: int) -> int | None:
        """The address of a function of the driver, of one that refuses where it is not here."""
        known = name.decode() if name.decode() in ENTRIES.keys() | self._kept.keys() else f"{name.decode()}:{version}"
        if known not in self._kept:
            entry = ENTRIES.get(known)
            kinds = entry.kinds if entry else ""
            prototype = ctypes.CFUNCTYPE(ctypes.c_int, *(KINDS[kind] for kind in kinds))
            self._kept[known] = prototype(self._answer(known) if entry else self._unknown(known))
        return ctypes.cast(self._kept[known], ctypes.c_void_p).value

    def _answer(self, name: str) -> Callable[..., int]:
        """Calls an entry under the lock, and says how it went in the driver's numbers."""
        entry = ENTRIES[name]

        def call(*arguments: Any) -> int:
            if self._closed:
                return 0
            with self._lock:
                try:
                    if entry.in_context and not self.contexts():
                        raise Refused("INVALID_CONTEXT")
                    if not (entry.in_context and self.error):
                        entry.function(self, *(0 if each is None else each for each in arguments))
                    code = self.error if entry.in_context else 0
                except Refused as refused:
                    code = refused.code
                except Exception:
                    traceback.print_exc()
                    code = int(CUresult.CUDA_ERROR_UNKNOWN)
                self.say(f"{name}{arguments} gives {code}", 2)
                return code

        return call

    def _unknown(self, name: str) -> Callable[..., int]:
        def call() -> int:
            self.say(f"{name} is not here")
            return int(CUresult.CUDA_ERROR_NOT_SUPPORTED)

        return call

    def close(self) -> None:
        """Python ends: what is still called does nothing."""
        self._closed = True

    def _failed(self, error: Exception) -> None:
        """From now on each answer is that the context is lost; here is why."""
        self.faults.append(error)
        self.error = int(CUresult.CUDA_ERROR_ILLEGAL_ADDRESS)
        if isinstance(error, Fault):
            print(f"stand-in: {error}", file=sys.stderr)  # noqa: T201 (Numba says no more than that the context is lost)
        else:
            traceback.print_exception(error)


def install(late: bool = True) -> Driver:
    """The driver of this process, from now on; to be called before anything asks Numba for a device.

    Raises `Unavailable` where there is no C compiler, or where a driver has been loaded already.
    """
    global _installed
    if _installed is not None:
        if _installed.streams.late != late:
            raise Unavailable("this process has a stand-in already, which puts work off differently")
        return _installed
    if not sys.platform.startswith("linux"):
        raise Unavailable("the stand-in needs Linux")
    library = _library()
    try:
        _installed = driver = Driver(late)
    except OSError as error:
        raise Unavailable(f"the stand-in reserves addresses, and the system gives none: {error}") from error
    resolver = _RESOLVER(driver.resolve)
    driver._kept.update(library=library, resolver=resolver, cuDevicePrimaryCtxRelease=library.stand_in_nothing)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(driver))  # its functions are called up to the end of the process
    atexit.register(driver.close)
    library.stand_in_resolver(resolver)
    _let_ptx_through()
    return driver


def _library() -> ctypes.CDLL:
    """The shared library under the driver's name, which a later search by that name finds."""
    try:
        ctypes.CDLL("libcuda.so.1", mode=os.RTLD_NOLOAD)
    except OSError:
        pass
    else:
        raise Unavailable("a driver of CUDA has been loaded in this process already")
    return ctypes.CDLL(str(built(SOURCE, "-Wl,-soname,libcuda.so.1")), mode=ctypes.RTLD_GLOBAL)


def _let_ptx_through() -> None:
    """Numba gives the driver PTX, after the optimisation at the link if there is one, and not its machine code."""
    from cuda.core import ObjectCode
    from numba.cuda.codegen import CUDACodeLibrary

    def get_cubin(self: Any, cc: Any = None) -> Any:
        cc = self._ensure_cc(cc)
        ptxes = [self.get_lto_ptx(cc=cc)] if self._lto else self.get_asm_strs(cc=cc)
        if len(ptxes) != 1 or (self._linking_files and not self._lto):
            raise NotImplementedError(f"{self._name} is to be linked from several parts: the stand-in runs one PTX")
        self._linkerinfo_cache[cc] = ""
        return ObjectCode.from_ptx(ptxes[0].encode(), name=self._name)

    CUDACodeLibrary.get_cubin = get_cubin
