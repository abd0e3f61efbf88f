"""Small networks are trained by one thread, others by those that torch has; afterwards torch has what it had."""

import numpy as np
import pytest
import torch
from torch import nn

from estimators import IMLE, MADE, StackedSeeds
from estimators.training import one_thread
from estimators.training.callbacks import Callback

X = np.random.default_rng(0).normal(size=(40, 3))


class Threads(Callback):
    """How many torch has at each step."""

    def __init__(self, error=None):
        self.seen, self.error = [], error

    def step(self, model, losses):  # noqa: ARG002
        self.seen.append(torch.get_num_threads())
        if self.error:
            raise self.error
        return False


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def imle(**parameters):
    return IMLE(**{"latent_dim": 2, "hidden": (8,), "steps": 2, "batch_size": 10, "random_state": 0} | parameters)


def threads_of(model, error=None):
    watch = Threads(error)
    model.fit(X, callbacks=[watch])
    assert torch.get_num_threads() == 3
    return set(watch.seen)


def test_the_work_of_a_model_is_that_of_its_weights_and_of_pairs_for_a_batch():
    model = imle().fit(X)
    assert one_thread.work(model) == 10 * (2 * 8 + 8 + 8 * 3 + 3 + 10 * 3)
    made = MADE(hidden=(8,), steps=1, batch_size=10, random_state=0).fit(X)
    assert one_thread.work(made) == 10 * (sum(weight.numel() for weight in made.density_.parameters()) + 10 * 3)


def test_small_networks_get_one_thread_and_larger_ones_those_that_there_are(monkeypatch):
    work = one_thread.work(imle().fit(X))
    monkeypatch.setattr(one_thread, "SMALL", work)
    assert threads_of(imle()) == {1}
    assert threads_of(imle(batch_size=11)) == {3}
    assert threads_of(StackedSeeds(imle(), n_seeds=1)) == {1}
    assert threads_of(StackedSeeds(imle(), n_seeds=2)) == {3}


def test_networks_of_the_callers_own_keep_their_threads():
    assert threads_of(imle(generator=nn.Linear(2, 3))) == {3}


def test_an_error_gives_the_threads_back():
    with pytest.raises(KeyboardInterrupt):
        threads_of(imle(), KeyboardInterrupt())
    assert torch.get_num_threads() == 3
