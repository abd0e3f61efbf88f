"""Experiments that misbehave on demand; a test lists their cells and registers them for itself."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from reports.experiment import Cell, Experiment, Measurement, experiments


@experiments.register("probe")
class Probe(Experiment):
    """Does what the parameter `do` says."""

    question = "What does the runner do with a cell that misbehaves?"
    listed: ClassVar[list[Cell]] = []

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del size, data
        return self.listed

    def measure(self, cell: Cell) -> Iterable[Measurement]:
        yield from getattr(self, str(cell.params["do"]).replace("-", "_"))(cell)

    def draw(self, cell: Cell) -> Iterable[Measurement]:
        rng = np.random.default_rng(cell.seed)
        yield Measurement("mean", rng.normal(size=100).mean(), stderr=0.1, payload={"sample": rng.normal(size=5)})
        yield Measurement("pid", os.getpid())

    def draw_slowly(self, cell: Cell) -> Iterable[Measurement]:
        marker = Path(str(cell.params["marker"]))
        beside = marker.with_name(f"{marker.name}.{os.getpid()}")
        beside.write_text(str(os.getpid()))
        try:
            os.link(beside, marker)  # whole, and for one alone, which a rename is not
            first = True
        except FileExistsError:
            first = False
        time.sleep(float(cell.params.get("for", 1.0)) if first else 0.1)
        yield from self.draw(cell)

    def fail(self, cell: Cell) -> Iterable[Measurement]:
        raise ZeroDivisionError(f"cell {cell.seed}")

    def fail_while_there(self, cell: Cell) -> Iterable[Measurement]:
        if Path(str(cell.params["marker"])).exists():
            raise OSError("the marker is there")
        yield Measurement("value", 1.0)

    def give_nothing(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        return ()

    def give_nan(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        yield Measurement("value", float("nan"))

    def give_words(self, cell: Cell) -> Iterable[Any]:
        del cell
        yield "a word"

    def give_an_object(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        yield Measurement("value", 1.0, detail=object())  # type: ignore[arg-type]

    def skip_a_part(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        yield Measurement("one", None, status="skipped", detail="a part that needs something else")
        yield Measurement("two", 2.0)

    def leave(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        raise SystemExit(0)

    def lack_torch(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        raise ImportError("models needs torch: pip install '.[models]' in a checkout", name="torch")

    def die(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        os._exit(3)

    def die_once(self, cell: Cell) -> Iterable[Measurement]:
        marker = Path(str(cell.params["marker"]))
        if not marker.exists():
            marker.touch()
            os.abort()
        yield Measurement("value", 1.0)

    def sleep(self, cell: Cell) -> Iterable[Measurement]:
        time.sleep(float(cell.params["for"]))
        yield Measurement("pid", os.getpid())

    def fill_memory(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        held = []
        while len(held) < 400:
            held.append(np.ones(1 << 20))
            time.sleep(0.01)
        yield Measurement("value", len(held))


@experiments.register("timed-probe")
class TimedProbe(Experiment):
    """Tells when it ran, on which processors, with which thread variables."""

    question = "Is a timing cell alone?"
    timing = True
    listed: ClassVar[list[Cell]] = []

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del size, data
        return self.listed

    def measure(self, cell: Cell) -> Iterable[Measurement]:
        del cell
        begin = time.time()
        time.sleep(0.05)
        yield Measurement("begin", begin, unit="s")
        yield Measurement("end", time.time(), unit="s")
        yield Measurement("processors", len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0)
        yield Measurement("threads", float(os.environ["OMP_NUM_THREADS"]))


def no_end(*_: object) -> None:
    """In the place of a library that does not come back."""
    time.sleep(60)


def hunger(*_: object) -> int:
    """Asks for sixteen gigabytes, and touches none."""
    return len(bytes(1 << 34))


def room(*_: object) -> int:
    """Bytes of addresses that this process may have."""
    import resource

    return resource.getrlimit(resource.RLIMIT_AS)[0]


def crash(*_: object) -> None:
    """In the place of a library that ends its process."""
    os._exit(3)
