"""Sixteen boxes measured at once, and the nearest of them told without a branch.

A node holds the boxes of its sixteen children one coordinate after the other, (2, d, 16): least values, then largest.
The squared distance of a box, Σ_c max(least_c − q_c, q_c − largest_c, 0)², is summed as `definition_sum` sums narrow
rows. Every step of that rounds monotonically, so no point of a box has a smaller sum of squares: no margin is needed.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from knn.kernels.blocks import MASK, TOGETHER, WIDE, splat

#: A mask of all children.
ALL = 2**TOGETHER - 1


def measure_boxes(boxes, node, q, bounds, level):
    """bounds[level, i] = the squared distance of box i of a node from q; ∞ for a box of nothing, from ∞ to −∞.

    boxes float32 or float64 (nodes, 2, d, 16), q float64 (d,), bounds float64 (levels, 16).
    """
    bounds[level] = 0.0
    for c in range(len(q)):
        low, high = boxes[node, 0, c].astype(np.float64), boxes[node, 1, c].astype(np.float64)
        gaps = np.maximum(np.maximum(low - q[c], q[c] - high), 0.0)
        bounds[level] += gaps * gaps


def within_bounds(bounds, level, mask, limit):
    """The bits i of a mask for which bounds[level, i] is at most `limit`."""
    return int(mask) & sum(1 << i for i in range(TOGETHER) if bounds[level, i] <= limit)


def least_bound(bounds, level, mask):
    """The bit i of a mask, not 0, for which bounds[level, i] is least; of equal ones the lowest."""
    marked = [i for i in range(TOGETHER) if mask >> i & 1]
    return min(marked, key=lambda i: bounds[level, i])


@overload(measure_boxes)
def _compiled_measure_boxes(boxes, node, q, bounds, level):  # noqa: ARG001
    return lambda boxes, node, q, bounds, level: _measure_boxes(boxes, node, q, bounds, level)  # type: ignore[call-arg]


@overload(within_bounds)
def _compiled_within_bounds(bounds, level, mask, limit):  # noqa: ARG001
    return lambda bounds, level, mask, limit: _within_bounds(bounds, level, mask, limit)  # type: ignore[call-arg]


@overload(least_bound)
def _compiled_least_bound(bounds, level, mask):  # noqa: ARG001
    return lambda bounds, level, mask: _least_bound(bounds, level, mask)  # type: ignore[call-arg]


@intrinsic
def _measure_boxes(typing_context, boxes, node, q, bounds, level):  # noqa: ARG001
    """The LLVM form of `measure_boxes`."""
    for array in (boxes, q, bounds):
        if array.layout != "C":
            raise TypingError("boxes, queries and bounds must be C-contiguous")

    def generate(context, builder, signature, arguments):
        held, query = (context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2))
        width = cgutils.unpack_tuple(builder, query.shape)[0]
        single = signature.args[0].dtype == types.float32
        stored = ir.VectorType(ir.FloatType() if single else ir.DoubleType(), TOGETHER)
        low = builder.mul(builder.mul(arguments[1], width), ir.Constant(width.type, 2))
        high, zero = builder.add(low, width), ir.Constant(WIDE, [0.0] * TOGETHER)

        def sixteen(first, column):
            offset = builder.mul(builder.add(first, column), ir.Constant(width.type, TOGETHER))
            pointer = builder.bitcast(builder.gep(held.data, [offset]), stored.as_pointer())
            values = builder.load(pointer, align=4 if single else 8)
            return builder.fpext(values, WIDE) if single else values

        def larger(one, other):
            return builder.select(builder.fcmp_ordered(">", one, other), one, other)

        total = cgutils.alloca_once(builder, WIDE)
        builder.store(zero, total)
        with cgutils.for_range(builder, width) as loop:
            value = splat(builder, builder.load(builder.gep(query.data, [loop.index])), WIDE)
            below = builder.fsub(sixteen(low, loop.index), value)
            gap = larger(larger(below, builder.fsub(value, sixteen(high, loop.index))), zero)
            builder.store(builder.fadd(builder.load(total), builder.fmul(gap, gap)), total)
        row = _row(context, builder, signature.args[3], arguments[3], arguments[4])
        builder.store(builder.load(total), row, align=8)
        return context.get_dummy_value()

    return types.none(boxes, types.intp, q, bounds, types.intp), generate


@intrinsic
def _within_bounds(typing_context, bounds, level, mask, limit):  # noqa: ARG001
    """The LLVM form of `within_bounds`."""

    def generate(context, builder, signature, arguments):
        row = _row(context, builder, signature.args[0], *arguments[:2])
        below = builder.fcmp_ordered("<=", builder.load(row, align=8), splat(builder, arguments[3], WIDE))
        return builder.and_(arguments[2], builder.zext(builder.bitcast(below, MASK), ir.IntType(64)))

    return types.int64(bounds, types.intp, types.int64, types.float64), generate


@intrinsic
def _least_bound(typing_context, bounds, level, mask):  # noqa: ARG001
    """The LLVM form of `least_bound`: halves are compared until one number is left, and its places looked up."""

    def generate(context, builder, signature, arguments):
        row = _row(context, builder, signature.args[0], *arguments[:2])
        marked = builder.bitcast(builder.trunc(arguments[2], MASK), ir.VectorType(ir.IntType(1), TOGETHER))
        values = builder.select(marked, builder.load(row, align=8), ir.Constant(WIDE, [np.inf] * TOGETHER))
        least, half = values, TOGETHER
        while half > 1:
            half //= 2
            places, undefined = ir.VectorType(ir.IntType(32), half), ir.Constant(least.type, ir.Undefined)
            lower = builder.shuffle_vector(least, undefined, ir.Constant(places, list(range(half))))
            upper = builder.shuffle_vector(least, undefined, ir.Constant(places, list(range(half, 2 * half))))
            least = builder.select(builder.fcmp_ordered("<", lower, upper), lower, upper)
        least = builder.extract_element(least, ir.Constant(ir.IntType(32), 0))
        equal = builder.and_(marked, builder.fcmp_ordered("==", values, splat(builder, least, WIDE)))
        found = builder.zext(builder.bitcast(equal, MASK), ir.IntType(64))
        return builder.cttz(found, ir.Constant(ir.IntType(1), 0))

    return types.int64(bounds, types.intp, types.int64), generate


def _row(context, builder, kind, bounds, level):
    """Where the sixteen numbers of a level are."""
    array = context.make_array(kind)(context, builder, bounds)
    offset = builder.mul(level, ir.Constant(level.type, TOGETHER))
    return builder.bitcast(builder.gep(array.data, [offset]), WIDE.as_pointer())
