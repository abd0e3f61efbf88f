"""One Record is one printed number: what was measured, on what, with which uncertainty, by which code."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum
from typing import Any

import numpy as np

#: What a parameter of a cell may be: it enters the cell's key, so it must have one spelling in JSON.
Scalar = str | int | float | bool | None

#: The metric of the single record that stands for a cell that could not be measured.
WHOLE_CELL = "cell"


class Status(StrEnum):
    """How a measurement ended; `explanation` says it in words."""

    OK = "ok"
    SKIPPED = "skipped"
    NOT_CONVERGED = "not-converged"
    BROKEN = "broken"
    FAILED = "failed"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    DIED = "died"

    @property
    def explanation(self) -> str:
        """What happened, for a reader of a table."""
        return _EXPLANATIONS[self]

    @property
    def final(self) -> bool:
        """False when the next run measures the cell again: nothing is known but that it did not work this time."""
        return self in (Status.OK, Status.SKIPPED, Status.NOT_CONVERGED, Status.BROKEN)


_EXPLANATIONS = {
    Status.OK: "measured",
    Status.SKIPPED: "does not apply here, or needs something that is absent: the detail says what",
    Status.NOT_CONVERGED: "the budget ended before the method did: the value is what it had by then",
    Status.BROKEN: "what was under test raised the exception in the detail; the cell's other numbers stand",
    Status.FAILED: "raised the exception in the detail; the next run tries again",
    Status.TIMEOUT: "stopped at the cell's time limit; the next run tries again",
    Status.MEMORY: "stopped at the cell's memory limit; the next run tries again",
    Status.DIED: "its worker process died, twice; the next run tries again",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Record:
    """One number with its uncertainty and its provenance.

    `value`, `stderr`, `low`, `high` are in `unit`; `value` is None when nothing was measured, and
    `[low, high]` is an interval whose kind the metric defines. `cell` is the key of the cell
    (`reports.provenance.cell_key`), `params`, `size` and `seed` say which cell it is, `data` maps
    the names of the data sets to their checksums, `seconds` is the whole cell's wall time,
    `created` is ISO 8601 in UTC. `payload` holds what a picture needs: dicts, lists, scalars and
    arrays. Two records are equal when their JSON is (NaN equals NaN).
    """

    experiment: str
    cell: str
    params: Mapping[str, Scalar]
    size: str
    seed: int
    metric: str
    value: float | None
    unit: str = ""
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    status: Status = Status.OK
    detail: str = ""
    payload: Any = None
    data: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    machine: Mapping[str, Scalar] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    created: str = ""
    seconds: float = 0.0

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, every float exact."""
        return dump({name: getattr(self, name) for name in _FIELDS})

    @classmethod
    def from_json(cls, text: str) -> Record:
        """The record that `to_json` wrote; ValueError when a field is missing, unknown or unreadable."""
        return _record(load(text))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())


_FIELDS = tuple(f.name for f in fields(Record))
_OF_MEASUREMENT = ("metric", "value", "unit", "stderr", "low", "high", "status", "detail", "payload")
_OF_CELL = tuple(name for name in _FIELDS if name not in _OF_MEASUREMENT)


def dump_cell(records: Sequence[Record]) -> str:
    """The records of one cell as one line of JSON; what they share is written once.

    Raises ValueError when there is none, or when they are not of one run of one cell.
    """
    if not records:
        raise ValueError("records: empty; a cell that measured nothing must say so in a record with a status")
    shared = {name: getattr(records[0], name) for name in _OF_CELL}
    for record in records[1:]:
        for name in _OF_CELL:
            if getattr(record, name) != shared[name]:
                raise ValueError(
                    f"records: {record.metric!r} differs in {name!r} from the first; write one cell a call"
                )
    return dump({**shared, "records": [{name: getattr(r, name) for name in _OF_MEASUREMENT} for r in records]})


def load_cell(text: str) -> list[Record]:
    """The records that `dump_cell` wrote, in its order."""
    cell = load(text)
    return [_record({**cell, **measured}) for measured in cell.pop("records")]


def _record(values: dict[str, Any]) -> Record:
    if set(values) != set(_FIELDS):
        raise ValueError(f"not a record: fields {sorted(set(values) ^ set(_FIELDS))} are missing or unknown")
    return Record(**{**values, "status": Status(values["status"])})


def dump(value: Any) -> str:
    """Strict, canonical JSON of dicts, lists, scalars and arrays, from which `load` gives the same back.

    A finite float is written by its shortest exact decimal; infinities and NaN as {"$float": name},
    which strict readers accept; an array as {"$array": base64 of its C-ordered bytes, dtype, shape}.
    Tuples become lists and NumPy scalars become Python's. Raises TypeError naming the place.
    """
    return json.dumps(
        _plain(value, "value"), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def load(text: str) -> Any:
    """What `dump` was given."""
    return _rich(json.loads(text))


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"$float": str(value)}
    if isinstance(value, np.ndarray):
        return _plain_array(value, where)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str) or key.startswith("$"):
                raise TypeError(f"{where}: the key {key!r} must be a string that does not begin with '$'")
        return {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    raise TypeError(
        f"{where}: {type(value).__name__} cannot be recorded; give dicts, lists, numbers, strings or NumPy arrays"
    )


def _plain_array(array: np.ndarray, where: str) -> dict[str, Any]:
    # Long doubles differ between platforms; objects and structures would need code to read them.
    if array.dtype.kind not in "biufcSU" or array.dtype.char in "gG":
        raise TypeError(f"{where}: arrays of dtype {array.dtype} cannot be recorded; convert to float64 or a list")
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    content = base64.b64encode(little.tobytes()).decode("ascii")
    return {"$array": content, "dtype": little.dtype.str, "shape": list(array.shape)}


def _rich(value: Any) -> Any:
    if isinstance(value, list):
        return [_rich(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$float" in value:
        return float(value["$float"])
    if "$array" in value:
        flat = np.frombuffer(base64.b64decode(value["$array"], validate=True), dtype=np.dtype(value["dtype"]))
        return flat.reshape(value["shape"]).copy()
    return {key: _rich(item) for key, item in value.items()}
