"""Whether two sets of rows can be of one space, and whether they look as if they were scaled alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from knn.validation import LARGEST, SMALLEST

Array = NDArray[np.float64]

#: A factor between magnitudes that bytes beside shares of one exceed by far, and the share of numbers beyond a range,
#: and how many, that chance leaves within.
_FACTOR, _BEYOND, _MANY = 10.0, 0.05, 20


def refuse_other_widths(rows: Array, known: Array, name: str, other: str) -> None:
    """Raises ValueError where the rows (m, d) called `name` are not as wide as those called `other`."""
    (m, width), (n, wanted) = rows.shape, known.shape
    if width == wanted:
        return
    told = f"{name} has {counted(width, 'coordinate')} a row and {other} has {wanted}: they must agree"
    if width == 1:
        told += f"; {name} is read as {counted(m, 'row')} of one number: pass (rows, coordinates)"
    elif wanted == 1:
        told += f"; {other} is read as {counted(n, 'row')} of one number: pass (rows, coordinates)"
    else:
        turned = [(m < width, name, m)] * (m == wanted) + [(n < wanted, other, n)] * (n == width)
        # Where both would fit, the one that is wide.
        for _, whose, count in sorted(turned, reverse=True)[:1]:
            told += f"; {whose} has {count} rows: transpose it if these are the coordinates"
    raise ValueError(told)


def refuse_other_shapes(shape: tuple[int, ...] | None, known: tuple[int, ...] | None, name: str, other: str) -> None:
    """Raises ValueError where rows that were not flat, called `name`, have other axes than those called `other`.

    Channels first beside channels last are as wide, and would be compared number by number. Axes of length 1 are none.
    """
    if shape is None or known is None or [n for n in shape if n != 1] == [n for n in known if n != 1]:
        return
    told, wanted = ("x".join(map(str, part)) for part in (shape, known))
    remedy = "transpose one of them, or flatten both in one order"
    raise ValueError(f"a row of {name} is {told} and one of {other} {wanted}: {remedy}")


def refuse_no_distances(rows: Array, name: str) -> None:
    """Raises ValueError where squared distances of the rows would overflow float64, or vanish in it."""
    most = float(np.abs(rows).max())
    if most > LARGEST[rows.dtype]:
        row = int(np.abs(rows).max(axis=1).argmax())
        raise ValueError(
            f"{name}: row {row} has a number of magnitude {most:.3g}, too large to square: rescale all rows"
        )
    if 0 < most < SMALLEST[rows.dtype]:
        raise ValueError(f"{name}: no number exceeds {most:.3g}, too small to square: rescale all rows")


def equal_rows_doubt(rows: Array, name: str) -> str:
    """A question where all rows are one and the same, or ""."""
    return f"{name}: all rows are equal: are these the right ones?" if (rows == rows[0]).all() else ""


def counted(n: int, word: str) -> str:
    """1 row, 2 rows."""
    return f"{n} {word}{'' if n == 1 else 's'}"


def scale_doubt(rows: Array, known: Array, name: str, other: str) -> str:
    """A question where `rows` and `known` look as if one had been scaled and the other not, or "".

    Asked where largest and usual magnitudes differ more than ten times, as 0 … 255 from 0 … 1, or where a twentieth of
    the numbers of `rows` lies beyond the range of `known`, as −1 … 1 beside 0 … 1. A sampler may be so bad: nothing is
    refused.
    """
    (low, high), (least, most) = ((float(part.min()), float(part.max())) for part in (rows, known))
    # Of heavy tails the largest differ by chance, and beside images with noise the usual ones of images without.
    magnitudes = [(np.abs(part).max(), _usual(part)) for part in (rows, known)]
    apart = all(max(pair) > _FACTOR * min(pair) > 0 for pair in zip(*magnitudes, strict=True))  # zeros have no scale
    beyond = int(((rows < least) | (rows > most)).sum())
    if not apart and (beyond < _MANY or beyond < _BEYOND * rows.size):
        return ""
    told = f"{name}: numbers from {low:.4g} to {high:.4g}, {other}: from {least:.4g} to {most:.4g}"
    return f"{told}: were they scaled alike? Every distance depends on it."


def _usual(rows: Array) -> float:
    """The median magnitude of what is not 0."""
    filled = np.abs(rows[rows != 0])
    return float(np.median(filled)) if len(filled) else 0.0
