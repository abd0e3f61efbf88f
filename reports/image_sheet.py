"""Grey images side by side on one transparent sheet, which shows on whatever the page's background is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def sheet(images: NDArray[np.floating], columns: int) -> NDArray[np.uint8]:
    """RGBA of `images` (n, height, width) in [0, 1], a pixel apart, so many in a row: the grey level is the opacity."""
    n, height, width = images.shape
    rows = -(-n // columns)
    grey = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1))
    for number, image in enumerate(images):
        top, left = (height + 1) * (number // columns), (width + 1) * (number % columns)
        grey[top : top + height, left : left + width] = image.clip(0, 1)
    ink = np.zeros((*grey.shape, 4), dtype=np.uint8)
    ink[..., 3] = np.round(255 * grey)
    return ink
