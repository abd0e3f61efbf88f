"""One file for a whole training run: written atomically, checked when read, and free of code.

Layout: 16 bytes of magic, the format version (u32), the payload's length (u64), the SHA-256 of
version, length and payload, then the payload: `torch.save` of tensors and plain Python values,
read with `weights_only=True`, which runs nothing that the file says.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import struct
import tempfile
from pathlib import Path
from typing import Any

import torch

MAGIC = b"implicitbench\x00m\n"
VERSION = 1
_SIZES = struct.Struct("<IQ")
_HEADER = len(MAGIC) + _SIZES.size + hashlib.sha256().digest_size


class CheckpointError(ValueError):
    """A file that is no checkpoint, is damaged, or is from a newer version; the message says which and what to do."""


def write_checkpoint(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Writes `content` (tensors and plain values, nested in dicts and lists) to `path`, all or nothing.

    A reader sees the old file or the new one, never a part: the bytes go to a neighbouring
    temporary file, reach the disk, and then take the name. OSError (a full disk) leaves the old file.
    """
    path = Path(path)
    buffer = io.BytesIO()
    torch.save(content, buffer)
    payload = buffer.getbuffer()
    sizes = _SIZES.pack(VERSION, len(payload))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            for part in (MAGIC, sizes, _digest(sizes, payload), payload):
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    # A folder cannot be opened for this on Windows, where the rename is durable by itself.
    with contextlib.suppress(PermissionError, IsADirectoryError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The content of a file of `write_checkpoint`, tensors on the CPU; raises CheckpointError for any damage."""
    data = Path(path).read_bytes()
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise CheckpointError(f"{path} is not a model of implicitbench; give a file that save() or a Checkpoint wrote")
    if len(data) < _HEADER:
        raise CheckpointError(
            f"{path} is truncated: {len(data)} bytes, the header alone has {_HEADER}; use another copy"
        )
    sizes = data[len(MAGIC) : len(MAGIC) + _SIZES.size]
    version, length = _SIZES.unpack(sizes)
    if version > VERSION:
        raise CheckpointError(f"{path} has format {version}, this version reads up to {VERSION}; upgrade implicitbench")
    payload = memoryview(data)[_HEADER:]
    if len(payload) < length:
        raise CheckpointError(f"{path} is truncated: {len(payload)} of {length} bytes of content; use another copy")
    if len(payload) > length or _digest(sizes, payload) != data[len(MAGIC) + _SIZES.size : _HEADER]:
        raise CheckpointError(f"{path} was altered: its checksum does not match; use another copy")
    try:
        content: dict[str, Any] = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} holds something besides tensors and plain values; do not trust it") from error
    return content


def _digest(sizes: bytes, payload: memoryview) -> bytes:
    digest = hashlib.sha256(sizes)
    digest.update(payload)
    return digest.digest()
