"""The one training loop, and how it stops."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from estimators.training.callbacks import Callback

if TYPE_CHECKING:
    import torch

    from estimators.training.implicit_model import ImplicitModel


class Diverged(ArithmeticError):
    """Training met a value that is not finite; `.step` and `.lr` say where, `.remedy` what to do.

    Of the rates of a stack that went on together `.lr` is the largest.
    """

    def __init__(self, what: str, *, step: int, lr: float | torch.Tensor, remedy: str = ""):
        lr = float(lr if isinstance(lr, int | float) else lr.max())
        self.what = what
        self.step = step
        self.lr = lr
        self.remedy = remedy or f"lower lr, for example to {lr / 10:.2g}"
        super().__init__(f"{what} at step {step} with lr = {lr:.3g}: {self.remedy}")


def require_finite(losses: dict[str, float], *, step: int, lr: float) -> None:
    """Raises Diverged where a loss is NaN or infinite."""
    for name, value in losses.items():
        if not math.isfinite(value):
            others = ", ".join(f"{other} = {x:.4g}" for other, x in losses.items() if other != name)
            raise Diverged(f"{name} is {value}" + (f" ({others})" if others else ""), step=step, lr=lr)


def run(model: ImplicitModel, *, callbacks: Sequence[Callback] = (), max_seconds: float | None = None) -> str:
    """Steps `model` from `model.step_` to `model.steps` and returns why it ended.

    "steps": the budget is spent; "max_seconds": so much wall time went by; otherwise the class name
    of the callback that asked for the end. `max_seconds` is looked at between steps, so a run
    overshoots by at most one; what it trains then depends on the machine. Small networks get one thread
    (estimators/training/one_thread.py).
    """
    from estimators.training.one_thread import one_thread_if_small

    with one_thread_if_small(getattr(model, "members_", [model])):
        return _steps(model, callbacks, max_seconds)


def _steps(model: ImplicitModel, callbacks: Sequence[Callback], max_seconds: float | None) -> str:
    deadline = math.inf if max_seconds is None else time.monotonic() + max_seconds
    reason = "steps"
    for callback in callbacks:
        callback.fit_start(model)
    while model.step_ < model.steps:
        if time.monotonic() >= deadline:
            reason = "max_seconds"
            break
        asked = []
        if model.outer_due():
            model.outer_step()
            asked += [callback for callback in callbacks if callback.outer_step(model)]
        losses = model.step()
        asked += [callback for callback in callbacks if callback.step(model, losses)]
        if asked:
            reason = type(asked[0]).__name__
            break
    for callback in callbacks:
        callback.fit_end(model)
    return reason
