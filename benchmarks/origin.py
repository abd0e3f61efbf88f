"""Where measured rows come from, and the CSV files that keep them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any


def origin() -> dict[str, str]:
    """The commit, `+dirty` where tracked files differ from it, and the kind of CPU: nothing names the computer."""
    from reports import provenance

    machine = provenance.machine()
    return {"commit": provenance.commit(), "machine": f"{machine['cpu']}, {machine['system']}"}


def write_rows(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    replaced: Callable[[Mapping[str, str]], bool] = lambda _: True,
) -> None:
    """Writes the rows behind those of the file that are not `replaced`, which by default all are."""
    kept: list[Mapping[str, Any]] = []
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            kept = [old for old in csv.DictReader(file) if not replaced(old)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows([*kept, *rows])
