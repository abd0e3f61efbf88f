"""Arrays written into others by a loop.

With `out[:] = values` Numba compiles the making of a message for shapes that differ, strings and lists and all, which
takes two to four seconds of a kernel's first call.
"""

from __future__ import annotations

from knn.kernels.jit import jit


@jit
def assign(out, values):
    """out[i] = values[i]; values (n,), out (≥ n,). Nothing checks the lengths, and no value is repeated."""
    for i in range(values.shape[0]):
        out[i] = values[i]
