"""Training in tests runs on one thread: bitwise laws need a fixed number, and small networks lose by a second one."""

import sys

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def one_thread_of_torch():
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def inputs_of_conditional_models(monkeypatch):
    """A conditional model obeys the same laws once it has its inputs: one a row of X, and a single one in sampling."""
    from estimators.training.conditional import ConditionalModel

    def supplied(method, inputs):
        def call(self, first, *rest, given=None, **named):
            return method(self, first, *rest, given=inputs(first) if given is None else given, **named)

        return call

    def rows(X):
        return np.cos(np.outer(np.arange(1 if X is None else len(X)), [1.0, 2.0]))

    for method in ("fit", "start", "resume"):
        monkeypatch.setattr(ConditionalModel, method, supplied(getattr(ConditionalModel, method), rows))
    monkeypatch.setattr(ConditionalModel, "sample", supplied(ConditionalModel.sample, lambda _: np.array([0.5, -0.25])))


@pytest.fixture
def float64(monkeypatch):
    """Networks, latents and data in float64, where rounding is far below the ε of Adam.

    In float32 it is not: a weight without influence on the loss has a gradient of pure rounding, and Adam, which
    divides a gradient by its own size, makes a whole step of it.
    """
    import torch

    from estimators.training.training_data import Standardisation

    single = Standardisation.apply
    monkeypatch.setattr(Standardisation, "apply", lambda self, X: single(self, X).astype(np.float64))
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
