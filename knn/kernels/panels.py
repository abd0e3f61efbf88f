"""Products of many codes with many queries: 32 points by 12 queries of whole numbers held in registers.

Points come in blocks of sixteen, four coordinates of each side by side: (blocks, d/4, 64) bytes. Where the CPU has
`vpdpbusd`, one instruction multiplies such 64 bytes by four coordinates of a query and adds them to sixteen sums, four
times what float32 gets done. Whole numbers are summed without error, so every form agrees to the bit.
"""

from __future__ import annotations

import itertools

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

from knn.kernels.jit import config

#: Points to a block; blocks and queries whose sums fill the registers: 2 · 12 of the 32 that there are.
BLOCK, BLOCKS, QUERIES = 16, 2, 12
_SUMS = ir.VectorType(ir.IntType(32), BLOCK)
_BYTES = ir.VectorType(ir.IntType(8), 4 * BLOCK)


def multiplies_bytes() -> bool:
    """Whether compiled kernels have `vpdpbusd`; without it `panel_products` is right and slow."""
    if config.DISABLE_JIT:
        return False
    from numba.core.registry import cpu_target

    return _has_byte_products(cpu_target.target_context)


def _has_byte_products(context):
    return "+avx512vnni" in str(getattr(context.codegen(), "_tm_features", ""))


def panel_products(codes, block, queries, row, out, column):
    """out[row + r, column + i] = Σ_c u_ic b_rc for the 32 points i of two blocks and the 12 queries r from `row` on.

    codes uint8 (blocks, d/4, 64) holds u; queries int32 (q, d/4) holds b, four int8 to a number; out int32 (q, n).
    """
    for r in range(row, row + QUERIES):
        line_products(codes, block, queries, r, out, column)


def line_products(codes, block, queries, row, out, column):
    """The same for the one query `row`: twelve times less to compute, and as much to read."""
    query = queries[row].view(np.int8).reshape(-1, 1, 4).astype(np.int32)
    for p in range(BLOCKS):
        points = codes[block + p].reshape(-1, BLOCK, 4).astype(np.int32)
        start = column + p * BLOCK
        out[row, start : start + BLOCK] = (points * query).sum(axis=(0, 2))


def _compiled(n_queries):
    """The LLVM form for so many queries."""

    @intrinsic
    def products(typing_context, codes, block, queries, row, out, column):  # noqa: ARG001
        for array in (codes, queries, out):
            if array.layout != "C":
                raise TypingError("codes, queries and products must be C-contiguous")

        def generate(context, builder, signature, arguments):
            arrays = [context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2, 4)]
            product = _by_bytes if _has_byte_products(context) else _by_words
            _generate(builder, arrays, [arguments[i] for i in (1, 3, 5)], n_queries, product)
            return context.get_dummy_value()

        return types.none(codes, types.intp, queries, types.intp, out, types.intp), generate

    return products


_panel, _line = _compiled(QUERIES), _compiled(1)


@overload(panel_products)
def _compiled_panel_products(codes, block, queries, row, out, column):  # noqa: ARG001
    return lambda codes, block, queries, row, out, column: _panel(codes, block, queries, row, out, column)


@overload(line_products)
def _compiled_line_products(codes, block, queries, row, out, column):  # noqa: ARG001
    return lambda codes, block, queries, row, out, column: _line(codes, block, queries, row, out, column)


def _generate(builder, arrays, places, n_queries, product):
    """Sums in registers over all steps of four coordinates, then stored; places are block, row and column."""
    codes, queries, out = arrays
    first, row, column = places
    steps = cgutils.unpack_tuple(builder, queries.shape)[1]
    width = cgutils.unpack_tuple(builder, out.shape)[1]
    number = first.type
    stride = builder.mul(steps, ir.Constant(number, 4 * BLOCK))
    panels = [
        builder.gep(codes.data, [builder.mul(builder.add(first, ir.Constant(number, p)), stride)])
        for p in range(BLOCKS)
    ]
    rows = [builder.add(row, ir.Constant(number, r)) for r in range(n_queries)]
    asked = [builder.gep(queries.data, [builder.mul(r, steps)]) for r in rows]
    nothing = ir.Constant(_SUMS, [0] * BLOCK)
    sums = [[cgutils.alloca_once(builder, _SUMS) for _ in panels] for _ in rows]
    for place in itertools.chain.from_iterable(sums):
        builder.store(nothing, place)
    with cgutils.for_range(builder, steps) as loop:
        offset = builder.mul(loop.index, ir.Constant(number, 4 * BLOCK))
        points = [_load(builder, builder.gep(panel, [offset]), _BYTES) for panel in panels]
        for query, of_row in zip(asked, sums, strict=True):
            four = _splat(builder, builder.load(builder.gep(query, [loop.index])))
            for point, place in zip(points, of_row, strict=True):
                builder.store(product(builder, builder.load(place), point, four), place)
    for r, of_row in zip(rows, sums, strict=True):
        line = builder.add(builder.mul(r, width), column)
        for p, place in enumerate(of_row):
            target = builder.gep(out.data, [builder.add(line, ir.Constant(number, p * BLOCK))])
            builder.store(builder.load(place), builder.bitcast(target, _SUMS.as_pointer()), align=4)


def _load(builder, pointer, vector):
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=1)


def _splat(builder, value):
    """`value` in each of the sixteen places."""
    vector = builder.insert_element(ir.Constant(_SUMS, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(vector, vector, ir.Constant(_SUMS, [0] * BLOCK))


def _by_bytes(builder, sums, points, query):
    kind = ir.FunctionType(_SUMS, [_SUMS, _SUMS, _SUMS])
    dot = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", (), kind)
    return builder.call(dot, [sums, builder.bitcast(points, _SUMS), query])


def _by_words(builder, sums, points, query):
    """The same with what every machine has: one byte of each four at a time, widened to 32 bits and multiplied."""
    for byte in range(4):
        places = ir.Constant(_SUMS, list(range(byte, 4 * BLOCK, 4)))
        factors = [
            widen(builder.shuffle_vector(bytes_, bytes_, places), _SUMS)
            for widen, bytes_ in ((builder.zext, points), (builder.sext, builder.bitcast(query, _BYTES)))
        ]
        sums = builder.add(sums, builder.mul(*factors))
    return sums
