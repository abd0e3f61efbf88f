"""What is asked of real numba-cuda over the stand-in: python -m tests.cuda.stand_in.checks MODE NAME ….

MODE is "late" or "eager"; each check prints its name and how it went. The exit code is SKIPPED where there can be no
stand-in, and the reason is printed.
"""

import sys
import threading
import traceback
from types import SimpleNamespace

import numpy as np

from tests.cuda.stand_in import launch_checks  # noqa: F401 (whose checks join the list)
from tests.cuda.stand_in.checking import CHECKS, SKIPPED, calls, check, code_of, kernels, refused


@check
def a_device_answers(driver, late):  # noqa: ARG001
    from numba import cuda

    assert cuda.is_available()
    device = cuda.get_current_device()
    assert (device.name, tuple(device.compute_capability)) == ("stand-in", (9, 0))
    assert (device.MULTIPROCESSOR_COUNT, device.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) == (132, 227 << 10)


@check
def arrays_come_back_as_they_went(driver, late):  # noqa: ARG001
    from numba import cuda

    for dtype in (np.float32, np.float64):
        x = np.arange(60, dtype=dtype).reshape(6, 10)
        held = cuda.to_device(x)
        np.testing.assert_array_equal(held.copy_to_host(), x)
        np.testing.assert_array_equal(held[2:4].copy_to_host(), x[2:4])
        np.testing.assert_array_equal(held[1:, 3:5].copy_to_host(), x[1:, 3:5])
        held[2:3].copy_to_device(x[:1])
        np.testing.assert_array_equal(held.copy_to_host()[2], x[0])
        np.testing.assert_array_equal(cuda.to_device(np.asfortranarray(x)).copy_to_host(), x)
        copy = cuda.device_array_like(held)
        copy.copy_to_device(held)
        np.testing.assert_array_equal(copy.copy_to_host(), held.copy_to_host())
        assert cuda.to_device(np.empty((0, 4), dtype)).copy_to_host().shape == (0, 4)


@check
def copies_on_a_stream_land_late(driver, late):  # noqa: ARG001
    from numba import cuda

    stream = cuda.stream()
    x = np.arange(10.0)
    held = cuda.to_device(x, stream)
    x[:] = -1  # pageable memory was copied at the call
    back = np.full(10, -2.0)
    held.copy_to_host(back, stream)
    np.testing.assert_array_equal(back, np.full(10, -2.0) if late else np.arange(10.0))
    stream.synchronize()
    np.testing.assert_array_equal(back, np.arange(10.0))
    pinned = cuda.pinned_array(10)
    pinned[:] = 1
    held.copy_to_device(pinned, stream)
    pinned[:] = 2  # and pinned memory is read when the copy runs
    held.copy_to_host(back, stream)
    stream.synchronize()
    np.testing.assert_array_equal(back, np.full(10, 2.0 if late else 1.0))


@check
def only_what_is_waited_for_runs(driver, late):
    """Streams that do not block the default one go their own way; an event orders two; the default waits for others."""
    from numba import cuda

    held = cuda.device_array(4)
    own, other = (cuda.external_stream(int(calls().cuStreamCreate(1))) for _ in range(2))
    event = cuda.event()
    held.copy_to_device(np.ones(4), own)
    assert (driver.memory.unwritten(held.device_ctypes_pointer.value, 32) is not None) == late
    cuda.default_stream().synchronize()
    assert (driver.memory.unwritten(held.device_ctypes_pointer.value, 32) is not None) == late
    event.record(own)
    event.wait(other)
    back = np.zeros(4)
    held.copy_to_host(back, other)
    assert event.query() != late
    other.synchronize()
    np.testing.assert_array_equal(back, np.ones(4))
    assert event.query()
    later = cuda.event()
    later.record(other)
    while not later.query():
        pass
    assert cuda.event_elapsed_time(event, later) > 0
    blocking = cuda.stream()
    held.copy_to_device(np.full(4, 3.0), blocking)
    np.testing.assert_array_equal(held.copy_to_host(), np.full(4, 3.0))


@check
def memory_ends_and_is_freed_once(driver, late):  # noqa: ARG001
    from numba import cuda

    context = cuda.current_context()
    driver.memory.limit = 1 << 20
    free, total = context.get_memory_info()
    held = cuda.device_array(1000)
    assert (total, free - context.get_memory_info().free) == (1 << 20, 8000)
    refused("OUT_OF_MEMORY", cuda.device_array, 1 << 20)
    refused("INVALID_VALUE", calls().cuMemFree, held.device_ctypes_pointer.value + 256)
    refused("INVALID_VALUE", calls().cuMemcpyDtoH, np.empty(2000).ctypes.data, held.device_ctypes_pointer.value, 16000)
    base = int(calls().cuMemAlloc(100))
    calls().cuMemFree(base)
    refused("INVALID_VALUE", calls().cuMemFree, base)
    assert base % 256 == 0
    assert driver.memory.unwritten(base, 1) == base


@check
def arrays_of_other_libraries_are_read_where_they_lie(driver, late):  # noqa: ARG001
    from cuda.core import Buffer
    from numba import cuda

    held = cuda.to_device(np.arange(6.0))
    address = held.device_ctypes_pointer.value
    view = cuda.as_cuda_array(SimpleNamespace(__cuda_array_interface__=held.__cuda_array_interface__))
    assert view.device_ctypes_pointer.value == address
    np.testing.assert_array_equal(view[2:].copy_to_host(), np.arange(2.0, 6.0))
    buffer = Buffer.from_handle(address, 48)
    assert buffer.__dlpack_device__() == (2, 0)
    kernels().add[1, 64](buffer, 1)  # bytes, through DLPack
    assert (held.copy_to_host().view(np.uint8) == np.arange(6.0).view(np.uint8) + 1).all()


@check
def threads_have_contexts_of_their_own(driver, late):  # noqa: ARG001
    from numba import cuda

    held, seen = cuda.to_device(np.arange(6.0)), []
    thread = threading.Thread(target=lambda: seen.append(held.copy_to_host().sum()))
    thread.start()
    thread.join()
    assert seen == [15]
    code = []
    thread = threading.Thread(target=lambda: code.append(code_of(calls().cuCtxSynchronize)))
    thread.start()
    thread.join()
    assert code == ["CUDA_ERROR_INVALID_CONTEXT"]


def main(mode, names):
    """Each check in turn; the one after which nothing works any more is the last."""
    from tests.cuda.stand_in.driver import Unavailable, install

    try:
        driver = install(late=mode == "late")
    except Unavailable as reason:
        print(reason)  # noqa: T201 (why they are skipped)
        sys.exit(SKIPPED)
    limit = driver.memory.limit
    for name in sorted(names, key=lambda one: one.startswith("faults")):
        driver.memory.limit = limit
        try:
            CHECKS[name](driver, mode == "late")
        except Exception:
            print(f"{name}: {traceback.format_exc()}")  # noqa: T201 (what the test reads)
        else:
            print(f"{name}: well")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
