"""Losses for TensorBoard, where it is installed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from estimators.training.callbacks import Callback
from estimators.training.parameters import count

if TYPE_CHECKING:
    from estimators.training.implicit_model import ImplicitModel


class TensorBoard(Callback):
    """Writes each loss and the learning rate to `folder` every `every` steps, as TensorBoard's scalars.

    `writer` is any object with `add_scalar(name, value, step)` and `flush()`; None makes torch's own, which needs the
    package tensorboard: ImportError says so here, before any training.
    """

    def __init__(self, folder: str | os.PathLike[str] = "runs", *, every: int = 50, writer: Any = None):
        self.every = count(every, "every")
        self.writer = _torch_writer(folder) if writer is None else writer

    def step(self, model: ImplicitModel, losses: dict[str, float]) -> None:
        if model.step_ % self.every == 0 or model.step_ == model.steps:
            for name, value in {**losses, "lr": model.lr_now}.items():
                self.writer.add_scalar(name, value, model.step_)

    def fit_end(self, model: ImplicitModel) -> None:  # noqa: ARG002
        self.writer.flush()


def _torch_writer(folder: str | os.PathLike[str]) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise ImportError(
            "TensorBoard needs the package tensorboard: pip install tensorboard, or pass a writer of your own, "
            "or watch with Progress(report)"
        ) from error
    return SummaryWriter(os.fspath(folder))
