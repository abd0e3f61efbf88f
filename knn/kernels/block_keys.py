"""Keys of codes, sixteen points at a time: the plain loop, and the same whole numbers by the machine's byte products.

A code holds 64 whole numbers c of −127 … 127, kept as bytes c + 128. A block holds the codes of sixteen points, four
numbers of each in turn, so that the sums of the sixteen run side by side in the lanes of a vector and need no adding up
at the end: a third of the time of codes that lie one after the other (measured). Sums of products of whole numbers are
the same in any order, so all forms agree to the bit.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

#: Whole numbers in a code, and points of a block.
WIDTH, TOGETHER = 64, 16
_LANES = ir.VectorType(ir.IntType(32), TOGETHER)
_WORDS = ir.VectorType(ir.IntType(16), 2 * TOGETHER)
_BYTES = ir.VectorType(ir.IntType(8), WIDTH)


def keys_within(blocks, terms, block, query, shift, limit, keys):
    """keys[i] = terms[16·block + i] − 2⟨cᵢ, b⟩ of a block's sixteen points; returns the bits i with keys[i] ≤ limit.

    blocks uint8 (n, 1024), terms int32 (≥ 16 n,), query b int8 (64,), shift = 128 Σb, keys int32 (≥ 16,).
    """
    within = 0
    for i in range(TOGETHER):
        total = -int(shift)
        for j in range(WIDTH):
            total += int(blocks[block, WIDTH * (j // 4) + 4 * i + j % 4]) * int(query[j])
        keys[i] = terms[TOGETHER * block + i] - 2 * total
        within |= int(keys[i] <= limit) << i
    return within


@overload(keys_within)
def _compiled_keys_within(blocks, terms, block, query, shift, limit, keys):  # noqa: ARG001 (the Python function's)
    return lambda blocks, terms, block, query, shift, limit, keys: _keys_within(  # type: ignore[call-arg]
        blocks, terms, block, query, shift, limit, keys
    )


@intrinsic
def _keys_within(typing_context, blocks, terms, block, query, shift, limit, keys):  # noqa: ARG001
    """The LLVM form of `keys_within`."""
    for array in (blocks, terms, query, keys):
        if array.layout != "C":
            raise TypingError("codes must be C-contiguous")

    def generate(context, builder, signature, arguments):
        code, term, b, out = (
            context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in (0, 1, 3, 6)
        )
        place, shift, limit = (arguments[i] for i in (2, 4, 5))
        start = builder.mul(place, ir.Constant(place.type, WIDTH * TOGETHER))
        by_bytes = "+avx512vnni" in _features(context)
        nothing = ir.Constant(_LANES, [0] * TOGETHER)
        # Two sums, so that one need not wait for the other.
        totals = [_every_lane(builder, builder.neg(shift)) if by_bytes else nothing, nothing]
        numbers = builder.bitcast(b, ir.IntType(32).as_pointer())
        for group in range(TOGETHER):
            offset = builder.add(start, ir.Constant(start.type, WIDTH * group))
            bytes_ = builder.load(builder.bitcast(builder.gep(code, [offset]), _BYTES.as_pointer()), align=1)
            four = builder.load(builder.gep(numbers, [ir.Constant(place.type, group)]), align=1)
            product = _by_bytes if by_bytes else _by_words
            totals[group % 2] = product(builder, totals[group % 2], bytes_, _every_lane(builder, four))
        twice = builder.shl(builder.add(*totals), ir.Constant(_LANES, [1] * TOGETHER))
        first = builder.gep(term, [builder.mul(place, ir.Constant(place.type, TOGETHER))])
        found = builder.sub(builder.load(builder.bitcast(first, _LANES.as_pointer()), align=4), twice)
        builder.store(found, builder.bitcast(out, _LANES.as_pointer()), align=4)
        inside = builder.icmp_signed("<=", found, _every_lane(builder, limit))
        return builder.zext(builder.bitcast(inside, ir.IntType(TOGETHER)), ir.IntType(64))

    number = types.int32
    return types.int64(blocks, terms, types.intp, query, number, number, keys), generate


def below(keys, row, limit):
    """The bits i with keys[row, i] ≤ limit, as one whole number; keys int32 (n, 16)."""
    return int(sum(1 << i for i in range(TOGETHER) if keys[row, i] <= limit))


@overload(below)
def _compiled_below(keys, row, limit):  # noqa: ARG001
    return lambda keys, row, limit: _below(keys, row, limit)  # type: ignore[call-arg]


@intrinsic
def _below(typing_context, keys, row, limit):  # noqa: ARG001
    """The LLVM form of `below`."""
    if keys.layout != "C":
        raise TypingError("keys must be C-contiguous")

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        first = builder.gep(data, [builder.mul(arguments[1], ir.Constant(arguments[1].type, TOGETHER))])
        found = builder.load(builder.bitcast(first, _LANES.as_pointer()), align=4)
        inside = builder.icmp_signed("<=", found, _every_lane(builder, arguments[2]))
        return builder.zext(builder.bitcast(inside, ir.IntType(TOGETHER)), ir.IntType(64))

    return types.int64(keys, types.intp, types.int32), generate


def _features(context):
    """What the code is compiled for, as LLVM spells it."""
    return str(getattr(context.codegen(), "_tm_features", ""))


def _every_lane(builder, value):
    one = builder.insert_element(ir.Constant(_LANES, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, one, ir.Constant(_LANES, [0] * TOGETHER))


def _by_bytes(builder, total, bytes_, four):
    """total + (c + 128)·b, four numbers of each point, by `vpdpbusd`, which wants one factor unsigned."""
    kind = ir.FunctionType(_LANES, [_LANES, _BYTES, _BYTES])
    dot = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", (), kind)
    return builder.call(dot, [total, bytes_, builder.bitcast(four, _BYTES)])


def _by_words(builder, total, bytes_, four):
    """total + c·b with what every machine has: products of 16 bits, of which the sum of two still fits, 2 · 127²."""
    eight = ir.Constant(_WORDS, [8] * 2 * TOGETHER)
    code = builder.xor(bytes_, ir.Constant(_BYTES, [-128] * WIDTH))
    even, odd = [], []
    for value in (code, four):
        words = builder.bitcast(value, _WORDS)
        even.append(builder.ashr(builder.shl(words, eight), eight))
        odd.append(builder.ashr(words, eight))
    pairs = builder.bitcast(builder.add(builder.mul(*even), builder.mul(*odd)), _LANES)
    sixteen = ir.Constant(_LANES, [16] * TOGETHER)
    halves = builder.add(builder.ashr(builder.shl(pairs, sixteen), sixteen), builder.ashr(pairs, sixteen))
    return builder.add(total, halves)


def fetch(rows, row):
    """Asks the machine to bring a row of an array (n, d) near, and does nothing else."""


@overload(fetch)
def _compiled_fetch(rows, row):  # noqa: ARG001
    return lambda rows, row: _fetch(rows, row)  # type: ignore[call-arg]


@intrinsic
def _fetch(typing_context, rows, row):  # noqa: ARG001
    """The LLVM form of `fetch`: one prefetch for each 64 bytes."""
    if rows.layout != "C":
        raise TypingError("rows must be C-contiguous")

    def generate(context, builder, signature, arguments):
        from numba.core import cgutils

        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        width = builder.mul(cgutils.unpack_tuple(builder, array.shape)[1], array.itemsize)
        byte = ir.IntType(8).as_pointer()
        start = builder.gep(builder.bitcast(array.data, byte), [builder.mul(arguments[1], width)])
        kind = ir.FunctionType(ir.VoidType(), [byte, *(ir.IntType(32),) * 3])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        reading = [ir.Constant(ir.IntType(32), value) for value in (0, 3, 1)]
        zero, step = ir.Constant(width.type, 0), ir.Constant(width.type, 64)
        with cgutils.for_range_slice(builder, zero, width, step, inc=True) as (i, _):
            builder.call(prefetch, [builder.gep(start, [i]), *reading])
        return context.get_dummy_value()

    return types.none(rows, types.intp), generate
