"""Every CUDA kernel compiles, without a device, for the capabilities that are served, and spills no register there.

In a process of its own, since Numba's compiler for devices and its simulator exclude each other.
"""

import os
import shutil
import subprocess
import sys

import pytest
from numba import config

from benchmarks import device_code
from tests.cuda.stand_in.flow import contractible
from tests.cuda.stand_in.ptx import read

needs_a_compiler = pytest.mark.skipif(
    config.ENABLE_CUDASIM, reason="the simulator has no compiler: run without NUMBA_ENABLE_CUDASIM"
)
#: The oldest always: what compiles for it, compiles for later ones. Whether they spill is another question, which the
#: deep tier asks, since code for each takes half a minute.
capabilities = pytest.mark.parametrize(
    "capability",
    [
        pytest.param(c, marks=() if c == min(device_code.CAPABILITIES) else pytest.mark.deep)
        for c in device_code.CAPABILITIES
    ],
    ids=lambda c: f"{c[0]}.{c[1]}",
)
#: Of two widths of points and queries one case is compiled always, the other in the deep tier.
kernels = pytest.mark.parametrize(
    "kernel",
    [
        pytest.param(k, marks=pytest.mark.deep if k.name.endswith("float64 with float32 queries") else ())
        for k in ([] if config.ENABLE_CUDASIM else device_code.kernels())
    ],
    ids=lambda k: k.name,
)


@pytest.fixture(scope="session")
def ptx(tmp_path_factory):
    """A kernel's code, compiled by the worker that asks first and read by the others."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder

    def compiled(kernel, capability):
        at = folder / f"{kernel.name} {capability}.ptx"
        if not at.exists():
            own = folder / f"{kernel.name} {capability}.{os.getpid()}"
            own.write_text(device_code.ptx(kernel, capability))
            own.replace(at)
        return at.read_text()

    return compiled


@needs_a_compiler
@capabilities
@kernels
def test_every_kernel_compiles(kernel, capability, ptx):
    code = ptx(kernel, capability)
    assert f".target sm_{capability[0]}{capability[1]}" in code
    assert ".visible .entry" in code


@needs_a_compiler
@pytest.mark.skipif(shutil.which("ptxas") is None, reason="registers are ptxas's to tell, and none is on the path")
@capabilities
@kernels
def test_every_kernel_spills_nothing(kernel, capability, ptx):
    said = device_code.assembled(ptx(kernel, capability), capability, kernel.max_registers)
    assert said.spilled == said.stack == 0
    # A multiprocessor has 65536 registers, and gives them out by 8 a thread.
    assert -(-said.registers // 8) * 8 * kernel.threads <= 65536


@needs_a_compiler
@pytest.mark.parametrize(
    "name",
    ["rank", "settle", "merge", "project", "margins", "bounded", "hash", "collide", "walk", "look", "keep"],
)
def test_what_promises_the_bits_of_the_host_contracts_no_product(name, ptx):
    """The compiler may round a product and a sum once, and so may the assembler where neither names its rounding.

    The host rounds both, and the simulator cannot tell.
    """
    chosen = [kernel for kernel in device_code.kernels() if kernel.name.split()[0] == name]
    assert chosen
    for kernel in chosen:
        code = ptx(kernel, min(device_code.CAPABILITIES))
        assert "fma.rn" not in code, kernel.name
        assert not any(contractible(entry) for entry in read(code).entries.values()), kernel.name


@needs_a_compiler
@pytest.mark.parametrize("name", ["screen halves", "screen codes"])
def test_matrices_are_multiplied_by_one_instruction_and_read_sixteen_bytes_at_a_time(name, ptx):
    """A warp multiplies 64 rows by 32 of 16 words: 4 by 4 products of 8 words, twice."""
    (chosen,) = (kernel for kernel in device_code.kernels() if kernel.name == name)
    code = ptx(chosen, min(device_code.CAPABILITIES))
    assert code.count("mma.sync.aligned") == 32
    assert code.count("ld.shared.v4") == 12
    assert code.count("cp.async.ca.shared.global") == 2 * 16  # before the first tile, and within the loop


@needs_a_compiler
def test_products_of_bytes_are_one_instruction(ptx):
    chosen = [kernel for kernel in device_code.kernels() if kernel.name == "screen codes by threads"]
    each = 64  # products that a thread holds, each of which gains four at a time
    code = ptx(*chosen, min(device_code.CAPABILITIES))
    assert code.count("dp4a.s32.s32") >= each


def test_what_offers_devices_loads_no_compiler_for_them():
    code = "import sys, knn.exact, knn.kernels.engine; assert 'numba.cuda' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
