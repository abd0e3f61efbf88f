"""Truncated and altered files, and a disk that fills up: what comes back, and what is said of the rest."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.robustness.matrix import CELLS, METRICS, Matrix, table
from benchmarks.robustness.rows import Row

#: Of so many damaged stores one goes through the command, which starts processes.
_BY_COMMAND = 100


def damage(folder: Path, count: int) -> Iterator[Row]:
    """Two thirds of the cases harm a store's journal, its index, or both; one third saved indexes of every kind."""
    yield from _stores(folder, 2 * count // 3)
    yield from _indexes(folder, count - 2 * count // 3)


def harmed(content: bytes, rng: np.random.Generator) -> tuple[bytes, int | None]:
    """The bytes with up to three bits flipped, a block of zeros, or their end cut off; and where they end if cut."""
    kind = rng.choice(["flip", "zero", "cut"], p=[0.6, 0.1, 0.3])
    if kind == "cut":
        end = int(rng.integers(0, len(content)))
        return content[:end], end
    harm = bytearray(content)
    if kind == "zero":
        at = int(rng.integers(0, len(content)))
        harm[at : at + int(rng.integers(1, 600))] = bytes(len(harm[at : at + 600]))[: len(harm) - at]
        return bytes(harm[: len(content)]), None
    for _ in range(int(rng.integers(1, 4))):
        harm[int(rng.integers(0, len(content)))] ^= 1 << int(rng.integers(0, 8))
    return bytes(harm), None


def _stores(folder: Path, count: int) -> Iterator[Row]:
    from reports.store import Store, StoreDamaged, StoreError

    matrix = Matrix(folder)
    code, told = matrix.run(folder / "whole")
    if code:
        raise RuntimeError(told)
    truth = table(folder / "whole")
    with Store(folder / "whole") as store:
        whole = {record.to_json() for record in store.records(history=True)}
    names = ("journal.jsonl", "index.sqlite", "index.sqlite.sha256")
    files = {name: (folder / "whole" / name).read_bytes() for name in names}
    rng = np.random.default_rng(0)
    found: Counter[str] = Counter()
    for case in range(count):
        at = folder / "case"
        shutil.rmtree(at, ignore_errors=True)
        at.mkdir()
        which = rng.choice(["journal", "journal alone", "index", "both"])
        harm, end = harmed(files["journal.jsonl"], rng)
        alone = which == "journal alone"  # the index is gone: nothing but the journal can say what was there
        (at / "journal.jsonl").write_bytes(files["journal.jsonl"] if which == "index" else harm)
        if not alone:
            index = files["index.sqlite"] if which == "journal" else harmed(files["index.sqlite"], rng)[0]
            (at / "index.sqlite").write_bytes(index)
            (at / "index.sqlite.sha256").write_bytes(files["index.sqlite.sha256"])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StoreDamaged)
                with Store(at) as reader:
                    seen = {record.to_json() for record in reader.records(history=True)}
                if case % _BY_COMMAND == 0:
                    found["by command"] += 1
                    code, told = matrix.run(at)
                    lost = "are lost" in told
                    found["lost and the command ended well"] += lost and code == 0
                    found["told of nothing lost, and ended badly"] += not lost and code != 0
                    found["the next run did not end where it should"] += not table(at).equals(truth)
                    continue
                with Store(at, write=True) as store:
                    back = {record.to_json() for record in store.records(history=True)}
        except StoreError:
            found["refused as no journal"] += 1  # not one line of it is left
            found["refused with lines that verify"] += b" header " in harm and which != "both" and not alone
            continue
        found["changed"] += bool((back | seen) - whole)
        missing = {_cell(text) for text in whole - back}
        named = sum(len(one.lost) for one in store.damage)
        tail = any(not one.missing for one in store.damage) or (end is not None and (alone or which == "both"))
        found["missing and not named"] += len(missing) > named and not tail
        if which in ("journal", "index"):
            found["lost though one copy was whole"] += bool(missing)
        elif end is not None:
            before = harm.rpartition(b"\n")[0].count(b" cell ") if b"\n" in harm else 0
            found["lost before the damaged tail"] += CELLS - len(missing) < before
        kept = sum(one.length for one in store.damage)
        aside = b"".join(one.kept.read_bytes() for one in store.damage if one.kept)
        found["bad bytes not kept"] += len(aside) != kept
        found["recovered"] += bool(store.damage) and not missing
        found["named"] += bool(missing)
        with Store(at) as again:
            found["repaired otherwise than told"] += {r.to_json() for r in again.records(history=True)} != back
    wrong = ("changed", "missing and not named", "lost though one copy was whole", "lost before the damaged tail")
    wrong += ("bad bytes not kept", "repaired otherwise than told", "refused with lines that verify")
    wrong += ("lost and the command ended well", "told of nothing lost, and ended badly")
    wrong += ("the next run did not end where it should",)
    detail = (
        f"{found['recovered']} recovered whole, {found['named']} with losses named, {found['by command']} by command"
    )
    yield Row("damage", "damaged stores", count, "", "", True, detail)
    for what in wrong:
        yield Row("damage", f"stores: {what}", found[what], "", "0", found[what] == 0)


def _cell(text: str) -> str:
    from reports.record import Record

    return Record.from_json(text).cell


def _indexes(folder: Path, count: int) -> Iterator[Row]:
    from knn.base import NearestNeighbours, indexes

    rng = np.random.default_rng(1)
    X, Q = rng.normal(size=(120, 6)).astype(np.float32), rng.normal(size=(4, 6)).astype(np.float32)
    saved, answers = {}, {}
    for name, kind in indexes.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of small data: these indexes are here for their files
            index = kind(random_state=0).fit(X)
        index.save(folder / name)
        saved[name], answers[name] = (folder / name).read_bytes(), index.search(Q, 3)
    refused = changed = 0
    for case in range(count):
        name = list(saved)[case % len(saved)]
        path = folder / "harmed"
        harm = harmed(saved[name], rng)[0]
        path.write_bytes(harm)
        try:
            loaded = NearestNeighbours.load(path)
        except ValueError as error:
            refused += str(path) in str(error)
            continue
        same = harm == saved[name] or all(map(np.array_equal, loaded.search(Q, 3), answers[name]))
        changed += not same
    yield Row(
        "damage",
        "damaged files of saved indexes",
        count,
        "",
        "",
        True,
        f"{refused} refused by name, {len(saved)} kinds",
    )
    yield Row("damage", "saved indexes: changed silently", changed, "", "0", changed == 0)


def disk(folder: Path, count: int) -> Iterator[Row]:
    """A run on a tmpfs of 8 KiB to 72 KiB that fills up, then the same with room. Needs the right to mount."""
    matrix = Matrix(folder)
    matrix.run(folder / "whole")
    truth = table(folder / "whole")
    sizes = np.unique(np.geomspace(8, 72, count).astype(int) // 4 * 4)
    told_so = kept = resumed = clean = 0
    full = []
    for size in sizes:
        place = folder / f"disk-{size}"
        place.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(place)], check=False).returncode:
            raise RuntimeError(
                "a tmpfs cannot be mounted without rights; tests/reports/test_runner.py limits files instead"
            )
        try:
            output = place / "out"
            code, told = matrix.run(output)
            before = _recorded(output)
            full.append(len(before))
            told_so += code == 2 and "free some space on its disk and run again" in told and "Traceback" not in told
            subprocess.run(["mount", "-o", "remount,size=16m", str(place)], check=True)
            kept += set(before) <= set(_recorded(output)) if before else True
            code, told = matrix.run(output)
            after = _recorded(output)
            resumed += code == 0 and table(output).equals(truth) and len(after) == METRICS * CELLS
            clean += set(before) <= set(after) and "damaged" not in told
        finally:
            subprocess.run(["umount", str(place)], check=True)
    n, cells = len(sizes), f"full after {min(full) // METRICS} to {max(full) // METRICS} of {CELLS} cells"
    yield Row("disk", "runs on a full tmpfs that end with the remedy", told_so, "", str(n), told_so == n, cells)
    yield Row(
        "disk", "stores that kept what was recorded, undamaged", min(kept, clean), "", str(n), min(kept, clean) == n
    )
    yield Row("disk", "later runs that went on to the same table", resumed, "", str(n), resumed == n)


def _recorded(output: Path) -> list[str]:
    from reports.store import Store, StoreError

    try:
        with Store(output) as store:
            return [record.to_json() for record in store.records(history=True)]
    except StoreError:
        return []
