"""What is asked of launches, faults and graphs over the stand-in."""

import numpy as np

from tests.cuda.stand_in.checking import calls, check, code_of, kernels, refused, refused_by_core


@check
def kernels_run_in_their_streams_order(driver, late):
    from numba import cuda

    stream, add = cuda.stream(), kernels().add
    held = cuda.to_device(np.zeros(100), stream)
    add[1, 128, stream](held, 1.5)
    back = np.full(100, -1.0)
    held.copy_to_host(back, stream)
    assert (back == (-1 if late else 1.5)).all()
    stream.synchronize()
    assert (back == 1.5).all()
    assert driver.faults == []


@check
def launches_beyond_the_device_are_refused(driver, late):  # noqa: ARG001
    from numba import cuda

    held, add = cuda.to_device(np.zeros(8)), kernels().add
    add[1, 8, 0, 48 << 10](held, 1.0)
    for launch in (add[1, 1025], add[1, (1, 1, 65)], add[(1, 65536), 1], add[1, 8, 0, (48 << 10) + 8]):
        refused_by_core("INVALID_VALUE", launch, held, 1.0)
    (kernel,) = add.overloads.values()
    handle = int(kernel._codelibrary.get_cufunc().handle)
    from cuda.bindings.driver import CUfunction_attribute

    most = CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    refused("INVALID_VALUE", calls().cuKernelSetAttribute, most, (227 << 10) + 1, handle, 0)
    calls().cuKernelSetAttribute(most, 227 << 10, handle, 0)
    add[1, 8, 0, 227 << 10](held, 1.0)
    assert (held.copy_to_host() == 2).all()
    assert driver.faults == []


@check
def faults_show_where_somebody_waits_and_stay(driver, late):
    from numba import cuda

    held, beyond = cuda.to_device(np.zeros(8)), kernels().beyond
    if late:
        beyond[1, 2](held)
        refused("ILLEGAL_ADDRESS", cuda.synchronize)
    else:
        refused_by_core("ILLEGAL_ADDRESS", beyond[1, 2], held)
    refused("ILLEGAL_ADDRESS", held.copy_to_host)
    (fault,) = driver.faults
    assert "beyond" in str(fault)


@check
def graphs_repeat_what_was_captured(driver, late):  # noqa: ARG001
    from cuda.bindings.driver import CUstreamCaptureMode
    from numba import cuda

    strict, add = CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL, kernels().add
    held, stream, other = cuda.to_device(np.zeros(10)), cuda.stream(), cuda.stream()
    add[1, 32](held, 0.0)
    cuda.synchronize()
    handle, fork, join = int(stream.handle), cuda.event(), cuda.event()
    waits = (stream.synchronize, cuda.synchronize, lambda: held[:1].copy_to_host())
    for forbidden in (*waits, lambda: cuda.device_array(4)):
        calls().cuStreamBeginCapture(handle, strict)
        assert code_of(forbidden) in ("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT")
        refused("STREAM_CAPTURE_INVALIDATED", calls().cuStreamEndCapture, handle)
    for joins in (False, True):
        calls().cuStreamBeginCapture(handle, strict)
        add[1, 32, stream](held, 1.0)
        fork.record(stream)
        fork.wait(other)
        add[1, 32, other](held, 10.0)
        if joins:
            join.record(other)
            join.wait(stream)
            add[1, 32, stream](held, 100.0)
            graph = calls().cuStreamEndCapture(handle)
        else:
            refused("STREAM_CAPTURE_UNJOINED", calls().cuStreamEndCapture, handle)
    assert (held.copy_to_host() == 0).all()
    repeated = calls().cuGraphInstantiate(graph, 0)
    for _ in range(3):
        calls().cuGraphLaunch(repeated, handle)
    calls().cuGraphExecDestroy(repeated)
    calls().cuGraphDestroy(graph)
    assert (held.copy_to_host() == 333).all()
