"""Prefix sums by a block of threads: whole numbers, so that every order of addition gives the same."""

from __future__ import annotations

import functools
from typing import Any

from numba import cuda

from knn.kernels.cuda_tiles import device


@functools.cache
def prefix_sums(threads: int = 128) -> Any:
    """A function that all threads of a block call together: up_to(value, sums) = Σ of the whole values of the threads
    up to and with the one that asks. sums (2·threads,), shared, is scratch, which the kernel makes since the linker
    knows no shared arrays of two functions apart.

    Hillis and Steele 1986, "Data parallel algorithms": after step s a thread has the sum of the 2^s values up to its
    own. ⌈log₂ threads⌉ + 1 barriers. The next call may follow at once: a thread writes first where it alone reads.
    """

    @device
    def up_to(value, sums):
        me, side, reach = cuda.threadIdx.x, 0, 1  # sides by turns: what one step writes the other still reads
        sums[me] = value
        cuda.syncthreads()
        while reach < threads:
            total = sums[side + me]
            if me >= reach:
                total += sums[side + me - reach]
            side = threads - side
            sums[side + me] = total
            cuda.syncthreads()
            reach *= 2
        return sums[side + me]

    return up_to
