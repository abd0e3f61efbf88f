"""CIFAR-10 and CIFAR-100: an archive each, of which only the files of records are read, never unpacked to the disk."""

from __future__ import annotations

import hashlib
import tarfile
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reports.datasets.download import download
from reports.datasets.source import (
    DataError,
    Dataset,
    Progress,
    Status,
    check_split,
    data_folders,
    datasets,
    how_to_get,
    searched,
)

#: Bytes of a picture: 32 × 32 of red, then of green, then of blue.
PIXELS = 3 * 32 * 32
#: More than the largest file of records holds, which are 50 000 of 3074 bytes.
MAX_BYTES = 1 << 28
#: The archives have some 170 MB.
_DOWNLOAD_LIMIT = 256 << 20
_BLOCK = 1 << 20


def read_cifar(
    path: Path, members: tuple[str, ...], *, labels: int, n_classes: int, md5: str, remedy: str = "fetch it again"
) -> tuple[np.ndarray, np.ndarray]:
    """The pictures, uint8 (n, 3072), and their labels, int64 (n,), of `members` of a .tar.gz archive, in order.

    A record is `labels` bytes, of which the last is the label, then `PIXELS` bytes. `md5` is the archive's digest and
    is compared first, so that nothing is unpacked of what was not published.

    Raises DataError, naming the file and the remedy, when it cannot be read, has another digest, lacks a member, or a
    member has no records, an unfinished one or a label of no class.
    """
    try:
        with path.open("rb") as stream:
            digest = _digest(stream)
            if digest != md5:
                raise DataError(f"{path} has other content than published (MD5 {digest}, not {md5}): {remedy}")
            stream.seek(0)
            content = _unpacked(stream, members)
    except DataError:
        raise
    except Exception as error:  # tarfile refuses what is malformed in many ways, TypeError among them
        raise DataError(f"{path} cannot be read ({error}): {remedy}") from error
    if absent := [name for name in members if name not in content]:
        raise DataError(f"{path} lacks {', '.join(absent)}: {remedy}")
    width = labels + PIXELS
    for name in members:
        if not content[name] or len(content[name]) % width:
            raise DataError(f"{path}: {name} has {len(content[name])} bytes, which are no records of {width}: {remedy}")
    records = np.frombuffer(b"".join(content[name] for name in members), dtype=np.uint8).reshape(-1, width)
    own = records[:, labels - 1].astype(np.int64)
    if (wrong := np.flatnonzero(own >= n_classes)).size:
        raise DataError(f"{path}: row {wrong[0]} has label {own[wrong[0]]}, of {n_classes} classes: {remedy}")
    return records[:, labels:], own


def _digest(stream: BinaryIO) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    while block := stream.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()


def _unpacked(stream: BinaryIO, members: tuple[str, ...]) -> dict[str, bytes]:
    """The content of each of `members` that is a file of at most `MAX_BYTES`; the archive is read once."""
    found = {}
    with tarfile.open(fileobj=stream, mode="r|gz") as archive:
        for member in archive:
            if member.name in members and member.isreg():
                if not 0 <= member.size <= MAX_BYTES:
                    raise ValueError(f"{member.name} claims {member.size} bytes")
                held = archive.extractfile(member)
                found[member.name] = held.read() if held is not None else b""
    return found


class CifarArchive(Dataset):
    """60 000 coloured pictures of 32 × 32: rows of 3072, the planes red, green and blue one after the other.

    `image_shape` therefore draws the planes one above the other; `X.reshape(-1, 3, 32, 32)` has them as channels.
    Parameters: `labels`, bytes before a picture; `md5` and `url` of the archive; `members` of it by split.
    """

    image_shape = (96, 32)

    def __init__(
        self, *, name: str, about: str, file: str, md5: str, labels: int, n_classes: int,
        members: dict[str, tuple[str, ...]], url: str = "https://www.cs.toronto.edu/~kriz",
    ):  # fmt: skip
        self.name, self.about, self.source = name, about, "Krizhevsky 2009"
        self.file, self.md5, self.url = file, md5, url
        self.labels, self.n_classes, self.members = labels, n_classes, members

    @property
    def checksum(self) -> str:
        return self.md5

    def load(self, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
        members, path = self.members[check_split(split)], self.find()
        if path is None:
            raise DataError(f"{self.name}: {self.file} was not found in {searched(self.name)}: {self._remedy()}")
        pixels, labels = self._read(path, members, remedy=f"delete it, then {self._remedy()}")
        rows = pixels.astype(np.float32)
        rows /= np.float32(255.0)
        return rows, labels

    def status(self) -> Status:
        path = self.find()
        return Status(
            name=self.name,
            found=path is not None,
            where="" if path is None else str(path.parent),
            bytes=0 if path is None else path.stat().st_size,
            checksum=self.checksum,
            verified="MD5 of the archive, when it is loaded",
            remedy="" if path is not None else f"missing {self.file}: {self._remedy()}",
        )

    def fetch(self, *, progress: Progress | None = None, url: str | None = None) -> Status:
        """Downloads the archive, where no folder holds it, into the first folder of the search."""
        if self.find() is None:
            download(
                f"{(url or self.url).rstrip('/')}/{self.file}",
                data_folders()[0] / self.name / self.file,
                check=partial(self._read, members=self.members["test"], remedy="try another --url"),
                limit=_DOWNLOAD_LIMIT,
                progress=progress,
            )
        return self.status()

    def find(self) -> Path | None:
        """The first path, in the order of the folders, at which the archive lies."""
        paths = (folder / self.name / self.file for folder in data_folders())
        return next((path for path in paths if path.is_file()), None)

    def _read(self, path: Path, members: tuple[str, ...], remedy: str) -> tuple[np.ndarray, np.ndarray]:
        known = {"labels": self.labels, "n_classes": self.n_classes}
        return read_cifar(path, members, **known, md5=self.md5, remedy=remedy)

    def _remedy(self) -> str:
        return how_to_get(self.name, f"{self.name}/{self.file}")


datasets.register("cifar-10")(
    CifarArchive(
        name="cifar-10",
        about="60 000 pictures of 10 kinds of animals and vehicles, 32 × 32 in three colours",
        file="cifar-10-binary.tar.gz",
        md5="c32a1d4ab5d03f1284b67883e8d87530",
        labels=1,
        n_classes=10,
        members={
            "train": tuple(f"cifar-10-batches-bin/data_batch_{i}.bin" for i in range(1, 6)),
            "test": ("cifar-10-batches-bin/test_batch.bin",),
        },
    )
)
datasets.register("cifar-100")(
    CifarArchive(
        name="cifar-100",
        about="60 000 pictures of 100 kinds of things, 32 × 32 in three colours",
        file="cifar-100-binary.tar.gz",
        md5="03b5dce01913d631647c71ecec9e9cb8",
        labels=2,
        n_classes=100,
        members={"train": ("cifar-100-binary/train.bin",), "test": ("cifar-100-binary/test.bin",)},
    )
)
