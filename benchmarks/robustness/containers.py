"""Saved indexes taken apart, and put together again with checksums that fit, whatever was done to their parts."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

#: Bytes before the header: magic, version, and the header's length (knn/storage.py).
PREFIX = 16
_PART = struct.Struct("<I")
#: How the parts of a sharded index begin when they are one input of a fuzzer.
MARK = b"\0shards\0"


def unpacked(content: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header, without what tells where arrays are, and the arrays of an honest file's bytes."""
    length = _PART.unpack_from(content, PREFIX - 4)[0]
    header, data = json.loads(content[PREFIX : PREFIX + length]), content[PREFIX + length : -32]
    arrays = {}
    for name, entry in header.pop("arrays").items():
        count = int(np.prod(entry["shape"]))
        arrays[name] = np.frombuffer(data, entry["dtype"], count, entry["offset"]).reshape(entry["shape"])
    header.pop("payload")
    return header, arrays


def packed(
    header: dict[str, Any], arrays: dict[str, np.ndarray], alter: Callable[[dict[str, Any]], None] = lambda _: None
) -> bytes:
    """A file of these, as `save` lays it out; `alter` may change the header once it tells where everything is."""
    payload, entries = b"", {}
    for name, array in arrays.items():
        payload += bytes(-len(payload) % 64)
        entries[name] = {"dtype": array.dtype.str, "shape": list(array.shape), "offset": len(payload)}
        payload += array.tobytes()
    told = {**header, "arrays": entries, "payload": len(payload)}
    alter(told)
    text = json.dumps(told).encode()
    text += b" " * (-(PREFIX + len(text)) % 64)
    whole = b"IBKNN\r\n\x1a" + struct.pack("<II", 1, len(text)) + text + payload
    return whole + hashlib.sha256(whole).digest()


def sealed_json(told: Any) -> bytes:
    """`sharded.json` of what it tells, or of a text as it stands, with its checksum."""
    text = told if isinstance(told, bytes) else json.dumps(told).encode()
    return text + b"\n" + hashlib.sha256(text).hexdigest().encode()


def joined(parts: list[bytes]) -> bytes:
    """Several files in one."""
    return MARK + b"".join(_PART.pack(len(part)) + part for part in parts)


def separate(content: bytes) -> list[bytes]:
    """What `joined` was given."""
    parts, at = [], len(MARK)
    while at + _PART.size <= len(content):
        (length,) = _PART.unpack_from(content, at)
        parts.append(content[at + _PART.size : at + _PART.size + length])
        at += _PART.size + length
    return parts
