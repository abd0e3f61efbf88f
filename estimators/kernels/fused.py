"""a·b + c with one rounding, as an instruction: what a sum of squares is built from, the same bits on every machine."""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic, overload


def fused(a, b, c):
    """a·b + c; compiled, it is rounded once, and in Python (the JIT off) twice, an ulp apart at most."""
    return a * b + c


@overload(fused, inline="always")
def _compiled_fused(a, b, c):  # noqa: ARG001 (the signature is the Python function's)
    return lambda a, b, c: _fma(a, b, c)  # type: ignore[call-arg]


@intrinsic
def _fma(typing_context, a, b, c):  # noqa: ARG001
    """LLVM's fma on doubles: one instruction where the machine has it, a correctly rounded call elsewhere."""

    def generate(context, builder, signature, arguments):  # noqa: ARG001
        return builder.fma(*arguments)

    return types.float64(types.float64, types.float64, types.float64), generate
