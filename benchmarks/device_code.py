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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

CAPABILITIES = ((8, 0), (9, 0))
#: The newest version of the PTX language that the assemblers in use read; what our kernels say is older.
LANGUAGE = "9.0"


class Kernel(NamedTuple):
    """A kernel by name, as it is launched: its Python function, the types of its arguments, the threads of a block."""

    name: str
    function: Callable[..., Any]
    signature: tuple[Any, ...]
    threads: int
    max_registers: int | None = None


class Code(NamedTuple):
    """What ptxas says of a kernel: registers a thread, bytes of shared memory, of stack and spilled; −1 unknown."""

    registers: int
    shared: int
    stack: int
    spilled: int


def kernels() -> Iterator[Kernel]:
    """Every kernel of every engine, with the types with which the library launches it."""
    yield from search_kernels()
    yield from candidate_kernels()
    yield from tree_kernels()
    yield from pair_kernels()


def pair_kernels() -> Iterator[Kernel]:
    """Sums over pairs of points: distances and their kernels, in both widths where the library uses both."""
    from numba import types

    from estimators.kernels.cuda_pairs import SHIFTED, pairing
    from estimators.kernels.profiles import DISTANCE, GAUSSIAN, IMQ, LAPLACE
    from knn import device_rows

    i64, f64 = types.int64, types.float64
    names = {DISTANCE: "distance", GAUSSIAN: "gaussian", LAPLACE: "laplace", IMQ: "imq", SHIFTED: "parzen"}
    for dtype, f in ((np.dtype(np.float32), types.float32), (np.dtype(np.float64), f64)):
        side, each = device_rows.WIDE, device_rows.EACH[dtype]
        rows, numbers = f[:, ::1], f[::1]
        for kind, name in names.items():
            if kind == SHIFTED and f is not f64:
                continue  # Parzen windows are summed in float64 alone
            kernels = pairing(dtype, kind, side, each)
            yield _kernel(
                f"pairs {name} {dtype}", kernels.pairs, side * side,
                (rows, rows, rows, rows, *[numbers] * 5, f, types.boolean, i64, f64[:, ::1], f64[:, ::1]),
            )  # fmt: skip
    add = pairing(np.dtype(np.float32), DISTANCE, device_rows.WIDE, device_rows.EACH[np.dtype(np.float32)]).add
    yield _kernel("add columns", add, device_rows.THREADS, (f64[:, ::1], i64, types.boolean, f64[::1]))


def principal_kernels() -> Iterator[Kernel]:
    """Principal DCI's, of which only the first looks at rows of either width."""
    from numba import types

    from knn import device_rows
    from knn.kernels.cuda_principal import principal
    from knn.kernels.cuda_rank import ranking

    f32, f64, i32, i64 = types.float32[:, ::1], types.float64[:, ::1], types.int32, types.int64
    kernels, threads = principal(device_rows.THREADS), device_rows.THREADS
    numbers = types.float64[::1]
    for width, rows in (("float32", f32), ("float64", f64)):
        yield _kernel(f"reduce {width}", kernels.reduce, threads, (rows, numbers, types.float64, f64, f32, numbers))
        yield _kernel(
            f"rank chosen {width}", ranking(threads).rank, threads,
            (rows, rows, i32[::1], i64[:, :, ::1], i32[:, ::1], types.float64[:, :, ::1], f64, i64[:, ::1]),
        )  # fmt: skip
        yield _kernel(f"gather {width}", kernels.gather, threads, (rows, i64[::1], rows))
    for width, values in (("float64", f64), ("int64", i64[:, ::1])):
        yield _kernel(f"scatter {width}", kernels.scatter, threads, (values, i64[::1], values))
    yield _kernel(
        "prove", kernels.prove, threads,
        (f64, numbers, types.UniTuple(types.float64, 2), f64, numbers, *[types.float64] * 4, types.uint8[::1]),
    )  # fmt: skip
    yield from code_kernels()


def code_kernels() -> Iterator[Kernel]:
    """Those of bytes."""
    from numba import types

    from knn import device_rows
    from knn.kernels.cuda_codes import coding
    from knn.kernels.cuda_rank import ranking
    from knn.kernels.cuda_screen import screening

    i8, i32, f64, i64 = types.int8[:, ::1], types.int32, types.float64, types.int64
    words, buffers, flags = i32[:, ::1], i32[:, :, ::1], i32[::1]
    kind, side, threads = np.dtype(np.int32), device_rows.WIDE, device_rows.THREADS
    coded, rank = coding(threads), ranking(threads)
    scratch, answer = f64[:, :, ::1], (f64[:, ::1], i64[:, ::1])
    screen, values = screening(kind, side, device_rows.EACH[kind]), types.float32[:, ::1]
    told = (words, flags, words, f64[:, ::1], i64, flags, buffers, buffers, words)
    yield _kernel("screen codes", screen, side * side, told)
    yield _kernel("encode", coded.encode, threads, (values, f64, types.uint8[::1], words, flags, f64[::1]))
    yield _kernel("merge", coded.merge, threads, (buffers, buffers, words, i64, i64, flags, buffers, words))
    yield _kernel("rank codes", rank.rank, threads, (i8, i8, flags, buffers, words, scratch, *answer))
    yield _kernel("settle codes", rank.settle, threads, (i8, types.uint8[::1], i8, flags, buffers, scratch, *answer))


def tree_kernels() -> Iterator[Kernel]:
    """The k-d tree's, in both widths."""
    from numba import types

    from knn import device_rows, device_tree
    from knn.kernels.cuda_order import ordering
    from knn.kernels.cuda_tree import walking

    i32, i64, f64, ints = types.int32, types.int64, types.float64, types.int32[::1]
    walk, order, threads = walking(device_tree.WALKERS, device_tree.ROOM), ordering(), device_rows.THREADS
    for width, f in (("float32", types.float32), ("float64", f64)):
        rows = f[:, ::1]
        tree = types.Tuple((rows, ints, f[:, :, ::1], i32[:, ::1], i64[:, ::1]))
        told = (tree, rows, ints, f64[:, ::1], i64[:, ::1], i64[::1])
        for name, kernel in (("few", walk.few), ("many", walk.many)):
            yield _kernel(f"walk for {name} {width}", kernel, walk.threads, told)
        yield _kernel(f"count {width}", order.count, threads, (rows, i64[::1], rows, i64, ints, ints))
    yield _kernel("starts", order.starts, 1, (ints,))
    yield _kernel("line up", order.line_up, threads, (ints, ints, ints))


def candidate_kernels() -> Iterator[Kernel]:
    """DCI's, Prioritized DCI's and LSH's, in both widths where rows or keys are looked at."""
    from numba import types

    from knn import device_candidates, device_projections
    from knn.kernels.cuda_bounded import bounded
    from knn.kernels.cuda_lsh import hashing
    from knn.kernels.cuda_projections import projecting

    i32, i64, f64, floats = types.int32, types.int64, types.float64, types.float64[:, ::1]
    many, few, ahead = device_candidates.THREADS, device_candidates.FEW_THREADS, device_candidates.AHEAD
    each, digit = device_projections.EACH, device_projections.DIGIT
    told = (floats, i64[:, ::1], i64[::1], types.boolean[::1])
    scratch = (floats, i32[:, ::1])
    hashed = hashing(few, ahead)
    for dtype, f, whole in ((np.dtype(np.float32), types.float32, i32), (np.dtype(np.float64), f64, i64)):
        rows, lists, marks = f[:, ::1], f[:, :, ::1], types.uint8[::1]
        kernels = projecting(dtype, few, each, digit)
        yield _kernel(f"project {dtype}", kernels.project, few, (rows, floats, lists))
        yield _kernel(f"margins {dtype}", kernels.margins, few, (rows, *[f64] * 4, floats, lists))
        yield _kernel(f"mark {dtype}", kernels.mark, few, (lists, marks, lists, lists, rows))
        select = projecting(dtype, many, each, digit).select
        yield _kernel(f"select {dtype}", select, many, (whole[:, ::1], i64, whole[:, ::1]))
        yield _kernel(f"visit {dtype}", kernels.visit, few, (rows, lists, i64, i64, lists))
        yield _kernel(
            f"bounded {dtype}", bounded(dtype, many, ahead), many,
            (rows, rows, rows, floats, lists, i64, *scratch, *told),
        )  # fmt: skip
        numbers = (f64, f64[::1], i64[::1], f64, i64[:, ::1])
        yield _kernel(f"hash {dtype}", hashed.hash, few, (rows, floats, *numbers))
        buckets = types.uint64[:, ::1]
        yield _kernel(
            f"collide {dtype}", hashed.collide, few,
            (rows, rows, buckets, i32[:, ::1], buckets, i64, i64, *scratch, *told),
        )  # fmt: skip


def search_kernels() -> Iterator[Kernel]:
    """Exact search, in both widths."""
    from numba import types

    from knn import device_rows
    from knn.kernels.cuda_rank import ranking
    from knn.kernels.cuda_rows import taking
    from knn.kernels.cuda_screen import screening

    i32, i64, f64, u8 = types.int32, types.int64, types.float64, types.uint8
    ints, floats = i32[::1], f64[:, ::1]
    for dtype, f in ((np.dtype(np.float32), types.float32), (np.dtype(np.float64), f64)):
        side, each = device_rows.WIDE, device_rows.EACH[dtype]
        rows = f[:, ::1]
        yield _kernel(
            f"screen {dtype}", screening(dtype, side, each), side * side,
            (rows, f[::1], rows, floats, i64, ints, f[:, :, ::1], i32[:, :, ::1], i32[:, ::1]),
        )  # fmt: skip
        take = taking(dtype, device_rows.THREADS)
        yield _kernel(
            f"take in {dtype}", take.points, take.threads,
            (rows, u8[::1], f[::1], f, types.boolean, f64, rows, f[::1], f64[::1], i64[::1]),
        )  # fmt: skip
        yield _kernel(
            f"take queries {dtype}", take.queries, take.threads,
            (rows, f[::1], f, f64[::1], f64, rows, floats, ints),
        )  # fmt: skip
        yield _kernel(f"sample {dtype}", take.every, take.threads, (rows, i64, rows))
        rank = ranking(device_rows.THREADS)
        buffers = (i32[:, :, ::1], f64[:, :, ::1])
        yield _kernel(
            f"rank {dtype}", rank.rank, rank.threads,
            (rows, rows, ints, buffers[0], i32[:, ::1], buffers[1], floats, i64[:, ::1]),
        )  # fmt: skip
        yield _kernel(
            f"settle {dtype}", rank.settle, rank.threads,
            (rows, u8[::1], rows, ints, *buffers, floats, i64[:, ::1]),
        )  # fmt: skip
    yield from principal_kernels()
    rank = ranking(device_rows.THREADS)
    yield _kernel("tell", rank.tell, rank.threads, (i64[:, ::1], i32[:, ::1]))
    yield _kernel("full", rank.full, rank.threads, (i64[:, ::1], types.boolean[::1]))
    yield _kernel("name", rank.name, rank.threads, (i64[::1], i64[:, ::1]))


def _kernel(name: str, dispatcher: Any, threads: int, signature: tuple[Any, ...]) -> Kernel:
    return Kernel(name, dispatcher.py_func, signature, threads, dispatcher.targetoptions.get("max_registers"))


def ptx(kernel: Kernel, capability: tuple[int, int]) -> str:
    """The kernel in PTX; raises what Numba or NVVM raises where it does not compile."""
    from numba import cuda

    with _without_a_device(capability):
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
def _without_a_device(capability: tuple[int, int]) -> Iterator[None]:
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
