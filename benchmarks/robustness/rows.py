"""A row of the record: what was counted, what was wanted, and whether it is so."""

from __future__ import annotations

from dataclasses import dataclass

COLUMNS = ("part", "what", "value", "unit", "target", "met", "detail", "commit", "machine")


@dataclass(frozen=True)
class Row:
    part: str
    what: str
    value: float
    unit: str
    target: str
    met: bool
    detail: str = ""

    def __str__(self) -> str:
        mark = "ok " if self.met else "NOT"
        detail = f"  ({self.detail})" if self.detail else ""
        return f"{mark} {self.part}: {self.what}: {self.value:g} {self.unit}".rstrip() + f"  [{self.target}]{detail}"
