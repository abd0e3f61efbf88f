"""Sixteen points measured at once, and the few of them that are near enough told by a mask.

A block holds its points one coordinate after the other, (d, 16), so that vectors run over points while each point's sum
is taken in the order of the definition: for d < 16 that is a plain sum, and the bits are those of `definition_sum`.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

#: Points to a block: with 32 three dimensions took a sixth longer, and ten no less (measured).
TOGETHER = 16
#: The vectors of a block, and a mask of its points.
WIDE = ir.VectorType(ir.DoubleType(), TOGETHER)
MASK = ir.IntType(TOGETHER)


def near_in_block(blocks, place, q, limit, totals):
    """totals[i] = Σ_c (q_c − blocks[place, c, i])²; the bits i for which that is at most `limit`, as one whole number.

    blocks float32 or float64 (blocks, d, 16), q float64 (d,), totals float64 (16,).
    """
    totals[:] = 0.0
    for c in range(len(q)):
        gaps = q[c] - blocks[place, c].astype(np.float64)
        totals += gaps * gaps
    return int(sum(1 << i for i in range(TOGETHER) if totals[i] <= limit))


def lowest(mask):
    """The place of the lowest bit of a mask that is not 0."""
    return (mask & -mask).bit_length() - 1


@overload(near_in_block)
def _compiled_near_in_block(blocks, place, q, limit, totals):  # noqa: ARG001
    return lambda blocks, place, q, limit, totals: _near_in_block(blocks, place, q, limit, totals)  # type: ignore[call-arg]


@overload(lowest)
def _compiled_lowest(mask):  # noqa: ARG001
    return lambda mask: _lowest(mask)  # type: ignore[call-arg]


@intrinsic
def _near_in_block(typing_context, blocks, place, q, limit, totals):  # noqa: ARG001
    """The LLVM form of `near_in_block`."""
    for array in (blocks, q, totals):
        if array.layout != "C":
            raise TypingError("blocks, queries and totals must be C-contiguous")

    def generate(context, builder, signature, arguments):
        block, query, sums = (context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2, 4))
        width = cgutils.unpack_tuple(builder, query.shape)[0]
        first = builder.mul(arguments[1], width)
        single = signature.args[0].dtype == types.float32
        stored = ir.VectorType(ir.FloatType() if single else ir.DoubleType(), TOGETHER)
        total = cgutils.alloca_once(builder, WIDE)
        builder.store(ir.Constant(WIDE, [0.0] * TOGETHER), total)
        with cgutils.for_range(builder, width) as loop:
            offset = builder.mul(builder.add(first, loop.index), ir.Constant(first.type, TOGETHER))
            pointer = builder.bitcast(builder.gep(block.data, [offset]), stored.as_pointer())
            points = builder.load(pointer, align=4 if single else 8)
            points = builder.fpext(points, WIDE) if single else points
            value = splat(builder, builder.load(builder.gep(query.data, [loop.index])), WIDE)
            gap = builder.fsub(value, points)
            builder.store(builder.fadd(builder.load(total), builder.fmul(gap, gap)), total)
        found = builder.load(total)
        builder.store(found, builder.bitcast(sums.data, WIDE.as_pointer()), align=8)
        below = builder.fcmp_ordered("<=", found, splat(builder, arguments[3], WIDE))
        return builder.zext(builder.bitcast(below, MASK), ir.IntType(64))

    return types.int64(blocks, types.intp, q, types.float64, totals), generate


@intrinsic
def _lowest(typing_context, mask):  # noqa: ARG001
    """The LLVM form of `lowest`."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


def splat(builder, value, vector):
    """`value` in every place of a vector of sixteen."""
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), TOGETHER), [0] * TOGETHER)
    return builder.shuffle_vector(single, single, places)
