"""The few best so far in vectors: sixteen places, worst first, and one more put among them without a branch.

A new pair (distance, slot) belongs before the first that is better. Looking at every place i and its successor at once:

    place i becomes   successor, if the new one is better than the successor
                      the new one, if it is better than place i only
                      itself otherwise

That takes a third of the time of moving them one by one, where half the comparisons go another way than the machine
guessed (measured).
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from knn.kernels.cpu_heap import SHORT, offer
from knn.kernels.jit import jit

_DISTANCES = ir.VectorType(ir.DoubleType(), SHORT)
_SLOTS = ir.VectorType(ir.IntType(64), SHORT)


def insert(distances, slots, distance, slot):
    """Puts (distance, slot) among sixteen, worst first, dropping the first; nothing if that one is no worse.

    distances float64 (16,), slots int64 (16,): places that are not used come last and hold −∞.
    """
    worse = (distances > distance) | ((distances == distance) & (slots > slot))
    place = int(np.count_nonzero(worse)) - 1
    if place >= 0:
        distances[:place] = distances[1 : place + 1].copy()
        slots[:place] = slots[1 : place + 1].copy()
        distances[place], slots[place] = distance, slot


@overload(insert)
def _compiled_insert(distances, slots, distance, slot):  # noqa: ARG001
    return lambda distances, slots, distance, slot: _insert(distances, slots, distance, slot)  # type: ignore[call-arg]


@intrinsic
def _insert(typing_context, distances, slots, distance, slot):  # noqa: ARG001
    """The LLVM form of `insert`."""
    for array in (distances, slots):
        if array.layout != "C":
            raise TypingError("places must be C-contiguous")

    def generate(context, builder, signature, arguments):
        pointers = [
            builder.bitcast(context.make_array(kind)(context, builder, value).data, vector.as_pointer())
            for kind, value, vector in zip(signature.args, arguments, (_DISTANCES, _SLOTS), strict=False)
        ]
        held = [builder.load(pointer, align=8) for pointer in pointers]
        new = [
            _splat(builder, value, vector) for value, vector in zip(arguments[2:], (_DISTANCES, _SLOTS), strict=True)
        ]
        last = [ir.Constant(_DISTANCES, [-np.inf] * SHORT), ir.Constant(_SLOTS, [0] * SHORT)]
        places = ir.Constant(ir.VectorType(ir.IntType(32), SHORT), list(range(1, SHORT + 1)))
        next_ones = [builder.shuffle_vector(*pair, places) for pair in zip(held, last, strict=True)]

        def worse(pair):
            equal = builder.and_(builder.fcmp_ordered("==", pair[0], new[0]), builder.icmp_signed(">", pair[1], new[1]))
            return builder.or_(builder.fcmp_ordered(">", pair[0], new[0]), equal)

        moved, replaced = worse(next_ones), worse(held)
        for pointer, old, following, value in zip(pointers, held, next_ones, new, strict=True):
            kept = builder.select(replaced, value, old)
            builder.store(builder.select(moved, following, kept), pointer, align=8)
        return context.get_dummy_value()

    return types.none(distances, slots, types.float64, types.int64), generate


def _splat(builder, value, vector):
    """`value` in every place of a vector."""
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(single, single, ir.Constant(ir.VectorType(ir.IntType(32), SHORT), [0] * SHORT))


@jit
def opened(best, best_slots, row, lanes, lane_slots):
    """Where the best of a query are gathered: the lanes (16,), filled from its heap if that is short; else the heap."""
    k = best.shape[1]
    if k > SHORT:
        return best[row], best_slots[row]
    lanes[:] = -np.inf
    lane_slots[:] = 0
    lanes[:k] = best[row]
    lane_slots[:k] = best_slots[row]
    return lanes, lane_slots


@jit
def put(distances, slots, distance, slot):
    """Offers (distance, slot) to what `opened` gave: a heap is longer than the lanes."""
    if len(distances) > SHORT:
        offer(distances, slots, distance, slot)
    else:
        insert(distances, slots, distance, slot)


@jit
def closed(best, best_slots, row, lanes, lane_slots):
    """Brings the lanes back to the heap of a query."""
    k = best.shape[1]
    if k <= SHORT:
        best[row] = lanes[:k]
        best_slots[row] = lane_slots[:k]
