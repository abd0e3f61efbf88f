"""MNIST and Fashion-MNIST: four IDX files each, raw or gzip-compressed."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import numpy as np

from reports.datasets.download import download
from reports.datasets.idx import read_idx
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

#: (file, axes) of the images and of the labels of each split.
_FILES = {
    "train": (("train-images-idx3-ubyte", 3), ("train-labels-idx1-ubyte", 1)),
    "test": (("t10k-images-idx3-ubyte", 3), ("t10k-labels-idx1-ubyte", 1)),
}
#: The larger of the four files, with room for another compressor's overhead.
_DOWNLOAD_LIMIT = 64 << 20


class MnistFiles(Dataset):
    """60 000 training and 10 000 test images of 28 × 28 grey levels in ten classes.

    Parameters: `md5`, the digest of each file once uncompressed, since a compressor's output
    differs between copies; `url`, the folder from which the gzip-compressed files can be had.
    """

    image_shape = (28, 28)
    n_classes = 10

    def __init__(self, *, name: str, about: str, source: str, url: str, md5: dict[str, str]):
        self.name = name
        self.about = about
        self.source = source
        self.url = url
        self.md5 = md5

    @property
    def checksum(self) -> str:
        joined = " ".join(self.md5[file] for pair in _FILES.values() for file, _ in pair)
        return hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()

    def load(self, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
        pixels, labels = (self._read(file, ndim) for file, ndim in _FILES[check_split(split)])
        if len(pixels) != len(labels):
            raise DataError(f"{self.name}: {len(pixels)} images and {len(labels)} labels in split {split!r}")
        rows = pixels.reshape(len(pixels), -1).astype(np.float32)
        rows /= np.float32(255.0)
        return rows, labels.astype(np.int64)

    def status(self) -> Status:
        found = {file: self.find(file) for pair in _FILES.values() for file, _ in pair}
        paths = [path for path in found.values() if path is not None]
        missing = [file for file, path in found.items() if path is None]
        folders = sorted({str(path.parent) for path in paths})
        return Status(
            name=self.name,
            found=not missing,
            where=", ".join(folders),
            bytes=sum(path.stat().st_size for path in paths),
            checksum=self.checksum,
            verified="MD5 of each uncompressed file, when it is loaded",
            remedy=f"missing {', '.join(missing)}: {self._remedy()}" if missing else "",
        )

    def fetch(self, *, progress: Progress | None = None, url: str | None = None) -> Status:
        """Downloads what no folder holds into the first folder of the search; `url` replaces the usual server."""
        folder = data_folders()[0] / self.name
        for pair in _FILES.values():
            for file, ndim in pair:
                if self.find(file) is None:
                    download(
                        f"{(url or self.url).rstrip('/')}/{file}.gz",
                        folder / f"{file}.gz",
                        check=partial(read_idx, ndim=ndim, md5=self.md5[file], remedy="try another --url"),
                        limit=_DOWNLOAD_LIMIT,
                        progress=progress,
                    )
        return self.status()

    def find(self, file: str) -> Path | None:
        """The first path, raw before compressed and in the order of the folders, at which `file` lies."""
        for folder in data_folders():
            for path in (folder / self.name / file, folder / self.name / f"{file}.gz"):
                if path.is_file():
                    return path
        return None

    def _read(self, file: str, ndim: int) -> np.ndarray:
        path = self.find(file)
        if path is None:
            raise DataError(f"{self.name}: {file} was not found in {searched(self.name)}: {self._remedy()}")
        return read_idx(path, ndim=ndim, md5=self.md5[file], remedy=f"delete it, then {self._remedy()}")

    def _remedy(self) -> str:
        return how_to_get(self.name, f"{self.name}/")


datasets.register("mnist")(
    MnistFiles(
        name="mnist",
        about="70 000 handwritten digits, 28 × 28 grey levels",
        source="LeCun, Cortes & Burges 1998",
        url="https://ossci-datasets.s3.amazonaws.com/mnist",
        md5={
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
    )
)
datasets.register("fashion-mnist")(
    MnistFiles(
        name="fashion-mnist",
        about="70 000 pictures of garments, 28 × 28 grey levels",
        source="Xiao, Rasul & Vollgraf 2017",
        url="http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        md5={
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
    )
)
