"""Small networks are trained by one thread: there is nothing to share out, and the others make it wait."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from estimators.training.implicit_model import ImplicitModel

#: `work` up to which further threads save no time on a quiet machine; a step multiplies some three times as often. On a
#: machine with other work they multiply it: an operation ends with the last of its threads.
SMALL = 1 << 22


@contextmanager
def one_thread_if_small(members: Sequence[ImplicitModel]) -> Iterator[None]:
    """While it is open torch has one thread, if the dense networks of models that are trained together are small.

    Networks of your own are left what torch has: convolutions use a weight many times. The number is the calling
    thread's; but another thread that calls torch for the first time meanwhile takes it over, and keeps it.
    """
    threads = torch.get_num_threads()
    if threads == 1 or members[0].device_.type != "cpu" or len(members) * work(members[0]) > SMALL:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def work(model: ImplicitModel) -> float:
    """Weights, and coordinates of as many rows, times the rows of a batch: the networks, and pairs of their answers.

    ∞ where a network is the caller's.
    """
    if any(isinstance(value, nn.Module) for value in model.get_params(deep=False).values()):
        return float("inf")
    weights = sum(weight.numel() for name in model._networks for weight in getattr(model, name).parameters())
    return (weights + model.batch_size * model.standardisation_.width) * model.batch_size
