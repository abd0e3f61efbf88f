"""Products of codes, sixteen points at a time: the plain loop, and the same sums by the machine's byte products.

A sum of products of whole numbers is the same in any order, so all forms agree to the bit. In the plain loop adding up
the lanes of a point costs more than its products do; sixteen points added up together share that. And `vpdpbusd`, where
the CPU has it, multiplies 64 bytes at once: less than half of the plain loop's time (measured).
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core.errors import TypingError
from numba.extending import intrinsic, overload

#: Whole numbers in a code, and points whose products are found together.
WIDTH, TOGETHER = 64, 16
_LANES = ir.VectorType(ir.IntType(32), TOGETHER)
_BYTES = ir.VectorType(ir.IntType(8), WIDTH)


def sixteen_products(codes, first, b, out):
    """out[i] = ⟨codes[i], b⟩ for first ≤ i < first + 16. codes int8 (n, 64), b int8 (64,), out int32 (n,)."""
    for i in range(first, first + TOGETHER):
        total = np.int32(0)
        for j in range(WIDTH):
            total += np.int32(codes[i, j]) * np.int32(b[j])
        out[i] = total


@overload(sixteen_products)
def _compiled_sixteen_products(codes, first, b, out):  # noqa: ARG001 (the signature is the Python function's)
    return lambda codes, first, b, out: _sixteen_products(codes, first, b, out)  # type: ignore[call-arg]


@intrinsic
def _sixteen_products(typing_context, codes, first, b, out):  # noqa: ARG001
    """The LLVM form of `sixteen_products`."""
    for array in (codes, b, out):
        if array.layout != "C":
            raise TypingError("codes must be C-contiguous")

    def generate(context, builder, signature, arguments):
        place = arguments[1]
        code, query, sums = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(
                (signature.args[0], *signature.args[2:]), (arguments[0], *arguments[2:]), strict=True
            )
        )
        product = _by_bytes if "+avx512vnni" in _features(context) else _by_words
        b = _load(builder, query, _BYTES)
        totals = []
        for i in range(TOGETHER):
            offset = builder.mul(builder.add(place, ir.Constant(place.type, i)), ir.Constant(place.type, WIDTH))
            totals.append(product(builder, _load(builder, builder.gep(code, [offset]), _BYTES), b))
        while len(totals) > 1:
            totals = [_folded(builder, *pair) for pair in zip(totals[::2], totals[1::2], strict=True)]
        target = builder.bitcast(builder.gep(sums, [place]), _LANES.as_pointer())
        builder.store(totals[0], target, align=4)
        return context.get_dummy_value()

    return types.none(codes, first, b, out), generate


def _features(context):
    """What the code is compiled for, as LLVM spells it."""
    return str(getattr(context.codegen(), "_tm_features", ""))


def _load(builder, pointer, vector):
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=1)


def _by_bytes(builder, c, b):
    """Sixteen partial sums of c·b by `vpdpbusd`, which wants one factor unsigned: (c + 128)·b − 128·b."""
    shifted = builder.xor(c, ir.Constant(_BYTES, [-128] * WIDTH))
    kind = ir.FunctionType(_LANES, [_LANES, _LANES, _LANES])
    dot = builder.module.declare_intrinsic("llvm.x86.avx512.vpdpbusd.512", (), kind)
    high = ir.Constant(_LANES, [-0x7F7F7F80] * TOGETHER)  # four bytes of 128
    nothing = ir.Constant(_LANES, [0] * TOGETHER)
    query = builder.bitcast(b, _LANES)
    excess = builder.call(dot, [nothing, high, query])
    return builder.sub(builder.call(dot, [nothing, builder.bitcast(shifted, _LANES), query]), excess)


def _by_words(builder, c, b):
    """The same with what every machine has: bytes widened to 32 bits, multiplied, and added four by four."""
    wide = ir.VectorType(ir.IntType(32), WIDTH)
    products = builder.mul(builder.sext(c, wide), builder.sext(b, wide))
    width = WIDTH
    while width > TOGETHER:
        width //= 2
        halves = [_pick(builder, products, products, range(start, start + width)) for start in (0, width)]
        products = builder.add(*halves)
    return products


def _folded(builder, left, right):
    """Sums of neighbouring lanes: those of `left`, then those of `right`."""
    return builder.add(
        _pick(builder, left, right, range(0, 2 * TOGETHER, 2)), _pick(builder, left, right, range(1, 2 * TOGETHER, 2))
    )


def _pick(builder, left, right, places):
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), list(places))
    return builder.shuffle_vector(left, right, mask)
