"""Every CUDA kernel compiles, without a device, for the capabilities that are served, and spills no register.

In a process of its own, since Numba's compiler for devices and its simulator exclude each other.
"""

import subprocess
import sys

import pytest
from numba import config

from benchmarks import device_code


@pytest.mark.skipif(config.ENABLE_CUDASIM, reason="the simulator has no compiler: run without NUMBA_ENABLE_CUDASIM")
@pytest.mark.parametrize("capability", device_code.CAPABILITIES, ids=lambda c: f"{c[0]}.{c[1]}")
@pytest.mark.parametrize("kernel", [] if config.ENABLE_CUDASIM else list(device_code.kernels()), ids=lambda k: k.name)
def test_every_kernel_compiles_and_spills_nothing(kernel, capability):
    code = device_code.ptx(kernel, capability)
    assert f".target sm_{capability[0]}{capability[1]}" in code
    assert ".visible .entry" in code
    said = device_code.assembled(code, capability, kernel.max_registers)
    if said is not None:  # where there is no ptxas, the compiler alone has spoken
        assert said.spilled == said.stack == 0
        # A multiprocessor has 65536 registers, and gives them out by 8 a thread.
        assert -(-said.registers // 8) * 8 * kernel.threads <= 65536


def test_what_offers_devices_loads_no_compiler_for_them():
    code = "import sys, knn.exact, knn.kernels.engine; assert 'numba.cuda' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
