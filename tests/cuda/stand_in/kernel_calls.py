"""Functions of the driver about programs, kernels and their launch."""

from __future__ import annotations

import ctypes
import itertools
from typing import Any

from cuda.bindings.driver import CUfunction_attribute

from tests.cuda.stand_in.device_calls import ATTRIBUTES
from tests.cuda.stand_in.entries import Refused, entry, give
from tests.cuda.stand_in.machine import Module

_handles = itertools.count(0x2000, 16)
USUAL, MOST = ATTRIBUTES["MAX_SHARED_MEMORY_PER_BLOCK"], ATTRIBUTES["MAX_SHARED_MEMORY_PER_BLOCK_OPTIN"]


class Loaded:
    """A kernel that was asked for, and how much shared memory its launches may ask for."""

    def __init__(self, name: str, kernel: Any):
        self.handle, self.name, self.kernel = next(_handles), name, kernel
        self.room = USUAL - kernel.shared_bytes


class Configuration(ctypes.Structure):
    """CUlaunchConfig."""

    _fields_ = [
        *((f"{what}_{axis}", ctypes.c_uint) for what in ("grid", "block") for axis in "xyz"),
        ("shared", ctypes.c_uint),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("count", ctypes.c_uint),
    ]


@entry("pspppppu", "cuLibraryLoadData")
def load(driver: Any, out: int, image: bytes, *options: Any) -> None:  # noqa: ARG001
    """PTX alone, as text."""
    driver.streams.check()
    if b".version" not in image:
        raise Refused("NO_BINARY_FOR_GPU")
    handle = next(_handles)
    driver.libraries[handle] = {name: Loaded(name, kernel) for name, kernel in Module(image.decode()).kernels.items()}
    driver.kernels.update((loaded.handle, loaded) for loaded in driver.libraries[handle].values())
    give(out, "p", handle)


@entry("psupp", "cuModuleLoadDataEx")
def load_module(driver: Any, out: int, image: bytes, *options: Any) -> None:  # noqa: ARG001
    load(driver, out, image)


@entry("p", "cuLibraryUnload", "cuModuleUnload")
def unload(driver: Any, library: int) -> None:
    for loaded in _library(driver, library).values():
        del driver.kernels[loaded.handle]
    del driver.libraries[library]


@entry("pps", "cuLibraryGetKernel", "cuModuleGetFunction")
def find(driver: Any, out: int, library: int, name: bytes) -> None:
    loaded = _library(driver, library).get(name.decode())
    if loaded is None:
        raise Refused("NOT_FOUND")
    give(out, "p", loaded.handle)


@entry("pp")
def cuKernelGetFunction(driver: Any, out: int, kernel: int) -> None:
    give(out, "p", _kernel(driver, kernel).handle)


@entry("pipi")
def cuKernelGetAttribute(driver: Any, out: int, attribute: int, kernel: int, device: int) -> None:  # noqa: ARG001
    loaded = _kernel(driver, kernel)
    name = CUfunction_attribute(attribute).name.removeprefix("CU_FUNC_ATTRIBUTE_")
    answers = {
        "MAX_THREADS_PER_BLOCK": loaded.kernel.threads,
        "SHARED_SIZE_BYTES": loaded.kernel.shared_bytes,
        "MAX_DYNAMIC_SHARED_SIZE_BYTES": loaded.room,
        "NUM_REGS": 32,  # nobody has counted them
        "PTX_VERSION": 90,
        "BINARY_VERSION": 90,
    }
    if name not in answers:
        driver.say(f"attribute {name} of a kernel is 0")
    give(out, "i", answers.get(name, 0))


@entry("pip")
def cuFuncGetAttribute(driver: Any, out: int, attribute: int, function: int) -> None:
    cuKernelGetAttribute(driver, out, attribute, function, 0)


@entry("iipi")
def cuKernelSetAttribute(driver: Any, attribute: int, value: int, kernel: int, device: int) -> None:  # noqa: ARG001
    loaded = _kernel(driver, kernel)
    if attribute == CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        if not 0 <= value <= MOST - loaded.kernel.shared_bytes:
            raise Refused("INVALID_VALUE")
        loaded.room = value


@entry("pii")
def cuFuncSetAttribute(driver: Any, function: int, attribute: int, value: int) -> None:
    cuKernelSetAttribute(driver, attribute, value, function, 0)


@entry("ppin")
def cuOccupancyMaxActiveBlocksPerMultiprocessor(driver: Any, out: int, kernel: int, threads: int, dynamic: int) -> None:
    """As far as threads and shared memory say; what registers say nobody knows here."""
    loaded = _kernel(driver, kernel)
    if not 0 < threads <= loaded.kernel.threads:
        raise Refused("INVALID_VALUE")
    of_threads = ATTRIBUTES["MAX_THREADS_PER_MULTIPROCESSOR"] // (-(-threads // 32) * 32)
    each = loaded.kernel.shared_bytes + dynamic + ATTRIBUTES["RESERVED_SHARED_MEMORY_PER_BLOCK"]
    of_shared = ATTRIBUTES["MAX_SHARED_MEMORY_PER_MULTIPROCESSOR"] // each
    give(out, "i", min(of_threads, of_shared, ATTRIBUTES["MAX_BLOCKS_PER_MULTIPROCESSOR"]))


@entry("puuuuuuuppp")
def cuLaunchKernel(driver: Any, kernel: int, *rest: int) -> None:
    *extents, shared, stream, parameters, extra = rest
    _launch(driver, kernel, tuple(extents), shared, stream, parameters, extra)


@entry("pppp")
def cuLaunchKernelEx(driver: Any, configuration: int, kernel: int, parameters: int, extra: int) -> None:
    asked = Configuration.from_address(configuration)
    if asked.count:
        raise Refused("NOT_SUPPORTED")  # clusters, cooperation and the like
    extents = tuple(getattr(asked, name) for name, _ in Configuration._fields_[:6])
    _launch(driver, kernel, extents, asked.shared, asked.stream or 0, parameters, extra)


def _launch(
    driver: Any, handle: int, extents: tuple[int, ...], shared: int, stream: int, parameters: int, extra: int
) -> None:
    """What a device would refuse at once is refused; the rest is found when the kernel runs."""
    loaded = _kernel(driver, handle)
    kernel, grid, block = loaded.kernel, extents[:3], extents[3:]
    if extra:
        raise Refused("NOT_SUPPORTED")
    for extent, what in ((grid, "GRID"), (block, "BLOCK")):
        if any(not 0 < n <= ATTRIBUTES[f"MAX_{what}_DIM_{axis}"] for n, axis in zip(extent, "XYZ", strict=True)):
            raise Refused("INVALID_VALUE")
    if block[0] * block[1] * block[2] > kernel.threads or shared > loaded.room:
        raise Refused("INVALID_VALUE")
    if shared + kernel.shared_bytes > MOST:
        raise Refused("INVALID_VALUE")
    found = driver.streams.stream(stream)
    count = len(kernel.parameters)
    pointers = (ctypes.c_void_p * count).from_address(parameters) if count else ()
    values = [ctypes.string_at(pointer, size) for pointer, (size, _) in zip(pointers, kernel.parameters, strict=True)]
    driver.say(f"{loaded.name}{grid}{block} on {found.handle:#x}, {shared} bytes shared", 2)
    driver.streams.put(found, lambda: kernel.launch(grid, block, shared, values, driver.memory))


def _library(driver: Any, handle: int) -> dict[str, Loaded]:
    if handle not in driver.libraries:
        raise Refused("INVALID_HANDLE")
    return driver.libraries[handle]


def _kernel(driver: Any, handle: int) -> Loaded:
    if handle not in driver.kernels:
        raise Refused("INVALID_HANDLE")
    return driver.kernels[handle]
