"""What may watch a fit: progress, checkpoints, or the user's own four methods."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from estimators.training.parameters import count

if TYPE_CHECKING:
    from estimators.training.implicit_model import ImplicitModel


class Callback:
    """Watches a fit. Override what is wanted; `step` and `outer_step` may return True to end the fit.

    The order is fit_start, then for each step an outer_step where one began and the step, then
    fit_end. A callback that draws random numbers must bring its own generator: the model's is part
    of the run.
    """

    def fit_start(self, model: ImplicitModel) -> None:
        """Before the first step; `model.step_` is 0, or more where a run is resumed."""

    def outer_step(self, model: ImplicitModel) -> bool | None:
        """After an outer step: new latents and a new assignment, where the model has one."""

    def step(self, model: ImplicitModel, losses: dict[str, float]) -> bool | None:
        """After a step with its losses."""

    def fit_end(self, model: ImplicitModel) -> None:
        """After the last step; not called when the fit raised."""


class Progress(Callback):
    """Calls `report(step, steps, losses)` at the start, every `every` steps and at the end.

    `report` may be anything: the default writes a line to the standard error; a rich progress bar
    passes its own `update`.
    """

    def __init__(self, report: Callable[[int, int, dict[str, float]], None] | None = None, *, every: int = 100):
        self.report = report or _to_stderr
        self.every = count(every, "every")
        self._last: tuple[int, dict[str, float]] = (0, {})

    def fit_start(self, model: ImplicitModel) -> None:
        self._last = (model.step_, {})
        self.report(model.step_, model.steps, {})

    def step(self, model: ImplicitModel, losses: dict[str, float]) -> None:
        self._last = (model.step_, losses)
        if model.step_ % self.every == 0:
            self.report(model.step_, model.steps, losses)

    def fit_end(self, model: ImplicitModel) -> None:
        step, losses = self._last
        if losses and step % self.every:
            self.report(step, model.steps, losses)


class Checkpoint(Callback):
    """Saves the whole run to `path` every `every` steps and at the end, so that `load(path).resume(X)` goes on."""

    def __init__(self, path: str | os.PathLike[str], *, every: int = 500):
        self.path = Path(path)
        self.every = count(every, "every")

    def step(self, model: ImplicitModel, losses: dict[str, float]) -> None:  # noqa: ARG002
        if model.step_ % self.every == 0:
            model.save(self.path)

    def fit_end(self, model: ImplicitModel) -> None:
        model.save(self.path)


def _to_stderr(step: int, steps: int, losses: dict[str, float]) -> None:
    described = "  ".join(f"{name} {value:.4g}" for name, value in losses.items())
    sys.stderr.write(f"step {step}/{steps}  {described}\n")
