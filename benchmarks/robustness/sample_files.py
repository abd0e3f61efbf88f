"""The files of samples that `implicitbench audit` reads: seeds, some of which lie, their checksums, and the reader."""

from __future__ import annotations

import io
import os
import struct
import unittest.mock
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

#: What the reader is given the file as: by its ending, and images in a folder, where the content decides.
ENDINGS = {
    "npy-samples": "npy",
    "npz-samples": "npz",
    "pt-samples": "pt",
    "parquet-samples": "parquet",
    "image-samples": "png",
    "h5-samples": "h5",
}


class Refused(Exception):
    """The reader's own error: it names the argument."""


class Code:
    """What a pickle may do to who reads it."""

    def __reduce__(self):
        return os.abort, ()


def read(kind: str, path: Path) -> None:
    """As an audit reads; raises Refused, or AssertionError for a complaint that does not say of what it is."""
    from reports.auditing.formats import read_rows

    place = path.parent / "samples"
    place.mkdir(exist_ok=True)
    file = place / f"a.{ENDINGS[kind]}"
    file.write_bytes(path.read_bytes())
    try:
        with warnings.catch_warnings(), unittest.mock.patch("reports.datasets.ann_hdf5.in_a_process", _here):
            warnings.simplefilter("ignore")
            read_rows(place if kind == "image-samples" else file, "data")
    except (ValueError, TypeError, OSError) as error:
        # HDF5 calls places in a file allocated too; and what it asks of memory the process that it has is denied.
        allocates = kind != "h5-samples" and "llocat" in str(error)
        if not str(error).startswith("data") or allocates:
            raise AssertionError(f"{type(error).__name__}: {error}") from error
        raise Refused from error


def _here(read: Callable[..., Any], path: Path, remedy: str, *more: Any) -> Any:
    """What an audit has a process of its own do, in this one: a process for each input would take seconds."""
    return read(path, remedy, *more)


def made(kind: str, folder: Path) -> list[bytes]:
    """Honest files, and what would run code, claims a size that it has not, or unpacks to far more than it is."""
    rows = np.random.default_rng(0).normal(size=(6, 3))
    if kind == "npy-samples":
        return _arrays(rows)
    if kind == "npz-samples":
        return [_npz(rows), *_arrays(rows), zipped("any.npy", _npy(np.zeros(1 << 24, np.uint8)), zipfile.ZIP_DEFLATED)]
    makers = {"pt-samples": _tensors, "parquet-samples": _tables, "image-samples": _images, "h5-samples": _entries}
    return makers[kind](rows, folder)


def sealed(kind: str, content: bytes) -> bytes:
    """A part of a .npz or .pt file in a file around it, and a PNG, with checksums that fit."""
    if kind == "npz-samples" and not content.startswith(b"PK"):
        return zipped("any.npy", content, zipfile.ZIP_DEFLATED if len(content) % 2 else zipfile.ZIP_STORED)
    if kind == "pt-samples" and not content.startswith(b"PK"):
        return _archive(content)
    if kind == "image-samples" and content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _checked_png(content)
    return content


def zipped(name: str, content: bytes, method: int) -> bytes:
    """A zip file of one member."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        archive.writestr(name, content)
    return held.getvalue()


def _npy(array: np.ndarray) -> bytes:
    held = io.BytesIO()
    np.save(held, array)
    return held.getvalue()


def _npz(rows: np.ndarray) -> bytes:
    held = io.BytesIO()
    np.savez(held, any=rows)
    return held.getvalue()


def _arrays(rows: np.ndarray) -> list[bytes]:
    plain = _npy(rows)
    lies = [plain.replace(b"(6, 3), ", shape) for shape in (b"(6000000000, 3), ", b"(0, 3), ", b"(-6, -3), ")]
    lies.append(plain.replace(b"(6, 3), ", b"(9223372036854775807, 2), "))
    return [
        plain,
        _npy(np.asfortranarray(rows.astype(np.float32))),
        _npy(rows[:, None] > 0),
        _npy(np.array([Code()])),
        *lies,
    ]


def _tensors(rows: np.ndarray, folder: Path) -> list[bytes]:
    import torch

    tensor = torch.tensor(rows)
    honest: list[object] = [tensor, {"a": tensor.float(), "b": 3}, torch.nn.Parameter(tensor.T)]
    others: list[object] = [torch.zeros(1).expand(1 << 20, 1 << 20), tensor.to_sparse(), Code(), {"a": tensor, 1: Code}]
    found = []
    for number, value in enumerate([*honest, *others]):
        torch.save(value, folder / f"{number}.pt")
        found.append((folder / f"{number}.pt").read_bytes())
        with zipfile.ZipFile(io.BytesIO(found[-1])) as archive:
            found.append(archive.read(f"{number}/data.pkl"))
    torch.save(tensor, folder / "old.pt", _use_new_zipfile_serialization=False)
    # A pickle that calls what torch permits, for a gigabyte of nothing.
    nothing = b"\x80\x02cbuiltins\nbytearray\nK\x01\x85R."
    # A key whose hash has no end of tuples within tuples to go through: the interpreter's stack has.
    deep = b"\x80\x02})" + b"\x85" * 300_000 + b"Ns."
    return [*found, (folder / "old.pt").read_bytes(), nothing.replace(b"K\x01", b"J\0\0\0\x7f"), nothing, deep]


def _archive(program: bytes) -> bytes:
    """As torch.save writes it, of a pickle and one storage."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        parts = {"data.pkl": program, "byteorder": b"little", "data/0": bytes(144), "version": b"3\n"}
        for name, content in parts.items():
            archive.writestr(f"a/{name}", content)
    return held.getvalue()


def _tables(rows: np.ndarray, folder: Path) -> list[bytes]:
    import pandas as pd

    frame = pd.DataFrame(rows, columns=["x", "y", "z"])
    mixed = pd.DataFrame({"a": [1, 1, 2, None], "b": [True, False, True, True], "c": ["a", "b", "b", "a"]})
    many = pd.DataFrame({"a": np.zeros(1 << 22, np.int8)})
    settings: list[tuple[pd.DataFrame, dict[str, object]]] = [
        (frame, {"compression": None, "index": False}),
        (frame, {"row_group_size": 2}),
        (mixed, {}),
        (mixed[["a"]], {"compression": "gzip", "index": False}),
        (many, {"index": False}),
    ]
    for number, (table, options) in enumerate(settings):
        table.to_parquet(folder / f"{number}", **options)  # type: ignore[call-overload]
    return [(folder / f"{number}").read_bytes() for number in range(len(settings))]


def _entries(rows: np.ndarray, folder: Path) -> list[bytes]:
    """Of every layout; and links and storage in other files, names for real and other types, and zeros without end."""
    import h5py

    def lay(number: int, fill: Callable[[Any], object], **options: Any) -> bytes:
        with h5py.File(folder / f"{number}.h5", "w", **options) as file:
            fill(file)
        return (folder / f"{number}.h5").read_bytes()

    def named(file: Any) -> None:
        file["group/rows"] = rows.astype(">f4")
        file["group"].attrs["of"] = np.arange(3)
        file["soft"] = h5py.SoftLink("/group/rows")
        file["away"] = h5py.ExternalLink("0.h5", "/any")

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout(shape=(6, 3), dtype="f8")
        layout[:] = h5py.VirtualSource("0.h5", "any", shape=(6, 3))
        file.create_virtual_dataset("any", layout)

    packed = {"chunks": (2, 3), "compression": "gzip", "shuffle": True, "fletcher32": True}
    fills: list[Callable[[Any], object]] = [
        lambda file: file.create_dataset("any", data=rows),
        lambda file: file.create_dataset("any", data=rows, maxshape=(None, 3), **packed),
        named,
        lambda file: file.create_dataset("any", data=rows > 0),
        lambda file: file.create_dataset("any", data=["a", "b"], dtype=h5py.string_dtype()),
        lambda file: file.create_dataset("any", (2,), h5py.vlen_dtype(float)),
        lambda file: file.create_dataset("any", (1 << 24,), "f8", chunks=(1 << 20,), compression="gzip"),
        lambda file: file.create_dataset("any", (1 << 40, 3), "f8", chunks=(1 << 10, 3)),
        lambda file: file.create_dataset("any", (6, 3), "f8", external=[("0.h5", 0, h5py.h5f.UNLIMITED)]),
        virtual,
        lambda file: file.create_dataset("any", data=np.complex128(rows)),
        lambda file: file.create_dataset("any", data=h5py.Empty("f8")),
    ]
    found = [lay(number, fill) for number, fill in enumerate(fills)]
    return [*found, lay(len(fills), named, libver="latest"), lay(len(fills) + 1, fills[1], libver="latest")]


def _images(rows: np.ndarray, folder: Path) -> list[bytes]:
    from PIL import Image

    drawn = np.random.default_rng(len(rows)).integers(0, 256, (5, 4, 3), dtype=np.uint8)
    found = []
    for number, (pixels, format) in enumerate(
        [(drawn, form) for form in ("png", "jpeg", "gif", "bmp", "tiff", "webp")]
        + [(drawn[..., 0], "png"), (drawn[..., 0].astype(np.uint16) << 8, "png")]
    ):
        Image.fromarray(pixels).save(folder / str(number), format)
        found.append((folder / str(number)).read_bytes())
    sizes = (struct.pack(">II", *size) for size in ((13_000, 13_000), (60_000, 60_000), (0, 5), (2**31 - 1, 1)))
    lies = [_checked_png(found[0][:16] + size + found[0][24:]) for size in sizes]
    bomb = io.BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "png")
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 5\n%%EndComments\n(x) print\n"
    return [*found, *lies, bomb.getvalue(), postscript]


def _checked_png(content: bytes) -> bytes:
    """The checksum of each chunk made anew, as far as chunks can be told."""
    fixed, at = bytearray(content), 8
    while at + 12 <= len(fixed):
        end = at + 8 + int.from_bytes(fixed[at : at + 4], "big")
        if end + 4 > len(fixed):
            break
        fixed[end : end + 4] = zlib.crc32(fixed[at + 4 : end]).to_bytes(4, "big")
        at = end + 4
    return bytes(fixed)
