"""Every CUDA kernel as machine code, without a device: PTX by NVVM, and the registers and spills that ptxas reports.

    python -m benchmarks.device_code [--output device-code.csv]

The simulator runs what the compiler refuses, so the ordinary tests compile each kernel for the capabilities below; a
kernel that spills registers to memory fails them.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from benchmarks.device_code_kernels import Kernel, kernels

CAPABILITIES = ((8, 0), (9, 0))
#: The newest version of the PTX language that the assemblers in use read; what our kernels say is older.
LANGUAGE = "9.0"


class Code(NamedTuple):
    """What ptxas says of a kernel: registers a thread, bytes of shared memory, of stack and spilled; −1 unknown."""

    registers: int
    shared: int
    stack: int
    spilled: int


def ptx(kernel: Kernel, capability: tuple[int, int]) -> str:
    """The kernel in PTX; raises what Numba or NVVM raises where it does not compile."""
    from numba import cuda

    with without_a_device(capability):
        code, _ = cuda.compile_ptx(kernel.function, kernel.signature, cc=capability)
    return re.sub(r"^\.version \d+\.\d+", f".version {LANGUAGE}", code, flags=re.MULTILINE)


def assembled(code: str, capability: tuple[int, int], max_registers: int | None = None) -> Code | None:
    """What ptxas says of PTX, None where there is no ptxas; raises CalledProcessError where it refuses the code."""
    if shutil.which("ptxas") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(code)
        arguments = ["ptxas", "-v", f"-arch=sm_{capability[0]}{capability[1]}", str(source), "-o", f"{folder}/out"]
        if max_registers:
            arguments.append(f"-maxrregcount={max_registers}")
        told = subprocess.run(arguments, capture_output=True, text=True, check=True).stderr
    numbers = (r"Used (\d+) registers", r"(\d+) bytes smem", r"(\d+) bytes stack frame", r"(\d+) bytes spill stores")
    found = [[int(value) for value in re.findall(pattern, told)] for pattern in numbers]
    return Code(*(max(values, default=0) for values in found))


@contextmanager
def without_a_device(capability: tuple[int, int]) -> Iterator[None]:
    """Device functions are compiled for the capability of the current device; here there may be none."""
    from numba.cuda import dispatcher

    before = dispatcher.get_current_device
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=capability)
    try:
        yield
    finally:
        dispatcher.get_current_device = before


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=None, help="a CSV file, besides the screen")
    chosen = parser.parse_args(arguments)
    rows = []
    for kernel in kernels():
        for capability in CAPABILITIES:
            said = assembled(ptx(kernel, capability), capability, kernel.max_registers)
            told = said or Code(-1, -1, -1, -1)
            rows.append([kernel.name, f"{capability[0]}.{capability[1]}", kernel.threads, *told])
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["kernel", "capability", "threads", *Code._fields])
    writer.writerows(rows)
    sys.stdout.write(text.getvalue())
    if chosen.output:
        chosen.output.write_text(text.getvalue())


if __name__ == "__main__":
    main()
