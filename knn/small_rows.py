"""Rows of whole numbers from 0 to 255, as those of images, kept as bytes besides: the same values, read faster."""

from __future__ import annotations

import numpy as np

from knn.points import grown

#: Rows looked at together.
ROWS = 4096


def as_bytes(rows: np.ndarray, kept: np.ndarray | None, start: int) -> np.ndarray | None:
    """`kept`, the bytes of the rows before `start`, with those of the others; None if a row is not of such numbers."""
    if kept is None:
        return None
    kept = grown(kept, start, len(rows))
    for first in range(start, len(rows), ROWS):
        part = rows[first : first + ROWS]
        small = np.clip(part, 0, 255).astype(np.uint8)
        if not np.array_equal(small, part):
            return None
        kept[first : first + len(part)] = small
    return kept
