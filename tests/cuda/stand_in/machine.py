"""Kernels from PTX, run on the host: each thread in turn, every access checked.

    module = Module(ptx)
    module.kernels[name].launch(grid, block, dynamic_shared, parameters, memory)

What a device would do wrong in silence raises `Fault` here: an access outside what is allocated, not aligned or of what
nobody wrote; threads that part at a barrier, or wait for ever. Threads and blocks run one after another, forwards,
backwards or shuffled (`ORDER`), so that what depends on who comes first shows. Two things are not a device's: an
approximate function (ex2.approx) is the host's, which is nearer, and a product and a sum that name no rounding are two
operations, where a device's assembler may make them one (`flow.contractible` finds those).
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import llvmlite.binding as binding
import numpy as np

from tests.cuda.stand_in.function import ENVIRONMENT, FAULT_ADDRESS, FAULT_LINE, Function
from tests.cuda.stand_in.memory import Memory
from tests.cuda.stand_in.ptx import Entry, Program, read

SOURCE = Path(__file__).with_name("machine.c")
#: The order of threads and of blocks: "forwards", "backwards", "shuffled", or the seed of a shuffle.
ORDER = "forwards"
_FINISHED, _ACCESS, _PARTED, _STUCK = range(4)
_SIZE, _THREAD, _SHARED_SIZE, _SHARED_SHADOW = 112, 84, 96, 104
#: Between the arrays of a block, so that one that is overrun does not reach the next.
_GAP = 64


class Unavailable(Exception):
    """There is no C compiler here, which the stand-in needs."""


class Fault(Exception):
    """What a kernel did that a device does not allow."""

    def __init__(self, kernel: str, message: str):
        super().__init__(f"{spoken(kernel)}: {message}")


def spoken(name: str) -> str:
    """The Python name within a mangled one: knn.kernels.cuda_rows.taking.points of _ZN3knn7kernels9cuda_rows…"""
    parts, rest = [], name.removeprefix("_ZN")
    while found := re.match(r"\d+", rest):
        start, stop = found.end(), found.end() + int(found[0])
        parts.append(rest[start:stop])
        rest = rest[stop:]
    return ".".join(part for part in parts if "locals" not in part) or name


class Module:
    """The kernels of a PTX text, by name; raises NotImplementedError with the line of what is not known."""

    def __init__(self, ptx: str):
        program = read(ptx)
        self.kernels = {name: Kernel(entry, program, ptx) for name, entry in program.entries.items()}


class Kernel:
    """A kernel that is compiled when it is first launched."""

    #: A block's threads at most.
    threads = 1024

    def __init__(self, entry: Entry, program: Program, ptx: str):
        self.name, self._entry, self._text = entry.name, entry, ptx
        self.parameters = [(size, alignment) for _, size, alignment in entry.parameters]
        self._offsets, self._extents, at, own = {}, [], 0, 0
        for name, (size, alignment) in program.shared.items():
            at += -at % max(alignment, 16)
            self._offsets[name] = at
            self._extents.append((at, size))
            at += size + _GAP
            own += -own % alignment + size
        self._static, self.shared_bytes = at, own
        self._dynamic = next((name for name, (size, _) in program.shared.items() if size == 0), None)

    @functools.cached_property
    def _function(self) -> tuple[int, int]:
        """The address of the kernel's function, and the bytes of a thread's frame."""
        function = Function(self._entry, self._offsets)
        return _compiled(function.text), function.frame_size

    def launch(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        dynamic_shared: int,
        parameters: list[bytes],
        memory: Memory,
    ) -> None:
        """Every block of the grid; raises Fault at the first that a device would not allow."""
        step, frame_size = self._function
        n_threads, n_blocks = int(np.prod(block)), int(np.prod(grid))
        packed = bytearray()
        for value, (size, alignment) in zip(parameters, self.parameters, strict=True):
            packed += bytes(-len(packed) % alignment) + value[:size]
        values = np.frombuffer(bytes(packed) + bytes(16), np.uint8)
        extents = list(self._extents)
        if self._dynamic is not None:
            extents[list(self._offsets).index(self._dynamic)] = (self._static, dynamic_shared)
        room = self._static + dynamic_shared + _GAP
        shadow = np.zeros(room, np.uint8)
        for at, size in extents:
            shadow[at : at + size] = 1
        shared = memory.allocate(room, pinned=True)  # counts against no limit; each block finds it unwritten
        environment = np.zeros(_SIZE, np.uint8)

        def put(at: int, kind: type, numbers) -> None:
            numbers = np.atleast_1d(np.asarray(numbers, kind))
            environment[at : at + numbers.nbytes] = numbers.view(np.uint8)

        put(0, np.int64, [values.ctypes.data, shared, memory.base, memory.size, memory.shadow - memory.base])
        put(ENVIRONMENT["nctaid"], np.int32, [*grid, *block])
        put(_SHARED_SIZE, np.int64, [room, shadow.ctypes.data])
        frames = np.zeros(n_threads * frame_size + 64, np.uint8)
        threads, blocks = _order(n_threads, np.int32), _order(n_blocks, np.int64)
        try:
            ended = _machine()(
                step,
                frames.ctypes.data,
                frame_size,
                threads.ctypes.data,
                blocks.ctypes.data,
                n_blocks,
                environment.ctypes.data,
            )
            if ended != _FINISHED:
                raise Fault(self.name, self._told(ended, environment, memory, shared, room))
        finally:
            memory.free(shared)

    def _told(self, ended, environment, memory, shared, room) -> str:
        line, thread = (int(environment[at : at + 4].view(np.int32)[0]) for at in (FAULT_LINE, _THREAD))
        address = int(environment[FAULT_ADDRESS : FAULT_ADDRESS + 8].view(np.int64)[0])
        place = environment[ENVIRONMENT["ctaid"] : ENVIRONMENT["ctaid"] + 12].view(np.int32).tolist()
        who = f"thread {thread} of block {tuple(place)}"
        if ended != _ACCESS:
            return f"{who} waits for others that never come" if ended == _STUCK else f"{who} parted from its warp"
        if shared <= address < shared + room:
            where = f"byte {address - shared} of the block's {room}"
        elif memory.holds(address, 1):
            base, size = memory.extent(address)
            where = f"byte {address - base} of {size} allocated, aligned {address & -address}"
        else:
            where = f"nothing is allocated at {address:#x}"
        return f"{who}, line {line}, `{self._text.splitlines()[line - 1].strip()}`: {where}"


def _order(n: int, kind: type) -> np.ndarray:
    if ORDER in ("forwards", "backwards"):
        return np.ascontiguousarray(np.arange(n, dtype=kind)[:: 1 if ORDER == "forwards" else -1])
    seed = 0 if ORDER == "shuffled" else int(ORDER)
    return np.random.default_rng(seed).permutation(n).astype(kind)


_ENGINES: list[binding.ExecutionEngine] = []


@functools.cache
def _target() -> binding.TargetMachine:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=0
    )


def _compiled(text: str) -> int:
    """The address of the function `step` of a text; the engine that holds it lives as long as the process."""
    module = binding.parse_assembly(_declared(text))
    module.verify()
    builder = binding.create_pass_builder(_target(), binding.create_pipeline_tuning_options(speed_level=0))
    passes = binding.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.run(module, builder)
    engine = binding.create_mcjit_compiler(module, _target())
    engine.finalize_object()
    _ENGINES.append(engine)
    return engine.get_function_address("step")


def _declared(text: str) -> str:
    """With declarations of the intrinsic functions that it calls."""
    found = {}
    for result, name, arguments in re.findall(r"call (\w+) @(llvm\.[\w.]+)\(([^)]*)\)", text):
        kinds = ", ".join(part.split()[0] for part in arguments.split(","))
        found[name] = f"declare {result} @{name}({kinds})"
    return "\n".join([*found.values(), text])


def built(source: Path, *options: str) -> Path:
    """The shared library of a C file, compiled once for each content; raises Unavailable without a compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise Unavailable("the stand-in for a device needs a C compiler (cc), and none is on the path")
    tag = hashlib.sha256(source.read_bytes() + repr(options).encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"implicitbench-stand-in-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    library = folder / f"{source.stem}-{tag}.so"
    if not library.exists():
        own = folder / f"{library.name}.{os.getpid()}"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", str(source), *options, "-o", str(own)], check=True)
        own.replace(library)
    return library


@functools.cache
def library() -> ctypes.CDLL:
    """machine.c, compiled."""
    return ctypes.CDLL(str(built(SOURCE, "-lm")))


@functools.cache
def _machine():
    run = library().stand_in_run
    pointer = ctypes.c_void_p
    run.argtypes = [pointer, pointer, ctypes.c_int64, pointer, pointer, ctypes.c_int64, pointer]
    return run
