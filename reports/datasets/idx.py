"""The IDX format of MNIST and its relatives: a magic word, big-endian sizes, then the bytes."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from reports.datasets.source import DataError

#: Type code of unsigned bytes, the third byte of the magic word; MNIST's relatives hold nothing else.
UNSIGNED_BYTE = 0x08
#: More than any published file of this format declares (EMNIST by class holds 547 MB).
MAX_BYTES = 1 << 30
_BLOCK = 1 << 20


def read_idx(path: Path, *, ndim: int, md5: str | None = None, remedy: str = "fetch it again") -> np.ndarray:
    """The uint8 array of `ndim` axes in an IDX file, gzip-compressed if its first two bytes say so.

    Format: bytes 0, 0, type, ndim; ndim sizes as big-endian uint32; the entries in C order.
    The header is a claim, not a fact: memory grows with the bytes that are really there, in
    blocks, and never beyond `MAX_BYTES`. `md5` is the digest of the uncompressed file.

    Raises DataError, naming the file and the remedy, when the file cannot be read, is not of
    this format, declares more than `MAX_BYTES`, is shorter or longer than declared, or has
    another digest.
    """
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else path.open("rb") as stream:
            return _read(cast(BinaryIO, stream), path, ndim, md5, remedy)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}): {remedy}") from error


def _read(stream: BinaryIO, path: Path, ndim: int, md5: str | None, remedy: str) -> np.ndarray:
    header = stream.read(4 + 4 * ndim)
    if len(header) < 4 + 4 * ndim:
        raise DataError(f"{path} ends inside its header, after {len(header)} bytes: {remedy}")
    if header[:4] != bytes((0, 0, UNSIGNED_BYTE, ndim)):
        raise DataError(
            f"{path} is not an IDX file of unsigned bytes in {ndim} dimensions "
            f"(it starts with {header[:4].hex(' ')}, not 00 00 {UNSIGNED_BYTE:02x} {ndim:02x}): {remedy}"
        )
    shape = tuple(int(size) for size in np.frombuffer(header, dtype=">u4", offset=4))
    declared = 1
    for size in shape:
        declared *= size  # Python integers: four sizes of 2³²−1 must not wrap around
    if not 0 < declared <= MAX_BYTES:
        raise DataError(f"{path} declares {' × '.join(map(str, shape))} entries, which no such file holds: {remedy}")
    digest = hashlib.md5(header, usedforsecurity=False)
    content = bytearray()
    while len(content) <= declared:
        block = stream.read(min(_BLOCK, declared + 1 - len(content)))
        if not block:
            break
        digest.update(block)
        content += block
    if len(content) != declared:
        found = f"only {len(content)}" if len(content) < declared else "more"
        raise DataError(f"{path} declares {declared} entries and holds {found}: {remedy}")
    if md5 is not None and digest.hexdigest() != md5:
        raise DataError(f"{path} has other content than published (MD5 {digest.hexdigest()}, not {md5}): {remedy}")
    return np.frombuffer(bytes(content), dtype=np.uint8).reshape(shape)
