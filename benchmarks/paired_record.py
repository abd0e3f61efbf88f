"""What a comparison has measured, a line a ratio, so that one that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.base_checkout import Side, git
from benchmarks.paired_sides import Key

#: Stages of a comparison: which look slower, and whether they are.
SCREEN, DECIDE = "screened", "decided"


def identity(sides: Sequence[Side], settings: dict[str, Any]) -> str:
    """What is compared and how, in 16 digits: the commits, all that differs from the new one, and the settings."""
    root = sides[1].root
    parts = [*(side.name for side in sides), *(str(side.python) for side in sides), json.dumps(settings)]
    parts += sorted(f"{found.name} {found.version}" for found in importlib.metadata.distributions())
    parts.append(git(root, "diff", "HEAD", "--binary"))
    for name in git(root, "ls-files", "--others", "--exclude-standard", "-z").split("\0"):
        if name.endswith(".py") and not name.startswith(".asv/"):
            parts.append(f"{name} {hashlib.sha256((root / name).read_bytes()).hexdigest()}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


class Kept:
    """Ratios by stage, round and benchmark, and why others have none; each is in the file before the next is measured.

    A last line that was cut off is forgotten: its benchmark is measured again.
    """

    def __init__(self, path: Path):
        self.path = path
        self.ratios: dict[tuple[str, int], dict[Key, float]] = defaultdict(dict)
        #: Reasons of a failure, of the base alone, of the new side alone ("" where it works), and of both.
        self.failures: dict[Key, list[str]] = {}
        self.too_long: dict[Key, str] = {}
        #: Seconds that passed when a benchmark was measured last.
        self.seconds: dict[Key, float] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = path.read_bytes().rpartition(b"\n")[0].splitlines() if path.exists() else []
        for line in whole:
            self._take(json.loads(line))
        path.write_bytes(b"".join(line + b"\n" for line in whole))

    def __len__(self) -> int:
        return sum(map(len, self.ratios.values()))

    def note(self, key: Key, seconds: float, **found: Any) -> None:
        """`stage`, `round` and `ratio`, or the reasons of `failed`, or why `too_long`."""
        line = {"key": list(key), "seconds": round(seconds, 3), **found}
        self._take(line)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def of(self, stage: str, key: Key) -> list[float]:
        """A benchmark's ratios of a stage, by rounds."""
        return [found[key] for (of, _), found in sorted(self.ratios.items()) if of == stage and key in found]

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)

    def _take(self, line: dict[str, Any]) -> None:
        key = Key(*line["key"])
        self.seconds[key] = line["seconds"]
        if "ratio" in line:
            self.ratios[line["stage"], line["round"]][key] = line["ratio"]
        elif "failed" in line:
            self.failures[key] = line["failed"]
        else:
            self.too_long[key] = line["too_long"]
