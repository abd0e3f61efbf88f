"""What an audit found: rows, defects and caveats, to be read in a terminal, a notebook or on a page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reports.auditing.caveats import Caveat
from reports.auditing.cells import Cells
from reports.auditing.material import Material
from reports.tables import rows_of
from reports.tables.numerals import missing, significant, with_error

COLUMNS = (
    "section", "name", "value", "stderr", "low", "high", "floor", "unit", "bound", "p_value", "adjusted", "finding",
    "status", "method", "detail",
)  # fmt: skip


#: Without a test there is nothing to compare memorisation with.
NEED_TEST = ("memorisation", "nearest distances")


@dataclass(frozen=True)
class Defect:
    """What is wrong: its `name`, what shows it, `by` which tests, the least adjusted p-value, and which cells."""

    name: str
    says: str
    by: str
    p_value: float
    cells: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} (p = {self.p_value:.2g}, adjusted): {self.says}"


@dataclass(frozen=True, eq=False)
class Audit:
    """`frame` has a row for each score and test, `defects` what the tests show at family-wise `level`.

    Columns: section, name, value, stderr, low and high (95 %), floor (the same of real rows: what a perfect sampler
    scores), unit, bound, p_value, adjusted (by Holm), finding, status, method, detail. `doubts` about the input are to
    be looked at before anything is believed.
    """

    frame: pd.DataFrame
    defects: tuple[Defect, ...]
    caveats: tuple[Caveat, ...]
    material: Material
    cells: Cells
    level: float
    settings: dict[str, Any]
    doubts: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """One line: the defects, or that none was seen, and how many tests could not be made."""
        if self.defects:
            return "; ".join(defect.name for defect in self.defects)
        told = f"no defect seen at a family-wise level of {self.level:g}"
        made, failed = len(self.made), len(self.failed)
        if not made:
            return "nothing was tested: no test could be made, and each says why"
        return told if not failed else f"{told} by {made} tests; {failed} could not be made"

    @property
    def made(self) -> tuple[str, ...]:
        """The tests that gave a p-value."""
        return tuple(self._tests.loc[self._tests.status == "ok", "name"])

    @property
    def failed(self) -> tuple[str, ...]:
        """The tests that failed, or came after the time limit; what needs rows that were not passed is none of them."""
        wanting = self._tests.name.isin(NEED_TEST) & (self.material.test is None)
        return tuple(self._tests.loc[(self._tests.status != "ok") & ~wanting, "name"])

    @property
    def _tests(self) -> pd.DataFrame:
        return self.frame[self.frame.section == "test"]

    @property
    def lacking(self) -> tuple[int, ...]:
        """The cells with too few samples, none unless the whole family of tests says that there are any."""
        return next((defect.cells for defect in self.defects if defect.cells), ())

    @property
    def facts(self) -> dict[str, str]:
        """What was audited against what, and with which settings."""
        m = self.material
        samples, data, test = m.origins
        return {
            "Samples": f"{samples}: {len(m.samples)} rows of {m.raw[0].shape[1]} coordinates",
            "Data": f"{data}: {len(m.data)} rows",
            "Test": "none: memorisation shows in exact copies alone"
            if m.test is None
            else f"{test}: {len(m.test)} rows",
            "Features": m.features or "the rows themselves",
            "Compared": f"{len(m.reference)} rows of each for scores, {len(m.held)} and {len(m.made)} for tests",
            "Level": f"{self.level:g} for all tests together, by Holm's correction",
            "Seed": f"{self.settings['random_state']}, {self.settings['permutations']} permutations",
        }

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON scalars; infinities as text."""
        rows = [{key: _plain(value) for key, value in row.items()} for row in self.frame.to_dict("records")]
        known = self.cells
        of_cells = {"data": known.of_data.tolist(), "samples": known.of_samples.tolist(), "p": known.p_values.tolist()}
        return {
            "verdict": self.verdict,
            "doubts": self.doubts,
            "defects": [asdict(defect) for defect in self.defects],
            "facts": self.facts,
            "rows": rows,
            "cells": of_cells,
            "caveats": [asdict(caveat) for caveat in self.caveats],
        }

    def save(self, path: str | Path) -> Path:
        """Writes one self-contained page with tables and pictures; returns its path. Raises OSError where it cannot."""
        from reports.auditing.page import document
        from reports.durable import replace_file

        target = Path(path)
        replace_file(target, document(self).encode())
        return target

    def __str__(self) -> str:
        lines = [f"Audit: {self.verdict}", *(f"  look first: {doubt}" for doubt in self.doubts)]
        lines += [f"  {defect}" for defect in self.defects]
        for section, part in self.frame.groupby("section", sort=False):
            lines += ["", str(section)]
            wide = max(len(name) for name in part["name"])
            lines += [f"  {row.name.ljust(wide)}  {line(row)}" for row in rows_of(part)]
        lines += ["", "read with care", *(f"  {caveat.says} [{caveat.claim}]" for caveat in self.caveats)]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<Audit of {len(self.material.samples)} samples: {self.verdict}>"

    def _repr_html_(self) -> str:
        from reports.auditing.page import fragment

        return fragment(self)


def shown_value(row: Any) -> str:
    """The value with its error or interval."""
    sign = {"lower": "≥ ", "upper": "≤ "}.get(row.bound, "")
    if missing(row.stderr) and not missing(row.low):
        return f"{sign}{significant(row.value)} [{significant(row.low)}, {significant(row.high)}]"
    return sign + with_error(row.value, row.stderr)


def line(row: Any) -> str:
    """A row of the frame in words."""
    if row.status != "ok":
        return f"{row.status}: {row.detail}"
    parts = [shown_value(row) + ("" if missing(row.unit) or not row.unit else f" {row.unit}")]
    if not missing(row.floor):
        parts.append(f"perfect sampler {significant(row.floor)}")
    if not missing(row.p_value):
        parts.append(f"p = {row.p_value:.3g}, adjusted {row.adjusted:.3g}")
    if not missing(row.finding) and row.finding:
        parts.append(f"→ {row.finding}")
    return "; ".join(parts)


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value) if np.isfinite(value) else str(value)
    return value
