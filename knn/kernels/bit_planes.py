"""Products of short codes with a query, eight points at a time: one bit of every number to a plane, and bits counted.

A point has whole numbers u of B bits and a query whole numbers v of six, in two's complement. With one bit of each of
sixty-four numbers in a word, Σ u·v = Σ_b Σ_c ±2^(b+c) popcount(plane_b(u) & plane_c(v)), minus for the highest c. Sums
of whole numbers are the same in any order, so the plain loop and the machine's vectors agree to the bit.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

#: Points of a block, numbers to a word, and bits of a query's number.
TOGETHER, WORD, QUERY_BITS = 8, 64, 6
_LANES = ir.VectorType(ir.IntType(64), TOGETHER)


def block_products(words, block, query, out):
    """out[i] = Σⱼ uᵢⱼ vⱼ of a block's eight points.

    words uint64 (n, B, w, 8): plane, word, point. query uint64 (w, 6): word, plane. out int64 (8,).
    """
    for lane in range(TOGETHER):
        total = 0
        for plane in range(words.shape[1]):
            for word in range(words.shape[2]):
                for bit in range(QUERY_BITS):
                    common = int(words[block, plane, word, lane]) & int(query[word, bit])
                    weight = 1 << (plane + bit)
                    total += (-weight if bit == QUERY_BITS - 1 else weight) * common.bit_count()
        out[lane] = total


@overload(block_products)
def _compiled_block_products(words, block, query, out):  # noqa: ARG001 (the signature is the Python function's)
    return lambda words, block, query, out: _block_products(words, block, query, out)  # type: ignore[call-arg]


@intrinsic
def _block_products(typing_context, words, block, query, out):  # noqa: ARG001
    """The LLVM form of `block_products`; where the CPU counts bits in vectors (AVX512-VPOPCNTDQ), LLVM takes that."""
    for array in (words, query, out):
        if array.layout != "C":
            raise TypingError("bit planes must be C-contiguous")

    def generate(context, builder, signature, arguments):
        arrays = [context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2, 3)]
        _, n_planes, n_words, _ = cgutils.unpack_tuple(builder, arrays[0].shape)
        kind = ir.FunctionType(_LANES, [_LANES])
        count = cgutils.get_or_insert_function(builder.module, kind, "llvm.ctpop.v8i64")
        size = n_words.type
        zero, one, nothing = ir.Constant(size, 0), ir.Constant(size, 1), ir.Constant(_LANES, [0] * TOGETHER)
        total = cgutils.alloca_once_value(builder, nothing)
        sums = [cgutils.alloca_once(builder, _LANES) for _ in range(QUERY_BITS)]
        with cgutils.for_range_slice(builder, zero, n_planes, one, inc=True) as (plane, _):
            for held in sums:
                builder.store(nothing, held)
            line = builder.mul(builder.add(builder.mul(arguments[1], n_planes), plane), n_words)
            with cgutils.for_range_slice(builder, zero, n_words, one, inc=True) as (word, _):
                place = builder.mul(builder.add(line, word), ir.Constant(size, TOGETHER))
                eight = builder.bitcast(builder.gep(arrays[0].data, [place]), _LANES.as_pointer())
                bits = builder.load(eight, align=8)
                first = builder.mul(word, ir.Constant(size, QUERY_BITS))
                for bit, held in enumerate(sums):
                    asked = builder.load(builder.gep(arrays[1].data, [builder.add(first, ir.Constant(size, bit))]))
                    common = builder.and_(bits, _every_lane(builder, asked))
                    builder.store(builder.add(builder.load(held), builder.call(count, [common])), held)
            of_plane = nothing
            for bit, held in enumerate(sums):
                part = builder.shl(builder.load(held), ir.Constant(_LANES, [bit] * TOGETHER))
                of_plane = (builder.sub if bit == QUERY_BITS - 1 else builder.add)(of_plane, part)
            weighed = builder.shl(of_plane, _every_lane(builder, plane))
            builder.store(builder.add(builder.load(total), weighed), total)
        builder.store(builder.load(total), builder.bitcast(arrays[2].data, _LANES.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.none(words, types.intp, query, out), generate


def _every_lane(builder, value):
    one = builder.insert_element(ir.Constant(_LANES, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), TOGETHER), [0] * TOGETHER))
