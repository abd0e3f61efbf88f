"""What barriers have to order, seen in Numba's simulator: who touched which number between two of them.

A device promises no order among a block's threads but by barriers, and none among blocks. So a run is watched for

* *race*: between two barriers two threads of a block touch the same number, one of them writes, not both by atomics;
* *blocks*: the same of two blocks of a launch, at any time;
* *divergence*: threads wait at barriers of different lines, or one has ended where another waits (raises Diverged);
* *unwritten*: a read of shared or local memory that nothing has written;
* *bounds*: an index below 0, which Numba takes from the end, or beyond the last.

What counts is what threads do between barriers and not who comes first, so that a race is told in whatever order they
run; which way they go may depend on that order all the same, hence `Watch.order`. Nothing is assumed of warps. A number
is told by its address, so that views of one memory are one.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from contextlib import contextmanager
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from greenlet import getcurrent
from numba import cuda
from numba.cuda.simulator import kernel, kernelapi
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray, FakeWithinKernelCUDAArray

from tests.cuda.turns import POISON, Block, Diverged, Lane, in_turns, poisoned

#: A thread that passes a barrier so often in one launch would do so for ever: what ends its loop is another's to write.
ENDLESS = 2000
READ, WRITE, ATOMIC = "read", "written", "changed by an atomic"


class Watch:
    """What was found, as (what, line, other line or None) with lines as (file, number), and how threads take turns."""

    def __init__(self, order: str = "forward", without: tuple[str, int] | None = None):
        """`order` is "forward", "backward" or "mixed"; barriers on the line `without` are passed as if not there."""
        self.order, self.without = order, without
        self.found, self.barriers, self.kernels = set(), set(), set()
        self.most = 0  # times that a thread passed one barrier in a launch
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
            lane = getcurrent()
            touched = lane.block.globally if self._place == "global" else lane.block.shared_words
            touched[address].setdefault((lane.thread_id, kind), _line(frame))

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


class _Lane(Lane):
    def __init__(self, *given):
        super().__init__(*given)
        self.passed = Counter()

    def wait(self, line):
        watch = self.block.watch
        watch.barriers.add(line)
        self.passed[line] += 1
        watch.most = max(watch.most, self.passed[line])
        if line != watch.without:
            super().wait(line)
        elif self.passed[line] > ENDLESS:
            raise Diverged(f"a thread waits for others, which do not come, at {line}")


class _Block(Block):
    """A block whose threads are watched."""

    lane = _Lane

    def __init__(self, watch, *launch):
        super().__init__(*launch)
        self.watch = watch
        self.shared_words, self.globally = defaultdict(dict), defaultdict(dict)

    def run(self, place, *arguments):
        self.watch.kernels.add(self.function.__qualname__)
        super().run(place, *(_seen(argument, self.watch) for argument in arguments))

    def turns(self, lanes):
        return self.watch.turns(lanes)

    def part(self, lines):
        self.watch.found.add(("divergence", *lines[:2], *[None] * (2 - len(lines))))

    def settle(self, place):
        whole = self.watch.of_launch(kernel._get_kernel_context())
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

    def shared(shape, dtype):
        return Words(poisoned(shape, dtype), watch, "shared", set())

    def local(shape, dtype):
        return Words(poisoned(shape, dtype), watch, "local", set())

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
    with in_turns(partial(_Block, watch), shared, local), pytest.MonkeyPatch.context() as patch:
        for name in ("add", "max", "min"):
            patch.setattr(kernelapi.FakeCUDAAtomic, name, atomic(getattr(kernelapi.FakeCUDAAtomic, name)))
        patch.setattr(cuda, "device_array", device_array)
        yield watch
