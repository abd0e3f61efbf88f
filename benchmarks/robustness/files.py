"""Malformed files for everything that reads files: it must refuse or read them, in time and in memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import unittest.mock
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.origin import origin
from benchmarks.robustness.forgery import FORGERS
from benchmarks.robustness.readers import BOUNDS, READERS, SAVED, sealed, seeds
from benchmarks.robustness.rows import Row
from benchmarks.robustness.sample_files import ENDINGS
from reports.child import Child, ChildDied

#: Address space that a reader may take beyond what the process has: the largest honest file here has a few kilobytes.
ROOM = 1 << 30
#: Inputs to a call of the process where not 2000, and seconds that a call may take: it takes three, but others may have
#: the processor.
BATCH = {**dict.fromkeys(FORGERS, 500), **dict.fromkeys(("hdf5", "is-data", *ENDINGS), 250)}
LIMIT = 300.0
#: Seconds until a reader's code is loaded; that of kernels which check their bounds may have to be compiled.
PREPARED = 1200.0
#: What share of the inputs each reader gets: the rest are cheap, HDF5 and samples take a library's time.
SHARES = {
    "idx": 0.43,
    "cifar": 0.02,
    "journal": 0.25,
    SAVED: 0.15,
    BOUNDS: 0.01,
    "sharded-index": 0.03,
    "sqlite-index": 0.05,
    "hdf5": 0.03,
    "is-data": 0.01,
    **dict.fromkeys(ENDINGS, 0.006),
}
#: What is read by a library that may not come back, and by the product in a process of its own therefore.
_LIBRARIES = ("hdf5", "is-data", "h5-samples")
_TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)


def fuzz(folder: Path, count: int) -> Iterator[Row]:
    """Mutated files, in processes with an address-space limit: any exception but the reader's own is a finding."""
    for kind, share in SHARES.items():
        yield from fuzz_kind(kind, folder, int(count * share))
    total = sum(int(count * share) for share in SHARES.values())
    yield Row("fuzz", "malformed inputs", total, "", "1000000", total >= 10**6)


def fuzz_kind(kind: str, folder: Path, count: int) -> Iterator[Row]:
    """One kind of file. Goes on where it was interrupted, if the folder is the same one, and tells how far it is."""
    notes, at = folder / f"{kind}.json", folder / kind
    found = _Found(**json.loads(notes.read_text())) if notes.exists() else _Found(origin()["commit"])
    if found.done > count:
        raise SystemExit(f"{notes} has {found.done} inputs, more than {count}: delete it, or ask for as many")
    if found.commit != origin()["commit"]:
        raise SystemExit(f"{notes} is of the commit {found.commit}: delete it, or measure that one")
    child = started(kind)
    try:
        while found.done < count:
            size = min(BATCH.get(kind, 2000), count - found.done)
            try:
                no, wrong = child.call(batch, kind, found.done, size, at, limit=LIMIT)
                found.refused += no
                found.findings += wrong
                found.done += size
            except (ChildDied, TimeoutError) as error:
                child.kill()
                child = started(kind)
                number = int(at.read_text())
                found.done = number + 1
                if kind in _LIBRARIES and _refused_from_outside(kind, folder, number):
                    found.cut_off += 1
                else:
                    found.findings.append(f"input {number}: {error}")
            notes.write_text(json.dumps(vars(found)))
            told = f"{found.done} of {count}, {found.refused} refused, {len(found.findings)} findings"
            sys.stderr.write(f"{kind}: {told}\n")
    finally:
        child.kill()
    wrong = found.findings
    detail = f"{count} inputs, {found.refused} refused" + "".join(f"; {one}" for one in wrong[:5])
    if found.cut_off:
        cut_off = "on which the library hangs or crashes, refused by the reader, whose process it has"
        detail += f"; {found.cut_off} {cut_off}"
    yield Row("fuzz", f"{kind}: crashes, hangs, allocations, other errors", len(wrong), "", "0", not wrong, detail)


@dataclass
class _Found:
    """What is known of a kind after `done` inputs."""

    commit: str
    done: int = 0
    refused: int = 0
    cut_off: int = 0
    findings: list[str] = field(default_factory=list)


def started(kind: str) -> Child:
    """A process that reads files of the kind."""
    child = _checking() if kind == BOUNDS else Child(os.getpid)
    child.call(prepare, kind, limit=PREPARED)
    return child


def _checking() -> Child:
    """A process whose kernels raise IndexError rather than read beside an array. Their code is kept apart.

    Numba looks at both variables as it is imported. A child is a child of this environment.
    """
    from knn import kernels
    from knn.kernels.jit import cache_folder

    folder = cache_folder(Path(kernels.__path__[0]))
    checks = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": f"{folder}-bounds"}
    with unittest.mock.patch.dict(os.environ, checks):
        return Child(os.getpid)


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
    if kind == BOUNDS:
        _check_that_kernels_check()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "warm"
        for content in seeds(kind):  # each may need code of its own
            path.write_bytes(content)
            with suppress(*known):
                reader(path)
    import psutil

    resource.setrlimit(resource.RLIMIT_AS, (psutil.Process().memory_info().vms + ROOM,) * 2)


def _check_that_kernels_check() -> None:
    """Raises unless a kernel that is asked for more coordinates than there are says so."""
    from knn.kernels.cpu_distance import definition_sum

    with suppress(IndexError):
        definition_sum(np.zeros(2), np.zeros(1))
        raise RuntimeError("NUMBA_BOUNDSCHECK has no effect: kernels read beside their arrays in silence")


def batch(kind: str, first: int, count: int, at: Path) -> tuple[int, list[str]]:
    """Reads the inputs `first`, …, and notes in `at` which; how many were refused, and the findings by number."""
    reader, known = READERS[kind]
    corpus, refused, wrong = seeds(kind), 0, []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        path = Path(folder) / "input"
        for number in range(first, first + count):
            at.write_text(str(number))
            path.write_bytes(made(kind, corpus, number))
            try:
                reader(path)
            except known:
                refused += 1
            except BaseException as error:
                wrong.append(f"{kind} input {number}: {type(error).__name__}: {str(error)[:100]}")
    return refused, wrong


def made(kind: str, corpus: list[bytes], number: int) -> bytes:
    """Input `number`: forged part by part, or bytes that are mutated, with a checksum that fits or without."""
    rng = np.random.Generator(np.random.PCG64(number))
    if kind in FORGERS and (number % 2 or kind == BOUNDS):
        return FORGERS[kind](corpus, rng)
    content = mutated(corpus, rng)
    return sealed(kind, content) if number % 4 else content


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
