"""Four products of bytes at once: the instruction dp4a, which every device of capability 6.1 and later has.

Numba has no name for it, so it is written into the code as NVIDIA's PTX ISA has it ("Integer Arithmetic Instructions:
dp4a"); in the simulator its plain twin serves.
"""

from __future__ import annotations

from typing import Any

from knn.kernels.jit import config


def plain_dot4(a: Any, b: Any, total: Any) -> int:
    """total + Σᵢ aᵢbᵢ over the four signed bytes of whole numbers of 32 bits."""
    a, b, total = int(a), int(b), int(total)
    for shift in (0, 8, 16, 24):
        total += (((a >> shift) + 128) % 256 - 128) * (((b >> shift) + 128) % 256 - 128)
    return total


def _compiled() -> Any:
    from llvmlite import ir
    from numba import types
    from numba.cuda.extending import intrinsic

    @intrinsic
    def dot4(typing_context, a, b, total):  # noqa: ARG001
        """`plain_dot4` in one instruction."""

        def generate(context, builder, signature, arguments):  # noqa: ARG001
            word = ir.IntType(32)
            code = ir.InlineAsm(ir.FunctionType(word, [word] * 3), "dp4a.s32.s32 $0, $1, $2, $3;", "=r,r,r,r")
            return builder.call(code, arguments)

        return types.int32(types.int32, types.int32, types.int32), generate

    return dot4


#: dot4(a, b, total), of int32 each, for kernels.
dot4: Any = plain_dot4 if config.ENABLE_CUDASIM else _compiled()
