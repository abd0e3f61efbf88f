"""The rational quadratic kernels of MMD GAN with their derivatives, all shapes in one pass over the squares."""

from __future__ import annotations

import numpy as np

from knn.kernels.jit import jit

#: Numbers taken at once: what is between the steps stays in the nearest cache.
_BLOCK = 1024


@jit
def rational_quadratics(squared, k, slope, bend):
    """k = (1+5s/2)^−⅕ + (1+s)^−½ + (1+s/2)^−1 + (1+s/4)^−2 + (1+s/10)^−5, and its first two derivatives in s.

    squared (n,), 0 ≤ s < 10³⁸; k, slope and bend (n,) are written; all float32 or all float64. Beyond they are NaN.
    """
    root, guess = np.empty(_BLOCK, squared.dtype), np.empty(_BLOCK, np.float32)
    for start in range(0, len(squared), _BLOCK):
        end = min(start + _BLOCK, len(squared))
        fifth_root(squared[start:end], root, guess, guess.view(np.int32))
        _terms(squared[start:end], root, k[start:end], slope[start:end], bend[start:end])


@jit
def fifth_root(squared, root, guess, bits):
    """root = (1 + 5s/2)^−⅕ by Newton's iteration y ← y(6 − uy⁵)/5, whose relative error e becomes 3e².

    A fifth of a float's exponent and digits, which are the `bits` of `guess`, is within 3.2 %; from there four steps
    are enough for either type. No library is called, so that all are vectors.
    """
    one, steep, six = squared.dtype.type(1), squared.dtype.type(2.5), squared.dtype.type(6)
    fifth, largest, nothing = squared.dtype.type(0.2), squared.dtype.type(1e38), squared.dtype.type(np.nan)
    for i in range(len(squared)):
        guess[i] = one + steep * squared[i]
    for i in range(len(squared)):
        bits[i] = np.int32(1277930000) - bits[i] // np.int32(5)
    for i in range(len(squared)):
        u, y = one + steep * squared[i], squared.dtype.type(guess[i])
        for _ in range(4):
            y *= (six - u * (y * y) * (y * y) * y) * fifth
        root[i] = y if squared[i] < largest else nothing


@jit
def _terms(squared, root, k, slope, bend):
    one, half, quarter = squared.dtype.type(1), squared.dtype.type(0.5), squared.dtype.type(0.25)
    tenth, steep, bent = squared.dtype.type(0.1), squared.dtype.type(2.5), squared.dtype.type(1.5)
    bent_half, bent_two, bent_five = squared.dtype.type(0.75), squared.dtype.type(0.375), squared.dtype.type(0.3)
    for i in range(len(squared)):
        s = squared[i]
        a, b, c = one / (one + steep * s), one / np.sqrt(one + s), one / (one + half * s)
        d, e, y = one / (one + quarter * s), one / (one + tenth * s), root[i]
        b2, d2, e2 = b * b, d * d, e * e
        e5 = e2 * e2 * e
        k[i] = y + b + c + d2 + e5
        slope[i] = -half * (y * a + b2 * b + c * c + d2 * d + e5 * e)
        y *= bent * a * a
        bend[i] = y + bent_half * b2 * b2 * b + half * c * c * c + bent_two * d2 * d2 + bent_five * e5 * e2
