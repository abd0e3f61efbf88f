"""Indexes on disk: one file, no pickle, nothing believed that its checksum does not vouch for.

    magic 8 bytes | version u32 | header length u32 | header JSON | arrays, each from a multiple of 64 bytes | SHA-256

All numbers are little-endian. The header names each array with its type, shape and place, so that it can be mapped.
The checksum finds damage, not malice: who can write the file can write the checksum.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap as memory
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
_BLOCK = 1 << 24
#: Names of the types that arrays in a file may have.
_DTYPES = frozenset(
    ["|b1", "|i1", "|u1", *(f"{order}{kind}{size}" for order in "<>" for kind in "iuf" for size in (2, 4, 8))]
)


def write(path: str | os.PathLike[str], header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Writes a file that is whole or is not there: into a neighbour first, which then takes the name."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} cannot be written, because there is no folder {path.parent}: create it first")
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
    try:
        handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    except OSError as error:
        raise _about(error, path) from error
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
    except BaseException as error:
        Path(scratch).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _about(error, path) from error
        raise


def read(
    path: str | os.PathLike[str], *, mmap: bool = False, verify: bool = True
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and the arrays of a file; raises ValueError saying what is wrong with it and what to do.

    With `mmap` the arrays lie in the file and are read when they are used; what is changed in them stays in memory and
    never reaches the file. `verify=False` leaves out the checksum, which reads the whole file once: then the header
    is held against the size of the file. What the arrays hold is not looked at here (knn/file_arrays.py).
    """
    path = Path(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(_PREFIX.size)
        if len(prefix) < _PREFIX.size or prefix[: len(MAGIC)] != MAGIC:
            raise ValueError(f"{path} is not a saved index (or its beginning is lost): give a file that save() wrote")
        _, version, length = _PREFIX.unpack(prefix)
        if version < 1:
            raise _damaged(path, f"its format is {version}, and the first one was 1")
        if version > VERSION:
            raise ValueError(
                f"{path} has format {version}, newer than the {VERSION} that is known here: upgrade implicitbench"
            )
        payload = _PREFIX.size + length
        if payload + _DIGEST > size:
            raise _damaged(path, f"it has {size} bytes, and its header alone would end at {payload}")
        private = memory.ACCESS_COPY if mmap else memory.ACCESS_READ
        data = memoryview(memory.mmap(file.fileno(), size, access=private))
    if verify and _digest(data[:-_DIGEST]) != data[-_DIGEST:]:
        raise _damaged(path, "its checksum does not match")
    try:
        header = json.loads(bytes(data[_PREFIX.size : payload]))
        entries = header.pop("arrays")
        arrays = {name: _array(data[payload:-_DIGEST], entry) for name, entry in entries.items()}
        _check_apart({name: (entries[name]["offset"], array.nbytes) for name, array in arrays.items()})
        if payload % ALIGNMENT:
            raise ValueError(f"arrays from byte {payload} on, no multiple of {ALIGNMENT}")
        if payload + header["payload"] + _DIGEST != size:
            raise ValueError(f"{size} bytes where the header counts {payload + header['payload'] + _DIGEST}")
        _check_header(header)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _damaged(path, f"its header cannot be right: {error!r}") from error
    kept = {}
    for name, array in arrays.items():
        native = array.dtype.newbyteorder("=")
        kept[name] = array.astype(native, copy=not mmap)
    return header, kept


def _damaged(path: Path, reason: str) -> ValueError:
    return ValueError(f"{path} is truncated or was altered ({reason}): save the index again, or restore it from a copy")


def _about(error: OSError, path: Path) -> OSError:
    """The same failure with the name of the file that the user asked for, not of its neighbour."""
    return OSError(error.errno, error.strerror, str(path)) if error.errno is not None else error


def _digest(data: memoryview) -> bytes:
    digest = hashlib.sha256()
    for start in range(0, len(data), _BLOCK):
        digest.update(data[start : start + _BLOCK])
    return digest.digest()


def _array(data: memoryview, entry: dict[str, Any]) -> np.ndarray:
    """The array that a header's entry describes, in place; raises unless it lies within `data`."""
    # NumPy reads whole expressions as types, and some of what damage makes of a name is a syntax error to it.
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"arrays of {entry['dtype']!r}")
    dtype, shape, offset = np.dtype(entry["dtype"]), entry["shape"], entry["offset"]
    if not all(type(number) is int and number >= 0 for number in (*shape, offset)) or offset % ALIGNMENT:
        raise ValueError(f"shape {shape} at {offset}")
    count = math.prod(shape)  # Python integers: a product of large sizes must not wrap around
    if offset + count * dtype.itemsize > len(data):
        raise ValueError(f"{count} entries of {dtype} at {offset}, beyond the end")
    return np.frombuffer(data, dtype, count, offset).reshape(shape)


def _check_apart(spans: dict[str, tuple[int, int]]) -> None:
    """Raises where two arrays (offset, bytes) share bytes: a change of one would change the other, past all checks, and
    a small file could hold any number of large arrays."""
    end, before = 0, ""
    for name, (start, size) in sorted(spans.items(), key=lambda span: span[1]):
        if size and start < end:
            raise ValueError(f"{name} begins at {start}, within {before}, which ends at {end}")
        if size:
            end, before = start + size, name


def _check_header(header: dict[str, Any]) -> None:
    """Raises unless the entries are of their kinds."""
    names = header["feature_names"]
    sound = isinstance(header["index"], str) and isinstance(header["parameters"], dict)
    sound &= type(header["features"]) is int and header["features"] > 0
    sound &= names is None or (isinstance(names, list) and len(names) == header["features"])
    sound &= all(isinstance(name, str) for name in names or ())
    if not sound:
        raise ValueError("an entry of another kind")


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT


def plain(name: str, value: Any) -> Any:
    """A parameter as JSON has it; raises TypeError naming it."""
    value = value.item() if isinstance(value, np.generic) else value
    try:
        json.dumps(value)
    except TypeError:
        raise TypeError(
            f"{name}={value!r} cannot be written to a file: set_params({name}=…) to a number, a word or None before"
        ) from None
    return value
