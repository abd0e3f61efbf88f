"""What several seeds of one row come to: the mean, and its standard error over the seeds."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from reports.record import Record, Status

#: The columns that every such row ends with.
PROVENANCE = ("seeds", "status", "detail", "commit", "machine", "cells")


def grouped(records: Iterable[Record], names: Sequence[str]) -> dict[tuple[Any, ...], list[Record]]:
    """Records by the values of their parameters `names`, in the order in which they come."""
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        groups[tuple(record.params.get(name) for name in names)].append(record)
    return groups


def over_seeds(records: Sequence[Record], columns: dict[str, str]) -> dict[str, Any]:
    """For each metric its mean under the name `columns` gives it, with `_stderr`, and the columns of `PROVENANCE`.

    The error is that of the mean over the cells; of a single cell its own. A cell that failed is told by `status`.
    """
    row: dict[str, Any] = {}
    counts = [0]
    for metric, column in columns.items():
        found = [record for record in records if record.metric == metric and record.value is not None]
        row[column], row[f"{column}_stderr"] = mean_and_error(found)
        counts.append(len(found))
    failed = [record for record in records if record.status is not Status.OK]
    cells = list(dict.fromkeys(record.cell for record in records))
    return row | {
        "seeds": max(counts),
        "status": str(failed[0].status) if failed else str(Status.OK),
        "detail": f"{len({r.cell for r in failed})} of {len(cells)} seeds: {failed[0].detail}" if failed else "",
        "commit": records[0].commit,
        "machine": records[0].machine.get("fingerprint", ""),
        "cells": " ".join(cell[:12] for cell in cells),
    }


def mean_and_error(records: Sequence[Record]) -> tuple[float, float]:
    """The mean of the values and its standard error, NaN where there is none."""
    values = [float(record.value) for record in records if record.value is not None]
    if not values:
        return math.nan, math.nan
    if len(values) == 1:
        error = records[0].stderr
        return values[0], math.nan if error is None else error
    if min(values) == max(values):  # their mean may be rounded to another
        return values[0], 0.0
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values))
