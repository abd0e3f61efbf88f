"""Numba's simulator with its threads in turns: each runs up to its next barrier, and none is a thread of the system.

Numba gives every thread of a block one of the system's, and looks again and again who waits; a barrier of 256 of them
takes milliseconds, and who comes first is chance. Here a thread is a greenlet, a barrier hands the processor on in a
microsecond, and the order is the same each time. Stricter than there, too:

* threads that wait at barriers of different lines, or have ended where others wait, raise `Diverged`: a device would
  wait for ever, or do anything;
* a warp's threads exchange numbers when all of a block have come to do so, which is no barrier of what they share;
* every block has shared memory of its own, and local and shared arrays hold `POISON` until they are written.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from greenlet import getcurrent, greenlet
from numba import types
from numba.cuda.simulator import kernel, kernelapi
from numba.np.numpy_support import as_dtype

#: The byte of which memory is made that nothing has written yet: 10¹⁶ as float32, 10¹²⁷ as float64, 10⁹ as int32.
POISON = 0x5A


class Diverged(Exception):
    """Threads of a block wait for each other at different places: on a device, for ever or with any outcome."""


class Lane(greenlet):
    """A thread of the device, whose parent is the block's loop."""

    def __init__(self, block, thread, place):
        super().__init__(block.function)
        self.block, self.waits_at, self.vote, self.heard = block, None, None, []
        self.shown = None  # by those that exchange numbers, which wait for one another and order nothing else
        self.threadIdx, self.blockIdx = kernelapi.Dim3(*thread), kernelapi.Dim3(*place)
        x, y, _ = block.extent
        self.thread_id = (thread[2] * y + thread[1]) * x + thread[0]

    def syncthreads(self):
        self.wait(line_of(sys._getframe(1)))

    def wait(self, line):
        """Until all threads of the block have come to a barrier; this one stands on that line."""
        self.waits_at = line
        self.parent.switch()

    def votes(self, vote):
        """Waits, and then knows the vote of each thread that waited, or its own alone if it did not wait."""
        self.vote = bool(vote)
        self.heard = [self.vote]
        self.wait(line_of(sys._getframe(1)))
        return self.heard

    def shfl_xor_sync(self, mask, value, by):
        """What the thread shows whose number in the warp differs by these bits."""
        assert mask == 0xFFFFFFFF, "warps are whole here"
        self.shown, self.waits_at = value, line_of(sys._getframe(1))
        self.parent.switch()
        return self.heard[self.thread_id ^ by]

    def syncthreads_count(self, vote):
        return sum(self.votes(vote))

    def syncthreads_and(self, vote):
        return int(all(self.votes(vote)))

    def syncthreads_or(self, vote):
        return int(any(self.votes(vote)))


class Block:
    """In the place of the simulator's BlockManager: the threads of one block, from their beginning to their end."""

    lane = Lane

    def __init__(self, function, grid, extent, debug):  # noqa: ARG002 (the simulator's call)
        self.function, self.extent, self.shared = function, extent, {}

    def run(self, place, *arguments):
        x, y, z = self.extent
        lane = None
        lanes = [self.lane(self, (a, b, c), place) for c in range(z) for b in range(y) for a in range(x)]
        begun = False
        try:
            while lanes:
                for lane in self.turns(lanes):
                    lane.switch(*(() if begun else arguments))
                left = [lane for lane in lanes if not lane.dead]
                lines = sorted({lane.waits_at for lane in left})
                if len(lines) > 1 or 0 < len(left) < len(lanes):
                    self.part(lines)
                    raise Diverged(f"of {len(lanes)} threads {len(left)} wait, at {lines}")
                exchanged = bool(left) and left[0].shown is not None
                heard = [lane.shown if exchanged else lane.vote for lane in left]
                for lane in left:
                    lane.heard, lane.shown = heard, None
                if not exchanged:
                    self.settle(place)
                lanes, begun = left, True
        except Exception as error:
            if not isinstance(error, Diverged):
                error.add_note(f"thread {tuple(lane.threadIdx)} of block {tuple(place)}")
            raise
        finally:
            for lane in lanes:  # where one has failed: the others end, and give back what they swapped
                lane.throw()

    def turns(self, lanes):
        """Who runs up to the next barrier after whom."""
        return lanes

    def part(self, lines):
        """Threads wait at these lines, or some have ended."""

    def settle(self, place):
        """All have come to a barrier or to their end."""


def line_of(frame):
    """(file, number) of the kernel's line from which the simulator was called."""
    while frame.f_code.co_filename in (kernelapi.__file__, __file__):
        frame = frame.f_back
    return Path(frame.f_code.co_filename).name, frame.f_lineno


def poisoned(shape, dtype):
    """An array that nothing has written."""
    values = np.empty(shape, as_dtype(dtype) if isinstance(dtype, types.Type) else dtype)
    values.view(np.uint8).fill(POISON)
    return values


def shared_array(made, shape, dtype, alignment):
    """The array of the running block on the line of `cuda.shared.array`, made by `made` for the first who asks."""
    assert alignment is None, "the simulator knows no alignment"
    assert shape, "memory whose size the launch tells is not made here"
    arrays, line = getcurrent().block.shared, line_of(sys._getframe(2))
    if line not in arrays:
        arrays[line] = made(shape, dtype)
    return arrays[line]


@contextmanager
def in_turns(block=Block, made=poisoned, local=poisoned):
    """Kernels that are launched inside run so: each block a `block`, with shared and local arrays made by these."""
    running = SimpleNamespace(current_thread=getcurrent)

    def shared(_, shape, dtype, alignment=None):
        return shared_array(made, shape, dtype, alignment)

    def own(_, shape, dtype, alignment=None):
        assert alignment is None, "the simulator knows no alignment"
        return local(shape, dtype)

    def exchange(_, mask, value, by):
        return getcurrent().shfl_xor_sync(mask, value, by)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernel, "BlockManager", block)
        patch.setattr(kernelapi, "threading", running)
        patch.setattr(kernelapi.FakeCUDAShared, "array", shared)
        patch.setattr(kernelapi.FakeCUDALocal, "array", own)
        patch.setattr(kernelapi.FakeCUDAModule, "shfl_xor_sync", exchange, raising=False)
        yield
