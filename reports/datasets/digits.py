"""The handwritten digits that scikit-learn brings along: 1797 images of 8 × 8 grey levels."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np

from reports.datasets.source import Dataset, Status, check_split, datasets


class Digits(Dataset):
    """Optical recognition of handwritten digits (Alpaydin & Kaynak 1998), as bundled with scikit-learn.

    Rows 0, 6, 12, … are the test split (300 rows), the others the train split (1497): every
    writer contributes to both.
    """

    name = "digits"
    about = "1797 handwritten digits, 8 × 8 grey levels, bundled with scikit-learn"
    source = "Alpaydin & Kaynak 1998, UCI repository, through scikit-learn"
    image_shape = (8, 8)
    n_classes = 10

    @cached_property
    def _content(self) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        return np.ascontiguousarray(bunch.data, dtype=np.float64), np.ascontiguousarray(bunch.target, dtype=np.int64)

    @property
    def checksum(self) -> str:
        rows, labels = self._content
        # Bytes in a fixed order, so that the digest is the same on every machine.
        content = rows.astype("<f8").tobytes() + labels.astype("<i8").tobytes()
        return hashlib.md5(content, usedforsecurity=False).hexdigest()

    def load(self, split: str = "train") -> tuple[np.ndarray, np.ndarray]:
        rows, labels = self._content
        test = np.arange(len(rows)) % 6 == 0
        chosen = test if check_split(split) == "test" else ~test
        # The grey levels are 0 … 16, so the division is exact.
        return (rows[chosen] / 16.0).astype(np.float32), labels[chosen]

    def status(self) -> Status:
        import sklearn

        path = Path(sklearn.__file__).parent / "datasets" / "data" / "digits.csv.gz"
        return Status(
            name=self.name,
            found=True,
            where="scikit-learn",
            bytes=path.stat().st_size if path.exists() else 0,
            checksum=self.checksum,
            verified="content hashed",
            remedy="",
        )


datasets.register("digits")(Digits())
