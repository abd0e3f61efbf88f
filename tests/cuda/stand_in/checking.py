"""What checks of the stand-in share: their list, kernels, and how a refusal looks."""

from types import SimpleNamespace

import pytest

CHECKS = {}
SKIPPED = 77


def check(function):
    CHECKS[function.__name__] = function
    return function


def refused(error, call, *arguments):
    """The driver answers a call with this error, which Numba raises."""
    from numba.cuda.cudadrv.driver import CudaAPIError

    with pytest.raises(CudaAPIError) as caught:
        call(*arguments)
    assert caught.value.code.name == f"CUDA_ERROR_{error}"


def calls():
    """The driver's functions, as Numba calls them."""
    from numba.cuda.cudadrv.driver import driver

    return driver


def kernels():
    """One that adds a number to an array, and one that writes far beyond it."""
    from numba import cuda

    @cuda.jit
    def add(x, v):
        i = cuda.grid(1)
        if i < x.size:
            x[i] += v

    @cuda.jit
    def beyond(x):
        x[x.size + 1000 * cuda.grid(1)] = 1

    return SimpleNamespace(add=add, beyond=beyond)


def refused_by_core(error, launch, *arguments):
    """cuda.core, which starts kernels for Numba, says what the driver refused."""
    from cuda.core._utils.cuda_utils import CUDAError

    with pytest.raises(CUDAError, match=f"CUDA_ERROR_{error}"):
        launch(*arguments)


def code_of(call):
    """The name of the error that the driver gives."""
    from numba.cuda.cudadrv.driver import CudaAPIError

    with pytest.raises(CudaAPIError) as caught:
        call()
    return caught.value.code.name
