"""The readers that are fuzzed: what users call, honest files for it, and the errors with which it may refuse."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import tempfile
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.robustness import sample_files
from benchmarks.robustness.containers import MARK, joined, separate
from benchmarks.robustness.searched import load_and_use, use_shards

#: Saved indexes; the same with kernels that look whether each index lies within its array.
SAVED, BOUNDS = "saved-index", "saved-index-bounds"


def sealed(kind: str, content: bytes) -> bytes:
    """The content with its own checksum, where the format has one: what damage cannot do, a writer can."""
    if kind == SAVED:
        return content[:-32] + hashlib.sha256(content[:-32]).digest()
    if kind == "sharded-index" and not content.startswith(MARK):
        text = content.rpartition(b"\n")[0]
        return text + b"\n" + hashlib.sha256(text).hexdigest().encode()
    if kind == "cifar" and not content.startswith(b"\x1f\x8b"):
        return gzip.compress(_summed(content), 1)
    return sample_files.sealed(kind, content)


def _summed(archive: bytes) -> bytes:
    """A tar archive whose first header has the sum that fits."""
    head = archive[:148] + b" " * 8 + archive[156:512]
    return archive[:148] + b"%06o\0 " % sum(head) + archive[156:]


_SEEDS: dict[str, list[bytes]] = {}


def seeds(kind: str) -> list[bytes]:
    """Honest files of the kind, some of them at the edges of the format."""
    if kind not in _SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            _SEEDS[kind] = _made(kind, Path(folder))
    return _SEEDS[kind]


def _made(kind: str, folder: Path) -> list[bytes]:
    rng = np.random.default_rng(0)
    if kind == "idx":
        plain = bytes((0, 0, 8, 3)) + b"".join(n.to_bytes(4, "big") for n in (2, 3, 4)) + rng.bytes(24)
        return [plain, gzip.compress(plain, 1), bytes((0, 0, 8, 3)) + bytes(12)]
    if kind == "cifar":
        plain = [_cifar(rng, members) for members in (("a.bin",), ("readme", "a.bin"))]
        return [gzip.compress(plain[0], 1), *plain]
    if kind in ("journal", "sqlite-index"):
        _store(folder)
        return [(folder / ("journal.jsonl" if kind == "journal" else "index.sqlite")).read_bytes()]
    if kind in (SAVED, BOUNDS):
        return list(_saved(folder, rng))
    if kind == "sharded-index":
        return list(_folders(folder))
    if kind in sample_files.ENDINGS:
        return sample_files.made(kind, folder)
    from reports.datasets.ann_hdf5 import AnnData, write_data

    train = rng.normal(size=(5, 2)).astype(np.float32)
    write_data(folder / "a", AnnData(train, train, np.arange(5)[:, None], np.zeros((5, 1)), "euclidean"))
    return [(folder / "a").read_bytes()]


def _cifar(rng: np.random.Generator, members: tuple[str, ...]) -> bytes:
    """A tar archive of one record a member."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name in members:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = 1 + 3072, {"comment": "made"} if len(members) > 1 else {}
            archive.addfile(info, io.BytesIO(bytes([3]) + rng.bytes(3072)))
    return held.getvalue()


def _saved(folder: Path, rng: np.random.Generator) -> Iterator[bytes]:
    """Every index of float32 and float64, with points inserted and deleted since, and what else a file may hold."""
    from knn import LSH, KDTree, MultiLevelDCI, PrincipalDCI, RandomHierarchy, RotatedDCI, indexes

    narrow, single, wide = ([kind(random_state=0) for kind in indexes.values()] for _ in range(3))
    others = [
        KDTree(metric="inner_product"),
        PrincipalDCI(metric="inner_product", random_state=0),
        KDTree(metric="cosine"),
        PrincipalDCI(directions="random-rotation", bits=2, random_state=0),
        PrincipalDCI(n_cells=3, cells="points", random_state=0),
        RotatedDCI(bits=4, random_state=0),
        RandomHierarchy(n_levels=1, random_state=0),
        MultiLevelDCI(n_levels=2, n_simple=2, random_state=0),
        LSH(n_tables=3, n_projections=2, random_state=0),
    ]
    settings = [*((i, 3, np.float64) for i in narrow), *((i, 3, np.float32) for i in single)]
    settings += [*((i, 20, np.float32) for i in wide), *((i, 5, np.float64) for i in others)]
    for place, (index, width, dtype) in enumerate(settings):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # so few points ask for other budgets
            index.fit(rng.normal(size=(200 if place % 5 == 0 else 40, width)).astype(dtype))
        if place % 2:
            index.insert(rng.normal(size=(12, width)))
            index.delete(rng.permutation(index.n_samples_fit_)[:4])
        if place % 3 == 0 and isinstance(index, PrincipalDCI):
            index.search(np.zeros((1, width)), 1, exact=True)  # what proofs need is kept then
        index.save(folder / "index")
        yield (folder / "index").read_bytes()


def _sharded(folder: Path, index: Any = "kd-tree") -> Path:
    """A sharded index in a folder of that folder."""
    from knn import Sharded

    Sharded(index, n_shards=3).fit(np.random.default_rng(0).normal(size=(12, 3))).save(folder / "whole")
    return folder / "whole"


def _folders(folder: Path) -> Iterator[bytes]:
    """The file that vouches for the shards, and whole folders of several indexes."""
    from knn import LSH, CoverTree, PrincipalDCI

    yield (_sharded(folder) / "sharded.json").read_bytes()
    for index in ("kd-tree", PrincipalDCI(random_state=0), LSH(random_state=0), CoverTree(metric="cosine")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            at = _sharded(folder, index)
        yield joined([(at / "sharded.json").read_bytes(), *((at / f"shard-{i}").read_bytes() for i in range(3))])


def _store(folder: Path) -> None:
    from reports.record import Record
    from reports.store import Store

    with Store(folder, write=True) as store:
        for i in range(3):
            shared = {"experiment": "e", "cell": f"key-{i}", "params": {"i": i}, "size": "quick", "seed": 0}
            store.append([Record(**shared, metric="mean", value=i / 7, payload={"drawn": np.arange(i)})])


def _idx(path: Path) -> None:
    from reports.datasets.idx import read_idx

    read_idx(path, ndim=3)


def _cifar_archive(path: Path) -> None:
    """With the digest that the file has, as if it had been published so: nothing else is ever unpacked."""
    from reports.datasets.cifar import read_cifar

    read_cifar(
        path, ("a.bin",), labels=1, n_classes=10, md5=hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    )


def _hdf5(path: Path) -> None:
    """As `read_data` reads in a process of its own."""
    from reports.datasets.ann_hdf5 import AnnData, _checked_data
    from reports.datasets.hdf5_entries import read_here

    (train, test, neighbors, distances), attrs = read_here(path, "", ("train", "test", "neighbors", "distances"))
    _checked_data(AnnData(train, test, neighbors, distances, str(attrs.get("distance", ""))), path, attrs)


def _is_data(path: Path) -> None:
    """As the data folders are looked through; what it says no to counts as refused."""
    from reports.datasets.hdf5_entries import is_data
    from reports.datasets.source import DataError

    if is_data(path) is False:
        raise DataError


def _sharded_index(path: Path) -> None:
    """The file that vouches for the shards beside honest ones, or all of them."""
    from knn import Sharded

    content, beside = path.read_bytes(), path.parent / "sharded"
    if not beside.exists():
        beside.mkdir()
        _sharded(beside)
    folder = beside / "whole"
    if content.startswith(MARK):
        content, *shards = separate(content)
        folder = beside / "forged"
        folder.mkdir(exist_ok=True)
        for number, shard in enumerate(shards):
            (folder / f"shard-{number}").write_bytes(shard)
    (folder / "sharded.json").write_bytes(content)
    index = Sharded.load(folder)
    try:
        use_shards(index, beside / "again", np.random.default_rng(list(content[-8:])))
    except BaseException as error:  # a ValueError would pass for a refusal
        raise RuntimeError(f"after load: {type(error).__name__}: {error}") from error


def _journal(path: Path) -> None:
    """As a reader opens it, and as a writer would, without the index and the lock."""
    from reports import journal
    from reports.record import load_cell

    data = path.read_bytes()
    for growing in (True, False):
        found = journal.scan(data, {}, growing=growing)
        journal.check_version(path, found.lines)
    for line in found.lines.values():
        if line.kind == "cell":
            load_cell(line.body)


def _sqlite_index(path: Path) -> None:
    from reports.index import saved_lines

    saved_lines(path)


def _known(kind: str) -> tuple[type[BaseException], ...]:
    from reports.datasets.source import DataError
    from reports.journal import StoreError

    known: dict[str, type[BaseException]] = dict.fromkeys(("idx", "cifar", "hdf5", "is-data"), DataError)
    known |= {"journal": StoreError, SAVED: ValueError, BOUNDS: ValueError, "sharded-index": ValueError}
    known |= dict.fromkeys(sample_files.ENDINGS, sample_files.Refused)
    return (known[kind],) if kind in known else ()


READERS: dict[str, tuple[Callable[[Path], None], tuple[type[BaseException], ...]]] = {
    kind: (reader, _known(kind))
    for kind, reader in {
        "idx": _idx,
        "cifar": _cifar_archive,
        "hdf5": _hdf5,
        "is-data": _is_data,
        SAVED: load_and_use,
        BOUNDS: load_and_use,
        "sharded-index": _sharded_index,
        "journal": _journal,
        "sqlite-index": _sqlite_index,
        **{kind: partial(sample_files.read, kind) for kind in sample_files.ENDINGS},
    }.items()
}
