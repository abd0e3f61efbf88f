"""The few best so far in vectors: sixteen places, worst first, and one more put among them without a branch.

A new pair (distance, slot) belongs before the first that is better. Looking at every place i and its successor at once:

    place i becomes   successor, if the new one is better than the successor
                      the new one, if it is better than place i only
                      itself otherwise

The distances alone need no comparison of slots, since equal ones may change places unseen: place i becomes the smaller
of itself and the larger of its successor and the new one. So the next to be put in waits for a shuffle, a maximum and a
minimum only, and several at once are put in without leaving the registers.
"""

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from knn.kernels.assign import assign
from knn.kernels.blocks import lowest, splat
from knn.kernels.cpu_heap import NOTHING, SHORT, offer
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


def insert_marked(distances, slots, totals, places, start, alive, mask):
    """Puts (√totals[i], places[start + i]) among sixteen for each bit i of a mask, if the slot places[start + i] lives.

    distances, slots as above; totals float64 (16,), places int64 (n,), alive bool (all slots,).
    """
    for i in range(len(totals)):
        if mask >> i & 1 and alive[places[start + i]]:
            insert(distances, slots, math.sqrt(totals[i]), places[start + i])


@overload(insert)
def _compiled_insert(distances, slots, distance, slot):  # noqa: ARG001
    return lambda distances, slots, distance, slot: _insert(distances, slots, distance, slot)  # type: ignore[call-arg]


@overload(insert_marked)
def _compiled_insert_marked(distances, slots, totals, places, start, alive, mask):  # noqa: ARG001
    return lambda distances, slots, totals, places, start, alive, mask: _insert_marked(  # type: ignore[call-arg]
        distances, slots, totals, places, start, alive, mask
    )


@intrinsic
def _insert(typing_context, distances, slots, distance, slot):  # noqa: ARG001
    """The LLVM form of `insert`."""
    _check_contiguous(distances, slots)

    def generate(context, builder, signature, arguments):
        pointers = _pointers(context, builder, signature, arguments)
        held = [builder.load(pointer, align=8) for pointer in pointers]
        for pointer, vector in zip(pointers, _with(builder, held, *arguments[2:]), strict=True):
            builder.store(vector, pointer, align=8)
        return context.get_dummy_value()

    return types.none(distances, slots, types.float64, types.int64), generate


@intrinsic
def _insert_marked(typing_context, distances, slots, totals, places, start, alive, mask):  # noqa: ARG001
    """The LLVM form of `insert_marked`."""
    _check_contiguous(distances, slots, totals, places, alive)

    def generate(context, builder, signature, arguments):
        pointers = _pointers(context, builder, signature, arguments)
        sums, ours, living = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in (2, 3, 5)
        )
        held = [cgutils.alloca_once_value(builder, builder.load(pointer, align=8)) for pointer in pointers]
        left = cgutils.alloca_once_value(builder, arguments[6])
        root = builder.module.declare_intrinsic("llvm.sqrt", [ir.DoubleType()])
        with cgutils.for_range(builder, builder.ctpop(arguments[6])):
            bits = builder.load(left)
            i = builder.cttz(bits, ir.Constant(ir.IntType(1), 1))
            builder.store(builder.and_(bits, builder.sub(bits, ir.Constant(bits.type, 1))), left)
            distance = builder.call(root, [builder.load(builder.gep(sums, [i]))])
            slot = builder.load(builder.gep(ours, [builder.add(arguments[4], i)]))
            here = builder.load(builder.gep(living, [slot]))
            here = builder.icmp_signed("!=", here, ir.Constant(here.type, 0))
            # (∞, NOTHING) is better than no place at all.
            distance = builder.select(here, distance, ir.Constant(ir.DoubleType(), np.inf))
            slot = builder.select(here, slot, ir.Constant(slot.type, NOTHING))
            after = _with(builder, [builder.load(vector) for vector in held], distance, slot)
            for vector, value in zip(held, after, strict=True):
                builder.store(value, vector)
        for pointer, vector in zip(pointers, held, strict=True):
            builder.store(builder.load(vector), pointer, align=8)
        return context.get_dummy_value()

    return types.none(distances, slots, totals, places, types.intp, alive, types.int64), generate


def _check_contiguous(*arrays):
    for array in arrays:
        if array.layout != "C":
            raise TypingError("arrays must be C-contiguous")


def _pointers(context, builder, signature, arguments):
    """Where the vectors of distances and slots, the first two arguments, are."""
    return [
        builder.bitcast(context.make_array(kind)(context, builder, value).data, vector.as_pointer())
        for kind, value, vector in zip(signature.args, arguments, (_DISTANCES, _SLOTS), strict=False)
    ]


def _with(builder, held, distance, slot):
    """The vectors of distances and slots with one more put among them."""
    new = [splat(builder, distance, _DISTANCES), splat(builder, slot, _SLOTS)]
    last = [ir.Constant(_DISTANCES, [-np.inf] * SHORT), ir.Constant(_SLOTS, [0] * SHORT)]
    places = ir.Constant(ir.VectorType(ir.IntType(32), SHORT), list(range(1, SHORT + 1)))
    following = [builder.shuffle_vector(*pair, places) for pair in zip(held, last, strict=True)]

    def worse(pair):
        equal = builder.and_(builder.fcmp_ordered("==", pair[0], new[0]), builder.icmp_signed(">", pair[1], new[1]))
        return builder.or_(builder.fcmp_ordered(">", pair[0], new[0]), equal)

    larger = builder.select(builder.fcmp_ordered(">", following[0], new[0]), following[0], new[0])
    distances = builder.select(builder.fcmp_ordered("<", held[0], larger), held[0], larger)
    kept = builder.select(worse(held), new[1], held[1])
    return distances, builder.select(worse(following), following[1], kept)


@jit
def opened(best, best_slots, row, lanes, lane_slots):
    """Where the best of a query are gathered: the lanes (16,), filled from its heap if that is short; else the heap."""
    k = best.shape[1]
    if k > SHORT:
        return best[row], best_slots[row]
    lanes[:] = -np.inf
    lane_slots[:] = 0
    assign(lanes, best[row])
    assign(lane_slots, best_slots[row])
    return lanes, lane_slots


@jit
def put(distances, slots, distance, slot):
    """Offers (distance, slot) to what `opened` gave: a heap is longer than the lanes."""
    if len(distances) > SHORT:
        offer(distances, slots, distance, slot)
    else:
        insert(distances, slots, distance, slot)


@jit
def put_marked(distances, slots, totals, places, start, alive, mask):
    """Offers what `insert_marked` puts in to what `opened` gave."""
    if len(distances) <= SHORT:
        insert_marked(distances, slots, totals, places, start, alive, mask)
        return
    while mask:
        i = lowest(mask)
        mask &= mask - 1
        if alive[places[start + i]]:
            offer(distances, slots, math.sqrt(totals[i]), places[start + i])


@jit
def closed(best, best_slots, row, lanes, lane_slots):
    """Brings the lanes back to the heap of a query."""
    k = best.shape[1]
    if k <= SHORT:
        assign(best[row], lanes[:k])
        assign(best_slots[row], lane_slots[:k])
