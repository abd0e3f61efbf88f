"""Sixteen running sums side by side: the order of addition that a distance is defined by, at the speed of SIMD.

LLVM may not reorder a floating-point sum, and so leaves a plain loop scalar (five times slower, measured). Here the
order is sixteen lanes by definition, which the machine's vectors hold whatever their width: the same bits everywhere.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

LANES = 16


def lane_sum(q, x, start, stop):
    """Σᵢ (qᵢ − xᵢ)² over start ≤ i < stop, where stop − start is a multiple of 16.

    Coordinate i is squared in float64 and added to lane i mod 16, in the order of i; then the upper half of the
    lanes is added to the lower half, four times over. q float64 (d,); x uint8, float32 or float64 (d,), contiguous.
    """
    lanes = np.zeros(LANES)
    for i in range(start, stop, LANES):
        gaps = q[i : i + LANES] - x[i : i + LANES].astype(np.float64)
        lanes = lanes + gaps * gaps
    while len(lanes) > 1:
        lanes = lanes[: len(lanes) // 2] + lanes[len(lanes) // 2 :]
    return float(lanes[0])


@overload(lane_sum)
def _compiled_lane_sum(q, x, start, stop):  # noqa: ARG001 (the signature is the Python function's)
    return lambda q, x, start, stop: _lane_sum(q, x, start, stop)  # type: ignore[call-arg]


@intrinsic
def _lane_sum(typing_context, q, x, start, stop):  # noqa: ARG001
    """The LLVM form of `lane_sum`, on vectors of sixteen doubles."""

    def generate(context, builder, signature, arguments):
        wide = ir.VectorType(ir.DoubleType(), LANES)
        arrays = [
            (kind.dtype, context.make_array(kind)(context, builder, value).data)
            for kind, value in zip(signature.args[:2], arguments[:2], strict=True)
        ]

        def sixteen(dtype, data, i):
            element = {types.uint8: ir.IntType(8), types.float32: ir.FloatType()}.get(dtype, ir.DoubleType())
            place = builder.bitcast(builder.gep(data, [i]), ir.VectorType(element, LANES).as_pointer())
            loaded = builder.load(place, align=dtype.bitwidth // 8)  # rows start anywhere: no wider alignment holds
            if dtype == types.uint8:
                return builder.uitofp(loaded, wide)
            return builder.fpext(loaded, wide) if dtype == types.float32 else loaded

        sums = cgutils.alloca_once_value(builder, ir.Constant(wide, [0.0] * LANES))
        first, last = arguments[2:]
        step = ir.Constant(first.type, LANES)
        with cgutils.for_range_slice(builder, first, last, step, inc=True) as (i, _):
            gap = builder.fsub(sixteen(*arrays[0], i), sixteen(*arrays[1], i))
            builder.store(builder.fadd(builder.load(sums), builder.fmul(gap, gap)), sums)
        return _fold(builder, builder.load(sums))

    return types.float64(q, x, types.intp, types.intp), generate


def _fold(builder, lanes):
    """The sum of a vector's lanes: its upper half added to its lower half until one is left."""
    undefined = ir.Constant(lanes.type, ir.Undefined)
    width = LANES
    while width > 1:
        width //= 2
        index = ir.VectorType(ir.IntType(32), width)
        lower = builder.shuffle_vector(lanes, undefined, ir.Constant(index, list(range(width))))
        upper = builder.shuffle_vector(lanes, undefined, ir.Constant(index, list(range(width, 2 * width))))
        lanes = builder.fadd(lower, upper)
        undefined = ir.Constant(lanes.type, ir.Undefined)
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))
