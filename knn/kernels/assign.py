"""Arrays written into others by a loop: Numba compiles `out[:] = values` with the making of its message for shapes that
do not fit, strings and all, which takes two to four seconds of the first call on a machine."""

from __future__ import annotations

from knn.kernels.jit import jit


@jit
def assign(out, values):
    """out[i] = values[i] for each of the values (n,); out (≥ n,) is of the caller's making, as long or longer."""
    for i in range(values.shape[0]):
        out[i] = values[i]
