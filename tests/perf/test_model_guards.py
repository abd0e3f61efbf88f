"""Training stays quick, and what was timed was trained."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from estimators.measures import ring
from estimators.training.registry import models
from tests.estimators import naive_models as naive

pytestmark = pytest.mark.perf

LAW = ring(8)
#: What the others share with these is guarded here, and each of them is timed over commits by asv.
GUARDED = ("gmmn", "imle", "non-saturating-gan", "wgan-gp")


@pytest.fixture(autouse=True)
def one_thread():
    """Networks this small lose by a second thread, and on a busy machine by a factor."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", GUARDED)
def test_fit_on_the_ring(benchmark, name):
    """200 steps of the default model on 2000 points; the samples have moved at least half of the way to the data."""
    X = LAW.sample(2000, 1)
    new = {"steps": 200, "random_state": 0, "device": "cpu"}
    model = benchmark.pedantic(lambda: models[name](**new).fit(X), rounds=3, warmup_rounds=1)
    assert model.step_ == 200
    # The mean distance from the centre, which is 2 on the ring.
    untrained, trained = (
        np.linalg.norm(m.sample(1000, random_state=0), axis=1).mean() for m in (models[name](**new).start(X), model)
    )
    assert abs(trained - 2) < abs(untrained - 2) / 2


@pytest.mark.parametrize("name", GUARDED)
def test_sampling(benchmark, name):
    """10 000 samples of a model for the ring, the same at every call."""
    model = models[name](steps=2, random_state=0, device="cpu").fit(LAW.sample(500, 1))
    samples = benchmark(model.sample, 10_000, random_state=0)
    assert samples.shape == (10_000, 2)
    assert np.array_equal(samples, model.sample(10_000, random_state=0))


def test_an_outer_step_of_imle(benchmark):
    """The search at m = |S| = 1000 in 64 dimensions; its objective is that of every distance computed."""
    X = np.random.default_rng(0).normal(size=(1000, 64))
    model = models["imle"](n_samples=1000, random_state=0, device="cpu", hidden=(64,)).start(X)
    state = model._rng.get_state()

    def outer_step():
        model._rng.set_state(state)  # the same latents in every round
        model.outer_step()

    benchmark.pedantic(outer_step, rounds=5, warmup_rounds=1)
    model._rng.set_state(state)
    z = model._latents(1000, model._rng)
    samples = model.generator_(z).detach().numpy().astype(np.float64)
    data = model._data.numpy().astype(np.float64)
    smallest = cdist(data, samples, "sqeuclidean").min(axis=1)
    # Two float64 sums of 64 000 terms, in different orders.
    assert model.objective_ == pytest.approx(smallest.mean(), rel=64_000 * np.finfo(np.float64).eps)
    assert smallest[3] == pytest.approx(naive.nearest_sample_objective(data[3:4], samples), rel=1e-12)  # sums of 64
