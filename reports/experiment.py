"""An experiment: the cells of a matrix, and what is measured in one of them."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from knn.registry import Registry
from reports.record import Record, Scalar, Status, dump

#: The three sizes, meant for a wait of minutes, of an hour and of a night on two cores, all experiments together.
SIZES = ("quick", "standard", "full")

experiments: Registry[type[Experiment]] = Registry(
    "experiment", group="implicitbench.experiments", packages=("reports.experiments",)
)

_RESERVED = frozenset(f.name for f in fields(Record))


@dataclass(frozen=True)
class Cell:
    """One entry of an experiment's matrix: measured whole, recorded whole, killed alone.

    `params` says everything that `measure` needs, budgets included (in steps, never seconds); its
    names become columns of the tables. `seed` is the cell's own randomness. `data` names the data
    sets that it loads. `modules` are modules whose numbers it reports beyond those that the
    experiment's file imports: what it takes from a registry by name. `threads` is what numerical
    libraries may use; `seconds` and `memory` (bytes) are limits at which the cell is stopped,
    None for the runner's own.

    Raises TypeError or ValueError naming the parameter that has no single spelling.
    """

    params: Mapping[str, Scalar]
    seed: int = 0
    modules: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    threads: int = 1
    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        for name, value in self.params.items():
            if name in _RESERVED:
                raise ValueError(f"params: {name!r} is a column of every record; choose another name")
            if not (value is None or isinstance(value, str | bool | int | float)):
                raise TypeError(f"params[{name!r}]: {value!r} must be a string, a number, a bool or None")
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"params[{name!r}]: {value!r} must be finite")
        for limit in ("threads", "seconds", "memory"):
            bound = getattr(self, limit)
            if bound is not None and not bound > 0:
                raise ValueError(f"{limit}: {bound!r} must be positive")
        # A plain dict, so that cells travel to the workers and cannot change with the caller's.
        object.__setattr__(self, "params", dict(self.params))


@dataclass(frozen=True)
class Measurement:
    """What one metric of one cell came to; the runner adds the provenance and makes it a Record.

    Numbers of any real type are stored as floats; NaN is refused unless a status says why it is there.
    """

    metric: str
    value: float | None
    unit: str = ""
    stderr: float | None = None
    low: float | None = None
    high: float | None = None
    status: Status | str = Status.OK
    detail: str = ""
    payload: Any = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))
        for name in ("value", "stderr", "low", "high"):
            number = getattr(self, name)
            if number is not None:
                object.__setattr__(self, name, float(number))
        if self.status is Status.OK and (self.value is None or math.isnan(self.value)):
            raise ValueError(f"{self.metric}: value is {self.value}; say why with a status and a detail")
        if self.status is not Status.OK and not self.detail:
            raise ValueError(f"{self.metric}: status {self.status} needs a detail that says why")
        dump(self.payload)  # an unrecordable payload must fail in the cell that made it


class Experiment(ABC):
    """A question, the cells that answer it, and how one is measured. One subclass a file; `__init__` takes nothing.

    Register it: `@experiments.register("knn")` above `class KNN(Experiment)`.
    """

    #: The question that it answers, in one line, for the page.
    question: str = ""
    #: What a reader must know before believing the table, each a sentence.
    caveats: tuple[str, ...] = ()
    #: True: its cells run one at a time, pinned, after all others, and their key holds the machine.
    timing: bool = False

    @abstractmethod
    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        """The cells at `size`; `data` maps the data sets found on this machine to their checksums."""

    @abstractmethod
    def measure(self, cell: Cell) -> Iterable[Measurement]:
        """Measures one cell: a pure function of it, timings aside. Runs in a process of its own."""
