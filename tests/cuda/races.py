"""What barriers have to order, seen in Numba's simulator: who touched which number between two of them.

A device promises no order among a block's threads but by barriers, and none among blocks. So a run is watched for

* *race*: between two barriers two threads of a block touch the same number, one of them writes, not both by atomics;
* *blocks*: the same of two blocks of a launch, at any time;
* *divergence*: threads wait at barriers of different lines, or one has ended where another waits (raises Diverged);
* *unwritten*: a read of shared or local memory that nothing has written;
* *bounds*: an index below 0, which Numba takes from the end, or beyond the last.

What counts is what threads do between barriers and not who comes first, so that a race is told in whatever order they
run; which way they go may depend on that order all the same, hence `Watch.order`. Nothing is assumed of warps. A number
is told by its address, so that views of one memory are one. Numba's simulator lets all threads of a block run; here one
runs at a time, up to its next barrier.
"""

from __future__ import annotations

import sys
import threading
from collections import defaultdict
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numba import cuda, types
from numba.cuda.simulator import kernel, kernelapi
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray, FakeWithinKernelCUDAArray
from numba.np.numpy_support import as_dtype

READ, WRITE, ATOMIC = "read", "written", "changed by an atomic"
#: The byte of which memory is made that nothing has written yet: 10¹⁶ as float32, 10¹²⁸ as float64, 10⁹ as int32.
POISON = 0x5A


class Watch:
    """What was found, as (what, line, other line or None) with lines as (file, number), and how threads take turns."""

    def __init__(self, order: str = "forward", without: tuple[str, int] | None = None):
        """`order` is "forward", "backward" or "mixed"; barriers on the line `without` are passed as if not there."""
        self.order, self.without = order, without
        self.found, self.barriers, self.kernels = set(), set(), set()
        self._random, self._launch = np.random.default_rng(0), None

    def turns(self, threads):
        if self.order == "backward":
            return threads[::-1]
        return [threads[i] for i in self._random.permutation(len(threads))] if self.order == "mixed" else threads

    def of_launch(self, context):
        """Who touched what in global memory during the launch of this context: {address: {(block, kind): line}}."""
        if self._launch is None or self._launch[0] is not context:
            self._launch = context, defaultdict(dict)
        return self._launch[1]

    def compare(self, what, touched):
        """Finds pairs of accesses to one number of which one writes; touched is {(who, kind): line}."""
        if len(touched) < 2 or all(kind == READ for _, kind in touched):
            return
        for ((one, kind), line), ((other, second), another) in combinations(touched.items(), 2):
            if one != other and {kind, second} not in ({READ}, {ATOMIC}):
                self.found.add((what, *sorted((line, another))))


class Words:
    """An array as kernels see it, which tells its watch who touches which of its numbers."""

    def __init__(self, values, watch, place, written=None):
        self.values, self._watch, self._place, self._written = values, watch, place, written
        self.shape, self.dtype, self.ndim, self.size = values.shape, values.dtype, values.ndim, values.size
        self._start, self._strides = values.__array_interface__["data"][0], values.strides

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, index):
        value = self.values[index]
        if isinstance(value, np.ndarray):
            self._check(index, sys._getframe(1))
            return Words(value, self._watch, self._place, self._written)
        self.touch(index, READ, sys._getframe(1))
        return value

    def __setitem__(self, index, value):
        self.touch(index, WRITE, sys._getframe(1))
        self.values[index] = value

    def touch(self, index, kind, frame):
        index = index if isinstance(index, tuple) else (index,)
        self._check(index, frame)
        address = self._start + sum(int(i) * stride for i, stride in zip(index, self._strides, strict=True))
        if self._written is not None:
            if kind != READ:
                self._written.add(address)
            if kind != WRITE and address not in self._written:
                self._watch.found.add(("unwritten", _line(frame), None))
        if self._place != "local":
            thread = threading.current_thread()
            block = thread.block
            (block.globally if self._place == "global" else block.shared_words)[address].setdefault(
                (thread.thread_id, kind), _line(frame)
            )

    def _check(self, index, frame):
        for i, extent in zip(index if isinstance(index, tuple) else (index,), self.shape, strict=False):
            if not isinstance(i, slice) and not 0 <= i < extent:
                self._watch.found.add(("bounds", _line(frame), None))


def _line(frame):
    return Path(frame.f_code.co_filename).name, frame.f_lineno


def _seen(argument, watch):
    """An argument of a kernel as its threads see it."""
    if isinstance(argument, tuple):
        return tuple(_seen(part, watch) for part in argument)
    if isinstance(argument, FakeWithinKernelCUDAArray):
        argument = argument.__dict__["_item"]
    return Words(argument._ary, watch, "global") if isinstance(argument, FakeCUDAArray) else argument


class Diverged(Exception):
    """Threads of a block wait for each other at different places: on a device, for ever or with any outcome."""


class _Ended(BaseException):
    """Ends a thread whose block has failed."""


class _Thread(threading.Thread):
    def __init__(self, block, run, number, thread, place):
        super().__init__(daemon=True)
        self.block, self._call, self.thread_id = block, run, number
        self.threadIdx, self.blockIdx = kernelapi.Dim3(*thread), kernelapi.Dim3(*place)
        self.go, self.waits_at, self.vote, self.error, self.ended = threading.Semaphore(0), None, None, None, False

    def run(self):
        self.go.acquire()
        if self.block.failed:  # before it has begun
            return
        try:
            self._call()
        except _Ended:
            pass
        except BaseException as error:
            self.error = error
        self.ended = True
        self.block.turn_over.release()

    def syncthreads(self, vote=None):
        """Whether it was waited for the others."""
        frame = sys._getframe(1)
        while frame.f_code.co_filename == kernelapi.__file__ or frame.f_code.co_filename == __file__:
            frame = frame.f_back
        line = _line(frame)
        watch = self.block.watch
        watch.barriers.add(line)
        if line == watch.without:
            return False
        self.waits_at, self.vote = line, vote
        self.block.turn_over.release()
        self.go.acquire()
        if self.block.failed:
            raise _Ended
        return True

    def _votes(self, vote):
        """Those of all threads, or where the barrier is left out its own alone."""
        return self.block.votes if self.syncthreads(bool(vote)) else [bool(vote)]

    def syncthreads_count(self, vote):
        return sum(self._votes(vote))

    def syncthreads_and(self, vote):
        return int(all(self._votes(vote)))

    def syncthreads_or(self, vote):
        return int(any(self._votes(vote)))


class _Block:
    """In the place of the simulator's BlockManager."""

    def __init__(self, watch, function, block_dim):
        self.watch, self._function, self._extent = watch, function, block_dim
        self.turn_over, self.failed, self.votes = threading.Semaphore(0), False, []
        self.shared = {}
        self.shared_words, self.globally = defaultdict(dict), defaultdict(dict)

    def run(self, place, *arguments):
        arguments = [_seen(argument, self.watch) for argument in arguments]
        self.watch.kernels.add(self._function.__qualname__)
        x, y, z = self._extent
        threads = [
            _Thread(self, lambda: self._function(*arguments), (c * y + b) * x + a, (a, b, c), place)
            for c in range(z) for b in range(y) for a in range(x)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        whole = self.watch.of_launch(kernel._get_kernel_context())
        while threads:
            for thread in self.watch.turns(threads):
                thread.go.release()
                self.turn_over.acquire()
                if thread.error:
                    self._end(threads)
                    raise thread.error
            left = [thread for thread in threads if not thread.ended]
            lines = {thread.waits_at for thread in left}
            if len(lines) > 1 or 0 < len(left) < len(threads):
                self.watch.found.add(("divergence", *sorted(lines)[:2], *[None] * (2 - len(lines))))
                self._end(left)
                raise Diverged(f"of {len(threads)} threads {len(left)} wait, at {sorted(lines)}")
            self.votes = [thread.vote for thread in left]
            self._settle(place, whole)
            threads = left

    def _end(self, threads):
        self.failed = True
        for thread in threads:
            thread.go.release()

    def _settle(self, place, whole):
        """All have come to a barrier or to their end."""
        for touched in self.shared_words.values():
            self.watch.compare("race", touched)
        for address, touched in self.globally.items():
            self.watch.compare("race", touched)
            for (_, kind), line in touched.items():
                whole[address].setdefault((place, kind), line)
            self.watch.compare("blocks", whole[address])
        self.shared_words.clear()
        self.globally.clear()


@contextmanager
def watched(order="forward", without=None):
    """Kernels that are launched inside run as `Watch` says, which is what it gives."""
    watch = Watch(order, without)

    def block(function, grid, extent, debug):  # noqa: ARG001 (the simulator's call)
        return _Block(watch, function, extent)

    def shared(_, shape, dtype, alignment=None):
        assert alignment is None, "the simulator knows no alignment"
        arrays, line = threading.current_thread().block.shared, _line(sys._getframe(1))
        if line not in arrays:
            arrays[line] = Words(_poisoned(shape, dtype), watch, "shared", set())
        return arrays[line]

    def local(_, shape, dtype, alignment=None):
        assert alignment is None, "the simulator knows no alignment"
        return Words(_poisoned(shape, dtype), watch, "local", set())

    def atomic(change):
        def changed(self, array, index, value):
            array.touch(index, ATOMIC, sys._getframe(1))
            return change(self, array.values, index, value)

        return changed

    def device_array(shape, dtype=np.float64, **options):
        made = given(shape, dtype, **options)
        made._ary.view(np.uint8).fill(POISON) if made.size else None
        return made

    given = cuda.device_array
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BlockManager", block)
        patch.setattr(kernelapi.FakeCUDAShared, "array", shared)
        patch.setattr(kernelapi.FakeCUDALocal, "array", local)
        for name in ("add", "max", "min"):
            patch.setattr(kernelapi.FakeCUDAAtomic, name, atomic(getattr(kernelapi.FakeCUDAAtomic, name)))
        patch.setattr(cuda, "device_array", device_array)
        yield watch


def _poisoned(shape, dtype):
    values = np.empty(shape, as_dtype(dtype) if isinstance(dtype, types.Type) else dtype)
    values.view(np.uint8).fill(POISON)
    return values
