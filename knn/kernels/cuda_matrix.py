"""Products of small matrices by one instruction of a warp, `mma`, which devices of capability 8.0 and later have.

A word of 32 bits holds two halves or four signed bytes. A warp multiplies 16 rows by 8 rows of eight words each: of the
former, lane l gives words t = l mod 4 and t + 4 of rows g = ⌊l/4⌋ and g + 8, of the latter the same words of row g, and
is answered the products of rows g and g + 8 with rows 2t and 2t + 1, added to what it had (NVIDIA's PTX ISA, "Matrix
Fragments for mma.m16n8k16" and "…mma.m16n8k32"). Which words of a row are called t does not matter, as long as they are
the same of both.

Products of bytes and their sums are whole numbers without an error. Products of halves are exact in float32; in which
order they are added, and how each sum is rounded, is not specified beyond "at least single precision": `UNIT`.

Numba has no name for the instruction, so it is written into the code; in the simulator plain twins serve.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numba import types

from knn.kernels.cuda_dot4 import plain_dot4
from knn.kernels.jit import config

#: Which devices have the instruction.
CAPABILITY = (8, 0)
#: A sum of float32 by the instruction is off by at most UNIT of the largest magnitude among what is added, for each of
#: these: all may be shifted to the exponent of the largest and cut off there, at 2⁻²³ of it (Fasi, Higham, Mikaitis &
#: Pranesh 2021, "Numerical behavior of NVIDIA tensor cores", measured just that on the oldest, and one or two digits
#: more on later ones). Twice as much is assumed.
UNIT = 2.0**-22


def plain_halves(a: Any, b: Any, total: Any) -> Any:
    """total + a₀b₀ + a₁b₁ of the two halves of words of 32 bits, float32."""
    first, second = (np.array([value], np.int32).view(np.float16).astype(np.float32) for value in (a, b))
    return np.float32(total + first[0] * second[0] + first[1] * second[1])


#: One word by another, added to a total, by the type of what words hold: what the instruction does many times.
PLAIN = {np.dtype(np.float16): plain_halves, np.dtype(np.int32): plain_dot4}


@functools.cache
def instruction(dtype: np.dtype) -> Any:
    """mma(a0, a1, a2, a3, b0, b1, c0, c1, c2, c3) of words int32 and sums, to four sums, for kernels.

    dtype is float16 for halves, whose sums are float32, and int32 for four signed bytes, whose sums are int32. a0 and
    a1 are words t of rows g and g + 8, a2 and a3 words t + 4 of the same, b0 and b1 words t and t + 4. All lanes of a
    warp have to come to it together. Nothing in the simulator.
    """
    if config.ENABLE_CUDASIM:
        return None
    from llvmlite import ir
    from numba.cuda.extending import intrinsic

    word = ir.IntType(32)
    shape, number, letter, total = {
        "f2": ("m16n8k16.row.col.f32.f16.f16.f32", types.float32, "f", ir.FloatType()),
        "i4": ("m16n8k32.row.col.s32.s8.s8.s32", types.int32, "r", word),
    }[dtype.str[1:]]

    @intrinsic
    def mma(typing_context, a0, a1, a2, a3, b0, b1, c0, c1, c2, c3):  # noqa: ARG001
        def generate(context, builder, signature, arguments):
            code = ir.InlineAsm(
                ir.FunctionType(ir.LiteralStructType([total] * 4), [word] * 6 + [total] * 4),
                f"mma.sync.aligned.{shape} {{$0, $1, $2, $3}}, {{$4, $5, $6, $7}}, {{$8, $9}}, {{$10, $11, $12, $13}};",
                ",".join([f"={letter}"] * 4 + ["r"] * 6 + [letter] * 4),
                side_effect=True,  # no branch may come between the lanes
            )
            made = builder.call(code, arguments)
            sums = [builder.extract_value(made, i) for i in range(4)]
            return context.make_tuple(builder, signature.return_type, sums)

        return types.UniTuple(number, 4)(*[types.int32] * 6, *[number] * 4), generate

    return mma


@functools.cache
def hidden() -> Any:
    """again(value): the value, int32, of which the compiler knows nothing.

    What is worked out from it within a loop is so in each of its rounds; before the loop it would take registers that
    the sums need.
    """
    if config.ENABLE_CUDASIM:
        return int
    from llvmlite import ir
    from numba.cuda.extending import intrinsic

    @intrinsic
    def again(typing_context, value):  # noqa: ARG001
        def generate(context, builder, signature, arguments):
            word = ir.IntType(32)
            given = context.cast(builder, arguments[0], signature.args[0], types.int32)
            code = ir.InlineAsm(ir.FunctionType(word, [word]), "mov.b32 $0, $1;", "=r,r", side_effect=True)
            return builder.call(code, [given])

        return types.int32(value), generate

    return again


@functools.cache
def copying(parts: int, wide: int, columns: int) -> tuple[Any, Any]:
    """copy(rows, at, there, shared, row, column) and arrive(): memory to shared memory by no register.

    For each p < parts copies the word at + p·wide·d of rows int32 (n, d), one after another, to shared[row + p·wide,
    column] of int32 (rows, columns), or nought where p·wide ≥ there; the thread that asked goes on meanwhile. After
    `arrive` all that it asked for is there, for itself, and after a barrier for the others. Nothing in the simulator.
    """
    if config.ENABLE_CUDASIM:
        return None, None
    from llvmlite import ir
    from numba.cuda.extending import intrinsic

    word, address = ir.IntType(32), ir.IntType(64)

    @intrinsic
    def copy(typing_context, rows, at, there, shared, row, column):  # noqa: ARG001
        def generate(context, builder, signature, arguments):
            def pointer(which: int, place: Any) -> Any:
                array = context.make_array(signature.args[which])(context, builder, arguments[which])
                return builder.add(builder.ptrtoint(array.data, address), builder.mul(place, address(4)))

            array = context.make_array(signature.args[0])(context, builder, arguments[0])
            step = builder.mul(builder.extract_value(array.shape, 1), address(4 * wide))
            place = builder.add(builder.mul(arguments[4], address(columns)), arguments[5])
            told = ir.InlineAsm(ir.FunctionType(address, [address]), "cvta.to.shared.u64 $0, $1;", "=l,l")
            target, source = builder.call(told, [pointer(3, place)]), pointer(0, arguments[1])
            for part in range(parts):
                some = builder.icmp_signed("<", word(part * wide), arguments[2])
                code = ir.InlineAsm(
                    ir.FunctionType(ir.VoidType(), [address, address, word]),
                    f"cp.async.ca.shared.global [$0+{4 * part * wide * columns}], [$1], 4, $2;",
                    "l,l,r,~{memory}",
                    side_effect=True,
                )
                builder.call(code, [target, source, builder.select(some, word(4), word(0))])
                source = builder.add(source, step)
            return context.get_dummy_value()

        return types.void(rows, types.uint64, types.int32, shared, types.uint64, types.uint64), generate

    @intrinsic
    def arrive(typing_context):  # noqa: ARG001
        def generate(context, builder, signature, arguments):  # noqa: ARG001
            code = ir.InlineAsm(ir.FunctionType(ir.VoidType(), []), "cp.async.wait_all;", "~{memory}", side_effect=True)
            builder.call(code, [])
            return context.get_dummy_value()

        return types.void(), generate

    return copy, arrive
