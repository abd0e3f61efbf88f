"""Functions of the driver about itself, its one device and contexts."""

from __future__ import annotations

import ctypes
from typing import Any

from cuda.bindings.driver import CUdevice_attribute, CUresult

from tests.cuda.stand_in.entries import Refused, entry, give

VERSION = 13000
NAME, IDENTITY = b"stand-in", b"stand-in driver."
#: The handle of the device's primary context, the only one.
CONTEXT = 0x100
#: What of an H100 somebody asks for. What is not here is 0, an ability that the stand-in has not.
ATTRIBUTES = {
    "COMPUTE_CAPABILITY_MAJOR": 9,
    "COMPUTE_CAPABILITY_MINOR": 0,
    "MULTIPROCESSOR_COUNT": 132,
    "WARP_SIZE": 32,
    "MAX_THREADS_PER_BLOCK": 1024,
    "MAX_THREADS_PER_MULTIPROCESSOR": 2048,
    "MAX_BLOCKS_PER_MULTIPROCESSOR": 32,
    "MAX_BLOCK_DIM_X": 1024,
    "MAX_BLOCK_DIM_Y": 1024,
    "MAX_BLOCK_DIM_Z": 64,
    "MAX_GRID_DIM_X": 2**31 - 1,
    "MAX_GRID_DIM_Y": 65535,
    "MAX_GRID_DIM_Z": 65535,
    "MAX_SHARED_MEMORY_PER_BLOCK": 48 << 10,
    "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN": 227 << 10,
    "MAX_SHARED_MEMORY_PER_MULTIPROCESSOR": 228 << 10,
    "RESERVED_SHARED_MEMORY_PER_BLOCK": 1024,
    "MAX_REGISTERS_PER_BLOCK": 65536,
    "MAX_REGISTERS_PER_MULTIPROCESSOR": 65536,
    "TOTAL_CONSTANT_MEMORY": 65536,
    "L2_CACHE_SIZE": 50 << 20,
    "CLOCK_RATE": 1_980_000,
    "CAN_MAP_HOST_MEMORY": 1,
    "UNIFIED_ADDRESSING": 1,
    "CONCURRENT_KERNELS": 1,
    "ASYNC_ENGINE_COUNT": 3,
    "STREAM_PRIORITIES_SUPPORTED": 1,
}


@entry("u", in_context=False)
def cuInit(driver: Any, flags: int) -> None:
    """Nothing is to be done."""


@entry("p", in_context=False)
def cuDriverGetVersion(driver: Any, out: int) -> None:  # noqa: ARG001
    give(out, "i", VERSION)


@entry("ip", in_context=False)
def cuGetErrorName(driver: Any, code: int, out: int) -> None:
    give(out, "p", driver.text(CUresult(code).name))


@entry("ip", in_context=False)
def cuGetErrorString(driver: Any, code: int, out: int) -> None:
    give(out, "p", driver.text(CUresult(code).name.removeprefix("CUDA_ERROR_").lower().replace("_", " ")))


@entry("p", in_context=False)
def cuDeviceGetCount(driver: Any, out: int) -> None:  # noqa: ARG001
    give(out, "i", 1)


@entry("pi", in_context=False)
def cuDeviceGet(driver: Any, out: int, number: int) -> None:  # noqa: ARG001
    if number != 0:
        raise Refused("INVALID_DEVICE")
    give(out, "i", 0)


@entry("pii", in_context=False)
def cuDeviceGetName(driver: Any, out: int, room: int, device: int) -> None:  # noqa: ARG001
    ctypes.memmove(out, NAME + b"\0", min(room, len(NAME) + 1))


@entry("pi", in_context=False)
def cuDeviceGetUuid(driver: Any, out: int, device: int) -> None:  # noqa: ARG001
    ctypes.memmove(out, IDENTITY, 16)


@entry("pii", in_context=False)
def cuDeviceGetAttribute(driver: Any, out: int, attribute: int, device: int) -> None:  # noqa: ARG001
    name = CUdevice_attribute(attribute).name.removeprefix("CU_DEVICE_ATTRIBUTE_")
    if name not in ATTRIBUTES:
        driver.say(f"attribute {name} is 0")
    give(out, "i", ATTRIBUTES.get(name, 0))


@entry("pi", in_context=False)
def cuDeviceTotalMem(driver: Any, out: int, device: int) -> None:  # noqa: ARG001
    give(out, "n", driver.memory.limit)


@entry("pi", in_context=False)
def cuDevicePrimaryCtxRetain(driver: Any, out: int, device: int) -> None:  # noqa: ARG001
    give(out, "p", CONTEXT)


@entry("p", in_context=False)
def cuCtxGetCurrent(driver: Any, out: int) -> None:
    give(out, "p", driver.contexts()[-1] if driver.contexts() else None)


@entry("p", in_context=False)
def cuCtxSetCurrent(driver: Any, context: int) -> None:
    driver.contexts()[-1:] = [context] if context else []


@entry("p", in_context=False)
def cuCtxPushCurrent(driver: Any, context: int) -> None:
    if context != CONTEXT:
        raise Refused("INVALID_CONTEXT")
    driver.contexts().append(context)


@entry("p", in_context=False)
def cuCtxPopCurrent(driver: Any, out: int) -> None:
    if not driver.contexts():
        raise Refused("INVALID_CONTEXT")
    give(out, "p", driver.contexts().pop())


@entry("p", "cuCtxGetDevice:2000")
def cuCtxGetDevice(driver: Any, out: int) -> None:  # noqa: ARG001
    give(out, "i", 0)


@entry("", "cuCtxSynchronize:2000")
def cuCtxSynchronize(driver: Any) -> None:
    driver.streams.check_all()
    driver.streams.finish_all()
