"""Functions of the driver about memory: allocation, copies and what lies where."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from cuda.bindings.driver import CUpointer_attribute

from tests.cuda.stand_in.device_calls import CONTEXT
from tests.cuda.stand_in.entries import Refused, entry, give
from tests.cuda.stand_in.streams import Stream

#: A copy from the host of so many bytes waits for nothing.
SMALL = 64 << 10
HOST, DEVICE = 1, 2


@entry("pn")
def cuMemAlloc(driver: Any, out: int, size: int) -> None:
    driver.streams.check()
    give(out, "n", driver.memory.allocate(size))


@entry("n")
def cuMemFree(driver: Any, address: int) -> None:
    if address == 0:
        return
    driver.streams.check()
    driver.streams.finish_all()
    driver.memory.free(address)


@entry("pp")
def cuMemGetInfo(driver: Any, free: int, total: int) -> None:
    give(free, "n", max(driver.memory.limit - driver.memory.used, 0))
    give(total, "n", driver.memory.limit)


@entry("ppn")
def cuMemGetAddressRange(driver: Any, base: int, size: int, address: int) -> None:
    found, room = driver.memory.extent(address)
    give(base, "n", found)
    give(size, "n", room)


@entry("pnu")
def cuMemHostAlloc(driver: Any, out: int, size: int, flags: int) -> None:  # noqa: ARG001
    driver.streams.check()
    give(out, "p", driver.memory.allocate(size, pinned=True))


@entry("p")
def cuMemFreeHost(driver: Any, address: int) -> None:
    cuMemFree(driver, address)


@entry("pnu")
def cuMemHostRegister(driver: Any, address: int, size: int, flags: int) -> None:  # noqa: ARG001
    if address in driver.registered:
        raise Refused("HOST_MEMORY_ALREADY_REGISTERED")
    driver.registered[address] = size


@entry("p")
def cuMemHostUnregister(driver: Any, address: int) -> None:
    if address not in driver.registered:
        raise Refused("HOST_MEMORY_NOT_REGISTERED")
    driver.streams.finish_all()
    del driver.registered[address]


@entry("ppu")
def cuMemHostGetDevicePointer(driver: Any, out: int, address: int, flags: int) -> None:  # noqa: ARG001
    if not driver.memory.pinned(address):
        raise Refused("NOT_SUPPORTED")  # of memory that is only registered, kernels here know nothing
    give(out, "n", address)


@entry("pin")
def cuPointerGetAttribute(driver: Any, out: int, attribute: int, address: int) -> None:
    give(out, *_told(driver, attribute, address))


@entry("uppn")
def cuPointerGetAttributes(driver: Any, count: int, attributes: int, outs: int, address: int) -> None:
    """Several at once; zeros for an address that is not the device's."""
    asked = (ctypes.c_int * count).from_address(attributes)
    for attribute, out in zip(asked, (ctypes.c_void_p * count).from_address(outs), strict=True):
        kind, answer = _told(driver, attribute, address if driver.memory.holds(address, 1) else 0)
        give(out or 0, kind, answer)


@entry("npnp", "cuMemcpyHtoDAsync")
def to_device(driver: Any, to: int, source: int, size: int, stream: int) -> None:
    _to_device(driver, to, source, size, driver.streams.stream(stream))


@entry("npn", "cuMemcpyHtoD")
def to_device_now(driver: Any, to: int, source: int, size: int) -> None:
    """The bytes are taken before it returns, and lie on the device when the default stream has come so far."""
    legacy = driver.streams.legacy
    driver.streams.check(legacy)
    if size > SMALL:
        driver.streams.finish(driver.streams.last(legacy))
    _to_device(driver, to, source, size, legacy)
    if _is_pinned(driver, source, size):
        driver.streams.finish(legacy.last)


@entry("pnnp", "cuMemcpyDtoHAsync")
def to_host(driver: Any, to: int, source: int, size: int, stream: int) -> None:
    _check(driver, source, size)
    driver.streams.put(driver.streams.stream(stream), lambda: ctypes.memmove(to, source, size))


@entry("pnn", "cuMemcpyDtoH")
def to_host_now(driver: Any, to: int, source: int, size: int) -> None:
    driver.streams.check(driver.streams.legacy)
    to_host(driver, to, source, size, 0)
    driver.streams.finish(driver.streams.legacy.last)


@entry("nnnp", "cuMemcpyDtoDAsync")
def within_device(driver: Any, to: int, source: int, size: int, stream: int) -> None:
    _check(driver, source, size)
    _check(driver, to, size)
    driver.streams.put(driver.streams.stream(stream), lambda: driver.memory.copy(to, source, size))


@entry("nnn", "cuMemcpyDtoD")
def within_device_now(driver: Any, to: int, source: int, size: int) -> None:
    """Ordered as the default stream is, and the host does not wait."""
    driver.streams.check(driver.streams.legacy)
    within_device(driver, to, source, size, 0)


@entry("nbnp", "cuMemsetD8Async")
def fill(driver: Any, to: int, byte: int, count: int, stream: int) -> None:
    _check(driver, to, count)
    values = np.full(count, byte, np.uint8)
    driver.streams.put(driver.streams.stream(stream), lambda: driver.memory.fill(to, values))


@entry("nbn", "cuMemsetD8")
def fill_now(driver: Any, to: int, byte: int, count: int) -> None:
    """Ordered as the default stream is, and the host does not wait."""
    driver.streams.check(driver.streams.legacy)
    fill(driver, to, byte, count, 0)


def _to_device(driver: Any, to: int, source: int, size: int, stream: Stream) -> None:
    """The bytes of pageable memory are those at the call; of pinned memory and in graphs those when it runs."""
    _check(driver, to, size)
    if stream.capture is not None or _is_pinned(driver, source, size):
        driver.streams.put(stream, lambda: driver.memory.fill(to, _bytes(source, size)))
    else:
        staged = _bytes(source, size)
        driver.streams.put(stream, lambda: driver.memory.fill(to, staged))


def _bytes(address: int, size: int) -> np.ndarray:
    return np.frombuffer(ctypes.string_at(address, size), np.uint8)


def _is_pinned(driver: Any, address: int, size: int) -> bool:
    return driver.memory.pinned(address) or any(
        start <= address and address + size <= start + room for start, room in driver.registered.items()
    )


def _check(driver: Any, address: int, size: int) -> None:
    """That an allocation holds all these bytes."""
    if size and not driver.memory.holds(address, size):
        raise Refused("INVALID_VALUE")


def _told(driver: Any, attribute: int, address: int) -> tuple[str, int]:
    """What an attribute of a pointer is written as, and what it is; 0 for the address 0."""
    base, size = driver.memory.extent(address) if address else (0, 0)
    pinned = driver.memory.pinned(address)
    answers = {
        "CONTEXT": ("p", CONTEXT),
        "MEMORY_TYPE": ("u", HOST if pinned else DEVICE),
        "DEVICE_POINTER": ("n", address),
        "DEVICE_ORDINAL": ("i", 0),
        "RANGE_START_ADDR": ("n", base),
        "RANGE_SIZE": ("n", size),
        "IS_MANAGED": ("u", 0),
    }
    name = CUpointer_attribute(attribute).name.removeprefix("CU_POINTER_ATTRIBUTE_")
    if name not in answers:
        driver.say(f"attribute {name} of a pointer")
        raise Refused("NOT_SUPPORTED")
    kind, answer = answers[name]
    return kind, answer if address else 0
