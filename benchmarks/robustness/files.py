"""Malformed files for everything that reads files: it must refuse or read them, in time and in memory."""

from __future__ import annotations

import resource
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.robustness.readers import READERS, sealed, seeds
from benchmarks.robustness.rows import Row
from benchmarks.robustness.sample_files import ENDINGS
from reports.child import Child, ChildDied

#: Address space that a reader may take beyond what the process has: the largest honest file here has a few kilobytes.
ROOM = 1 << 30
#: Inputs to a call of the process where not 2000, and seconds that a call may take.
BATCH, LIMIT = {"saved-index": 500, **dict.fromkeys(("hdf5", "is-data", *ENDINGS), 250)}, 60.0
#: What share of the inputs each reader gets: the rest are cheap, HDF5 and samples take a library's time.
SHARES = {
    "idx": 0.43,
    "cifar": 0.02,
    "journal": 0.25,
    "saved-index": 0.15,
    "sharded-index": 0.03,
    "sqlite-index": 0.05,
    "hdf5": 0.03,
    "is-data": 0.01,
    **dict.fromkeys(ENDINGS, 0.006),
}
#: What is read by a library that may not come back, and by the product in a process of its own therefore.
_LIBRARYS = ("hdf5", "is-data", "h5-samples")
_TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)


def fuzz(folder: Path, count: int) -> Iterator[Row]:
    """Mutated files, in processes with an address-space limit: any exception but the reader's own is a finding."""
    for kind, share in SHARES.items():
        yield from fuzz_kind(kind, folder, int(count * share))
    total = sum(int(count * share) for share in SHARES.values())
    yield Row("fuzz", "malformed inputs", total, "", "1000000", total >= 10**6)


def fuzz_kind(kind: str, folder: Path, count: int) -> Iterator[Row]:
    """One kind of file."""
    findings: list[str] = []
    refused = cut_off = done = 0
    at = folder / kind
    child = Child(prepare, kind)
    while done < count:
        size = min(BATCH.get(kind, 2000), count - done)
        try:
            no, wrong = child.call(batch, kind, done, size, at, limit=LIMIT)
            refused += no
            findings += wrong
            done += size
        except (ChildDied, TimeoutError) as error:
            child.kill()
            child = Child(prepare, kind)
            number = int(at.read_text())
            done = number + 1
            if kind in _LIBRARYS and _refused_from_outside(kind, folder, number):
                cut_off += 1
            else:
                findings.append(f"input {number}: {error}")
    child.kill()
    detail = f"{count} inputs, {refused} refused" + "".join(f"; {one}" for one in findings[:5])
    if cut_off:
        detail += f"; {cut_off} on which the library hangs or crashes, refused by the reader, whose process it has"
    yield Row(
        "fuzz", f"{kind}: crashes, hangs, allocations, other errors", len(findings), "", "0", not findings, detail
    )


def _refused_from_outside(kind: str, folder: Path, number: int) -> bool:
    """Whether what users call refuses an input on which the library it calls does not come back."""
    from reports.auditing.formats import read_rows
    from reports.datasets import ann_hdf5

    path = folder / "input.hdf5"
    path.write_bytes(mutated(seeds(kind), np.random.Generator(np.random.PCG64(number))))
    before, ann_hdf5._SECONDS = ann_hdf5._SECONDS, 5.0
    try:
        if kind == "is-data":
            return not ann_hdf5._those_with_data([path])
        if kind == "h5-samples":
            read_rows(path, "data")
        else:
            ann_hdf5.read_data(path)
    except (ann_hdf5.DataError, ValueError):
        return True
    finally:
        ann_hdf5._SECONDS = before
    return False


def prepare(kind: str) -> None:
    """Limits the process's memory once what the reader needs is loaded."""
    reader, known = READERS[kind]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warm"
        for content in seeds(kind):  # each may need code of its own
            path.write_bytes(content)
            with suppress(*known):
                reader(path)
    import psutil

    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + ROOM,) * 2)


def batch(kind: str, first: int, count: int, at: Path) -> tuple[int, list[str]]:
    """Reads the inputs `first`, …, and notes in `at` which; how many were refused, and the findings by number."""
    reader, known = READERS[kind]
    corpus, refused, wrong = seeds(kind), 0, []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "input"
        for number in range(first, first + count):
            content = mutated(corpus, np.random.Generator(np.random.PCG64(number)))
            at.write_text(str(number))
            path.write_bytes(sealed(kind, content) if number % 4 else content)
            try:
                reader(path)
            except known:
                refused += 1
            except BaseException as error:
                wrong.append(f"{kind} input {number}: {type(error).__name__}: {str(error)[:100]}")
    return refused, wrong


def mutated(corpus: list[bytes], rng: np.random.Generator) -> bytes:
    """One to four changes of a seed: bits, telling numbers, cuts, repetitions, pieces of another seed."""
    content = bytearray(corpus[int(rng.integers(len(corpus)))])
    draws = rng.integers(0, 1 << 62, 16).tolist()
    for turn in range(1 + draws[0] % 4):
        what, where, other = draws[4 * turn % 16 - 3], draws[4 * turn % 16 - 2], draws[4 * turn % 16 - 1]
        # Heads decide how the rest is read: half of the changes are among the first bytes.
        at = where % (min(len(content), 128) if where % 2 else len(content)) if content else 0
        if what % 6 == 0 and content:
            content[at] ^= 1 << other % 8
        elif what % 6 == 1:
            width = 1 << other % 4
            number = _TELLING[other // 4 % len(_TELLING)] % (1 << 8 * width)
            content[at : at + width] = number.to_bytes(width, "big" if other % 2 else "little")
        elif what % 6 == 2:
            del content[at:]
        elif what % 6 == 3:
            content[at:at] = content[at : at + other % 64]
        elif what % 6 == 4:
            del content[at : at + other % 32]
        else:
            piece = corpus[other % len(corpus)]
            content[at:at] = piece[other % max(1, len(piece)) :][:48]
    return bytes(content)
