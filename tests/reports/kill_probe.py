"""An experiment that other distributions could bring: it joins through an entry point, and is killed often."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import numpy as np

from reports.experiment import Cell, Experiment, Measurement, experiments


@experiments.register("kill-probe")
class KillProbe(Experiment):
    """Sums of pseudo-random numbers, one seed a cell."""

    question = "Does anything get lost?"

    def cells(self, size: str, data: Mapping[str, str]) -> Iterable[Cell]:
        del size, data
        return [Cell({"n": n}, seed) for n in (10, 1000) for seed in range(20)]

    def measure(self, cell: Cell) -> Iterable[Measurement]:
        time.sleep(0.03)
        drawn = np.random.default_rng(cell.seed).normal(size=int(cell.params["n"]))
        yield Measurement("sum", drawn.sum(), stderr=drawn.std(), payload={"drawn": drawn[:5]})
        yield Measurement("largest", drawn.max())
