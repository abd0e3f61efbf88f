"""A folder of images as rows in [0, 1]."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reports.auditing.files import KINDS, plausible, refusing
from reports.unread import readable

#: The endings of images that a folder may hold, and how Pillow calls the formats: no other is tried, whatever the
#: content, since some of its readers start programs.
_IMAGES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
#: Modes of Pillow whose range is known: a byte of grey, bytes of colour, two bytes of grey.
_GREY, _COLOUR, _DEEP = ("1", "L"), ("RGB", "P", "CMYK", "YCbCr", "LAB", "HSV"), ("I;16", "I;16L", "I;16B", "I;16N")


def read_images(folder: Path, name: str) -> NDArray[np.float64]:
    """(n, height, width) or (n, height, width, 3) of the images in the order of their names; ValueError, OSError."""
    from PIL import Image

    with readable(f"{name}: {folder}"):
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGES)
    if not files:
        raise ValueError(f"{name}: {folder} holds no images ({', '.join(_IMAGES)}): pass {KINDS}")
    read: list[NDArray[np.float64]] = []
    for row, path in enumerate(files):
        at = f"{name}: row {row}, {path.name},"
        with readable(at), refusing(name, f"{at} is no image that can be read"), warnings.catch_warnings():
            # Pillow's warning of large images says less than the check below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # From memory: of a file Pillow asks for as many bytes as a chunk claims, and they are set aside.
            with Image.open(io.BytesIO(path.read_bytes()), formats=_FORMATS) as image:
                plausible(image.width * image.height * len(image.getbands()), path, path.stat().st_size)
                pixels, refused = _pixels(image)
        if refused:
            raise ValueError(f"{at} {refused}")
        if read and pixels.shape != read[0].shape:
            raise ValueError(
                f"{at} is of shape {pixels.shape} and {files[0].name} of {read[0].shape}: "
                "give all images one size and one mode"
            )
        read.append(pixels)
    return np.stack(read)


def _pixels(image: Any) -> tuple[NDArray[np.float64], str]:
    """The pixels in [0, 1], and why they cannot be had, or ""."""
    if image.mode in _DEEP:
        return np.asarray(image).astype(np.float64) / 65535, ""
    if image.mode.upper() in ("LA", "RGBA", "PA") or "transparency" in image.info:
        return np.empty(0), "has transparent pixels, whose colour is anybody's choice: put it on a background first"
    if image.mode not in (*_GREY, *_COLOUR):
        told = f"is of mode {image.mode}, whose range nobody knows: save 8 or 16 bits a pixel, or give rows as .npy"
        return np.empty(0), told
    return np.asarray(image.convert("L" if image.mode in _GREY else "RGB"), dtype=np.float64) / 255, ""
