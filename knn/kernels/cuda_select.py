"""The k least of (distance, slot) by a block of threads, in order, whatever the order in which they are held.

Few are ranked by counting, for each, how many come before it: no barrier, O(c²) comparisons. Of many the k-th is found
digit by digit, first of the distance, then of the slot among those that tie: O(c) a digit, twelve digits at most and
seldom more than five, since a digit that tells k from the rest is the last. No two slots are equal, so exactly k are
left, whose places atomics hand out, and which a network of O(k log² k) comparisons puts in order; the answer depends on
no order of the hardware.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numba import cuda, types

from knn.kernels.cuda_prefix import prefix_sums
from knn.kernels.cuda_tiles import device
from knn.kernels.jit import config

#: The most that are ranked by counting: it decides on time, on no answer, and is a guess.
FEW = 256
#: Bits of a digit; of a distance without its sign, none of which is below 0, and of a slot.
DIGIT, DISTANCE_BITS, SLOT_BITS = 8, 63, 31
#: What a block knows of the k-th: the digits of its distance so far and how many bits are left, the same of its slot,
#: its rank among those that share them, whether that is the last of these, and how many are taken in the end.
PREFIX, SHIFT, SLOT_PREFIX, SLOT_SHIFT, LEFT, DONE, TAKEN = range(KNOWN := 7)


def _bits(value: Any) -> int:
    return int(np.float64(value).view(np.int64))


#: A float64 as a whole number; in the order of values, for those not below 0.
bits_of = _bits if config.ENABLE_CUDASIM else cuda.libdevice.double_as_longlong


class Selecting(NamedTuple):
    """A function that all threads of a block call together, and what it wants of the kernel."""

    #: Numbers of int64 of its shared scratch.
    room: int
    #: nearest(held, names, n, distances, indices, scratch): the k least of the first n of held float64 (c,), by (held,
    #: names), none below 0 and no two of names the same, into distances (k,) and indices (k,), in order; what is not
    #: below ∞ is passed over, and places that nothing fills are left. scratch int64 (room,) is shared. All is written
    #: and seen by all threads when it returns.
    nearest: Any


@functools.cache
def selecting(threads: int = 128) -> Selecting:
    """The function for blocks of so many threads."""
    up_to = prefix_sums(threads)
    bins = 1 << DIGIT
    own, here = -(-bins // threads), bins + 2 * threads

    @device
    def by_counting(held, names, n, distances, indices):
        for place in range(cuda.threadIdx.x, n, threads):
            distance, slot, before = held[place], names[place], 0
            for other in range(n):
                before += held[other] < distance or (held[other] == distance and names[other] < slot)
            if before < distances.shape[0] and distance < math.inf:
                distances[before] = distance
                indices[before] = slot

    @device
    def narrow(held, names, n, scratch):
        """One digit more of the k-th."""
        counts, sums, known = scratch[:bins], scratch[bins:here], scratch[here:]
        me, left, by_slot = cuda.threadIdx.x, known[LEFT], known[SHIFT] == 0
        shift = known[SLOT_SHIFT] if by_slot else known[SHIFT]
        after = max(shift - DIGIT, 0)
        for b in range(me, bins, threads):
            counts[b] = 0
        cuda.syncthreads()
        for place in range(me, n, threads):
            bits, slot = bits_of(held[place]), types.int64(names[place])
            alike = bits >> known[SHIFT] == known[PREFIX] and slot >> known[SLOT_SHIFT] == known[SLOT_PREFIX]
            if alike and held[place] < math.inf:
                cuda.atomic.add(counts, ((slot if by_slot else bits) >> after) & ((1 << (shift - after)) - 1), 1)
        cuda.syncthreads()
        mine = 0
        for b in range(me * own, min((me + 1) * own, bins)):
            mine += counts[b]
        before = up_to(mine, sums) - mine
        if before < left <= before + mine:  # of one thread alone
            b = me * own
            while before + counts[b] < left:
                before += counts[b]
                b += 1
            prefix, bits_left = (SLOT_PREFIX, SLOT_SHIFT) if by_slot else (PREFIX, SHIFT)
            known[prefix] = (known[prefix] << (shift - after)) | b
            known[bits_left] = after
            known[LEFT] = left - before
            known[DONE] = counts[b] == left - before
        cuda.syncthreads()

    @device
    def into_order(distances, indices, n):
        """Sorts the first n by (distance, index): runs of a length become runs of twice it, each turned about in turn.

        Batcher 1968, "Sorting networks and their applications", with the second run read backwards, so that what is
        less always goes to the front, and places beyond the last need not be there.
        """
        length = 0  # its logarithm, as that of `step`
        while 1 << length < n:
            step = length
            while step >= 0:
                for pair in range(cuda.threadIdx.x, n, threads):
                    first = ((pair >> step) << (step + 1)) + (pair & ((1 << step) - 1))
                    turned = ((pair >> step) << (step + 1)) + (2 << step) - 1 - (pair & ((1 << step) - 1))
                    second = turned if step == length else first + (1 << step)
                    if second < n and (
                        distances[second] < distances[first]
                        or (distances[second] == distances[first] and indices[second] < indices[first])
                    ):
                        distance, index = distances[first], indices[first]
                        distances[first] = distances[second]
                        indices[first] = indices[second]
                        distances[second] = distance
                        indices[second] = index
                cuda.syncthreads()
                step -= 1
            length += 1

    @device
    def by_digits(held, names, n, distances, indices, scratch):
        known = scratch[here:]
        me, k, mine = cuda.threadIdx.x, distances.shape[0], 0
        for place in range(me, n, threads):
            mine += held[place] < math.inf
        finite = up_to(mine, scratch[bins:here])
        if me == threads - 1:
            known[PREFIX] = 0
            known[SHIFT] = DISTANCE_BITS
            known[SLOT_PREFIX] = 0
            known[SLOT_SHIFT] = SLOT_BITS
            known[LEFT] = k
            known[DONE] = finite <= k
            known[TAKEN] = 0
        cuda.syncthreads()
        while known[DONE] == 0 and known[SLOT_SHIFT] > 0:  # the latter ends it even if two names were the same
            narrow(held, names, n, scratch)
        for place in range(me, n, threads):
            leading = bits_of(held[place]) >> known[SHIFT]
            tied = leading == known[PREFIX] and types.int64(names[place]) >> known[SLOT_SHIFT] <= known[SLOT_PREFIX]
            if held[place] < math.inf and (leading < known[PREFIX] or tied):
                to = cuda.atomic.add(known, TAKEN, 1)
                if to < k:
                    distances[to] = held[place]
                    indices[to] = names[place]
        cuda.syncthreads()
        into_order(distances, indices, min(k, known[TAKEN]))

    @device
    def nearest(held, names, n, distances, indices, scratch):
        if n <= FEW:
            by_counting(held, names, n, distances, indices)
            cuda.syncthreads()
        else:
            by_digits(held, names, n, distances, indices, scratch)

    return Selecting(here + KNOWN, nearest)
