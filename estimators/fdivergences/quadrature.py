"""Adaptive Gauss–Kronrod quadrature on boxes of one or two dimensions, all boxes of a round at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Nodes of the 15-point Kronrod rule in (0, 1], its weights, and the 7-point Gauss weights on every other node
#: (QUADPACK's qk15).
_NODES = (
    0.991455371120812639206854697526329, 0.949107912342758524526189684047851, 0.864864423359769072789712788640926,
    0.741531185599394439863864773280788, 0.586087235467691130294144691693013, 0.405845151377397166906606412076961,
    0.207784955007898467600689403773245, 0.0,
)  # fmt: skip
_KRONROD = (
    0.022935322010529224963732008058970, 0.063092092629978553290700663189204, 0.104790010322250183839876322541518,
    0.140653259715525918745189590510238, 0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
    0.204432940075298892414161999234649, 0.209482141084727828012999174891714,
)  # fmt: skip
_GAUSS = (
    0.129484966168869693270611432679082, 0.279705391489276667901467771423780, 0.381830050505118944950369775488975,
    0.417959183673469387755102040816327,
)  # fmt: skip
_X = np.array([*(-np.array(_NODES)), *_NODES[-2::-1]])
_K = np.array([*_KRONROD, *_KRONROD[-2::-1]])
_G = np.zeros(15)
_G[1::2] = [*_GAUSS, *_GAUSS[-2::-1]]


class Integral(NamedTuple):
    """The integrals of all components, the estimated errors of all but the last, and whether those met their goals.

    `parts` (b,) holds what each of the `boxes` has of the first one.
    """

    values: Array
    errors: Array
    converged: bool
    boxes: Array
    parts: Array


def integrate(
    f: Callable[[Array], Array], boxes: Array, *, goals: Callable[[Array], Array], most: int = 4_000_000
) -> Integral:
    """∫ f over the boxes (b, d, 2), d = 1 or 2; f maps (n, d) to (c, n): integrands, and last the size of their noise.

    A box is halved, along the axis on which Gauss and Kronrod differ most, while for one of the first c − 1 components
    the sum of their differences exceeds its goal, goals(values) (c − 1,); `most` points are looked at. The difference
    is far above the error of the Kronrod rule where f is smooth, but an estimate, and no proof; least of all where no
    node meets what f has. A value of f that is not finite makes the result not converged.
    """
    d = boxes.shape[1]
    found, error = _rule(f, boxes)
    used = len(boxes) * 15**d
    while True:
        values, off = found.sum(axis=1), error.sum(axis=(0, 2))
        if not np.isfinite(found).all():
            return Integral(values, np.full(len(off), np.inf), False, boxes, found[0])
        allowed = goals(values)
        over = off > allowed
        if not over.any():
            return Integral(values, off, True, boxes, found[0])
        # The boxes that make up all but half of what is allowed: halving others would not help.
        shares = error[:, over] / allowed[over, None]
        worst = np.zeros(len(boxes), dtype=bool)
        for share in shares.sum(axis=0):
            order = np.argsort(share)
            worst[order[np.cumsum(share[order]) > 0.5]] = True
        bad = np.flatnonzero(worst)
        used += 2 * len(bad) * 15**d
        if used > most:
            return Integral(values, off, False, boxes, found[0])
        halves = _halved(boxes[bad], shares[:, :, bad].max(axis=1).argmax(axis=0))
        new = _rule(f, halves)
        boxes = np.concatenate([boxes[~worst], halves])
        found, error = (
            np.concatenate([old[..., ~worst], part], axis=-1) for old, part in zip((found, error), new, strict=True)
        )


def _rule(f: Callable[[Array], Array], boxes: Array) -> tuple[Array, Array]:
    """The integrals (c, b), and by axis the differences of the rules in all components but the last (d, c − 1, b)."""
    middle, half = boxes.mean(axis=2), (boxes[:, :, 1] - boxes[:, :, 0]) / 2
    nodes = middle[:, :, None] + half[:, :, None] * _X
    if boxes.shape[1] == 1:
        values = f(nodes.reshape(-1, 1)).reshape(-1, len(boxes), 15)
        found = (values @ _K) * half[:, 0]
        off = np.abs(values[:-1] @ (_K - _G)) * half[:, 0]
        # At a kink the two rules may agree by accident, and their halves seldom do as well.
        middles = _halved(boxes, np.zeros(len(boxes), dtype=np.int64)).mean(axis=2)
        places = middles[:, :, None] + np.tile(half, (2, 1))[:, :, None] / 2 * _X
        halves = f(places.reshape(-1, 1)).reshape(-1, 2, len(boxes), 15)
        finer = (halves @ _K).sum(axis=1) * half[:, 0] / 2
        return finer, np.maximum(off, np.abs(finer - found)[:-1])[None]
    grid = np.stack([np.repeat(nodes[:, 0], 15, axis=1), np.tile(nodes[:, 1], (1, 15))], axis=2)
    table = f(grid.reshape(-1, 2)).reshape(-1, len(boxes), 15, 15)
    area = half.prod(axis=1)
    found = np.einsum("cbij,i,j->cb", table, _K, _K) * area
    pairs = ((_K - _G, _K), (_K, _K - _G))
    return found, np.abs([np.einsum("cbij,i,j->cb", table[:-1], *pair) * area for pair in pairs])


def _halved(boxes: Array, axis: NDArray[np.int64]) -> Array:
    rows = np.arange(len(boxes))
    middle = boxes[rows, axis].mean(axis=1)
    lower, upper = boxes.copy(), boxes.copy()
    lower[rows, axis, 1] = middle
    upper[rows, axis, 0] = middle
    return np.concatenate([lower, upper])
