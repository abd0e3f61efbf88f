"""Indexes on disk: one file, no pickle, nothing believed that its checksum does not vouch for.

    magic 8 bytes | version u32 | header length u32 | header JSON | arrays, each from a multiple of 64 bytes | SHA-256

All numbers are little-endian. The header names each array with its type, shape and place, so that it can be mapped.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

MAGIC = b"IBKNN\r\n\x1a"
VERSION = 1
ALIGNMENT = 64
_PREFIX = struct.Struct("<8sII")
_DIGEST = hashlib.sha256().digest_size


def write(path: str | os.PathLike[str], header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Writes a file that is whole or is not there: into a neighbour first, which then takes the name."""
    path = Path(path)
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    entries: dict[str, dict[str, Any]] = {}
    offset = 0
    for name, array in contiguous.items():
        offset = _aligned(offset)
        dtype = array.dtype.newbyteorder("<")
        entries[name] = {"dtype": dtype.str, "shape": list(array.shape), "offset": offset}
        offset += array.nbytes
    text = json.dumps({**header, "arrays": entries, "payload": offset}, allow_nan=False).encode()
    text += b" " * (_aligned(_PREFIX.size + len(text)) - _PREFIX.size - len(text))
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            digest = hashlib.sha256()

            def put(part: bytes | memoryview) -> None:
                digest.update(part)
                file.write(part)

            put(_PREFIX.pack(MAGIC, VERSION, len(text)))
            put(text)
            written = 0
            for name, array in contiguous.items():
                put(b"\0" * (entries[name]["offset"] - written))
                put(array.astype(entries[name]["dtype"], copy=False).reshape(-1).view(np.uint8).data)
                written = entries[name]["offset"] + array.nbytes
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of a file; raises ValueError saying what is wrong with it and what to do."""
    path = Path(path)
    data = path.read_bytes()
    if len(data) < _PREFIX.size or data[: len(MAGIC)] != MAGIC:
        raise ValueError(f"{path} is not a saved index (or its beginning is lost): give a file that save() wrote")
    _, version, length = _PREFIX.unpack_from(data)
    if version > VERSION:
        raise ValueError(
            f"{path} has format {version}, newer than the {VERSION} that is known here: upgrade implicitbench"
        )
    if hashlib.sha256(memoryview(data)[:-_DIGEST]).digest() != data[-_DIGEST:]:
        raise ValueError(f"{path} is truncated or was altered (its checksum does not match): save the index again")
    header = json.loads(data[_PREFIX.size : _PREFIX.size + length])
    payload = _PREFIX.size + length
    arrays = {}
    for name, entry in header.pop("arrays").items():
        count = int(np.prod(entry["shape"], dtype=np.int64))
        array = np.frombuffer(data, entry["dtype"], count, payload + entry["offset"]).reshape(entry["shape"])
        arrays[name] = array.astype(array.dtype.newbyteorder("="), copy=True)
    return header, arrays


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
