"""IMLE: its losses are the formulas, its assignment is the nearest sample, its inner loop majorises."""

from itertools import combinations, pairwise

import numpy as np
import pytest
import torch
from torch import nn

from estimators.models.imle import IMLE, imle_loss, nearest_sample_objective
from estimators.training.inference import inference
from knn.base import indexes
from tests.estimators import naive_models as naive

#: Relative agreement of two float64 sums of fewer than 100 terms in different orders.
SUM_ROUNDING = 100 * np.finfo(np.float64).eps


def problem(n=7, m=11, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(m, d))


def tensors(*arrays):
    return [torch.from_numpy(array) for array in arrays]


def test_the_losses_equal_their_naive_twins():
    for seed in range(20):
        data, samples = problem(seed=seed)
        ours = float(imle_loss(*tensors(data, samples[:7]), n=50))
        assert ours == pytest.approx(naive.imle_loss(data, samples[:7], 50), rel=SUM_ROUNDING)
        ours = float(nearest_sample_objective(*tensors(data, samples)))
        assert ours == pytest.approx(naive.nearest_sample_objective(data, samples), rel=SUM_ROUNDING)


def test_the_gradient_equals_central_differences():
    data, samples = problem()
    losses = {
        "inner": lambda s: imle_loss(torch.from_numpy(data), s[:7], n=50),
        "objective": lambda s: nearest_sample_objective(torch.from_numpy(data), s),
    }
    for loss in losses.values():
        at = torch.from_numpy(samples).requires_grad_(True)
        loss(at).backward()
        numeric = naive.central_differences(lambda s, f=loss: float(f(torch.from_numpy(s))), samples, step=2.0**-17)
        # A quadratic has no truncation error; rounding leaves ε·|loss|/h, with |loss| < 500 and h = 2⁻¹⁷.
        assert np.abs(at.grad.numpy() - numeric).max() < 500 * 2.0**17 * np.finfo(np.float64).eps


def test_the_minibatch_gradient_is_unbiased():
    """The mean over all minibatches of (n/|S̃|) Σ_S̃ is the full sum (Li & Malik 2018, Algorithm 1)."""
    data, samples = tensors(*problem(n=5, m=5))
    for size in (1, 2, 4):
        losses = [imle_loss(data[list(S)], samples[list(S)], n=5) for S in combinations(range(5), size)]
        full = imle_loss(data, samples, n=5)
        assert float(torch.stack(losses).mean()) == pytest.approx(float(full), rel=SUM_ROUNDING)


def fixed_latents(seed):
    """A model whose latents are drawn once, in float64: data, latents and a small generator."""
    rng = torch.Generator().manual_seed(seed)
    data = torch.randn(12, 2, generator=rng, dtype=torch.float64)
    z = torch.randn(20, 3, generator=rng, dtype=torch.float64)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    return data, z, generator


def assign(data, samples):
    return torch.tensor(naive.nearest(data.numpy(), samples.detach().numpy()))


def test_the_frozen_assignment_majorises_and_touches():
    for seed in range(5):
        data, z, generator = fixed_latents(seed)
        sigma = assign(data, generator(z))
        frozen = imle_loss(data, generator(z[sigma]), n=12)
        objective = nearest_sample_objective(data, generator(z))
        assert float(frozen.detach()) == pytest.approx(float(objective.detach()), rel=SUM_ROUNDING)
        gradients = [torch.autograd.grad(f, list(generator.parameters())) for f in (frozen, objective)]
        for a, b in zip(*gradients, strict=True):
            # Danskin: the same terms are differentiated, summed in another order; 1 is the size of the sums' terms.
            assert float((a - b).abs().max()) < SUM_ROUNDING * max(1.0, float(a.abs().max()))
        rng = torch.Generator().manual_seed(seed)
        for _ in range(20):
            with torch.no_grad():
                for weight in generator.parameters():
                    weight += 0.3 * torch.randn(weight.shape, generator=rng, dtype=torch.float64)
                above = imle_loss(data, generator(z[sigma]), n=12) - nearest_sample_objective(data, generator(z))
            assert float(above) > -SUM_ROUNDING * 500


def test_inner_descent_never_raises_the_objective_at_fixed_latents():
    """Small full-batch gradient steps at frozen σ, then a new σ: the objective falls at every outer step."""
    data, z, generator = fixed_latents(3)
    values = [float(nearest_sample_objective(data, generator(z)).detach())]
    for _ in range(20):
        sigma = assign(data, generator(z))
        for _ in range(10):
            loss = imle_loss(data, generator(z[sigma]), n=12)
            gradient = torch.autograd.grad(loss, list(generator.parameters()))
            with torch.no_grad():
                for weight, slope in zip(generator.parameters(), gradient, strict=True):
                    weight -= 1e-3 * slope
        values.append(float(nearest_sample_objective(data, generator(z)).detach()))
    assert all(after < before for before, after in pairwise(values))
    assert values[-1] < 0.5 * values[0]


def test_the_assignment_is_the_nearest_sample():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = IMLE(n_samples=25, n_assigned=20, latent_dim=2, hidden=(8,), steps=5, random_state=0, device="cpu").start(X)
    rng = torch.Generator()
    rng.set_state(model._rng.get_state())
    model.outer_step()
    z = torch.randn(25, 2, generator=rng)  # the latents that the outer step drew
    with inference(model.generator_):
        samples = model.generator_(z).numpy().astype(np.float64)
    assert model.assigned_.shape == (20,)
    assert len(set(model.assigned_.tolist())) == 20
    data = model._data[model.assigned_].numpy().astype(np.float64)
    nearest = naive.nearest(data, samples)
    assert torch.equal(model.latents_, z[nearest])
    mean = sum(((x - samples[j]) ** 2).sum() for x, j in zip(data, nearest, strict=True)) / 20
    assert model.objective_ == pytest.approx(mean, rel=SUM_ROUNDING)


def test_outer_steps_come_every_inner_steps():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = IMLE(n_samples=8, inner_steps=4, hidden=(8,), steps=10, random_state=0, device="cpu").start(X)
    kept = []
    for _ in range(10):
        model.step()
        kept.append(model.latents_)
    assert [kept[i] is kept[i - 1] for i in range(1, 10)] == [True, True, True, False, True, True, True, False, True]
    assert model.outer_step_ == 3


@pytest.mark.parametrize(
    ("n_samples", "n_assigned", "expected"), [(8, None, 8), (100, None, 30), (8, 20, 20), (8, 99, 30)]
)
def test_the_batch_of_an_outer_step(n_samples, n_assigned, expected):
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = IMLE(n_samples=n_samples, n_assigned=n_assigned, hidden=(8,), device="cpu").start(X)
    model.outer_step()
    assert len(model.assigned_) == len(model.latents_) == expected


@pytest.mark.parametrize("name", sorted(indexes))
def test_any_index_serves_and_a_seed_fixes_it(name):
    """The samples, or the refusal of an index whose default budget is too small for 200 points, are the seed's."""
    X = np.random.default_rng(0).normal(size=(30, 2))

    def train(index):
        model = IMLE(n_samples=200, hidden=(8,), steps=12, index=index, random_state=0, device="cpu")
        try:
            return model.fit(X).sample(9, random_state=0).tolist()
        except ValueError as error:
            return str(error)

    by_name = train(name)
    assert isinstance(by_name, list) or (name not in ("brute-force", "prioritized-dci") and "its budget" in by_name)
    assert by_name == train(name)
    assert by_name == train(indexes[name](n_neighbors=1))


class Blind:
    """An index that finds nothing for its last query."""

    def fit(self, X):
        self.n = len(X)
        return self

    def search(self, Q, k):
        found = indexes["brute-force"]().fit(np.zeros((self.n, Q.shape[1]))).search(Q, k)
        found.indices[-1] = -1
        return found


def test_an_index_that_finds_nothing_is_not_believed():
    with pytest.raises(ValueError, match=r"no sample near datum \d+; raise its budget"):
        IMLE(index=Blind(), n_samples=4, steps=3, device="cpu").fit(np.eye(5))


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [
        ("n_samples", 0, ValueError),
        ("n_assigned", 0, ValueError),
        ("inner_steps", 1.5, TypeError),
        ("index", "abacus", ValueError),
        ("index", 3, TypeError),
    ],
)
def test_bad_parameters_of_its_own(parameter, value, error):
    with pytest.raises(error, match="abacus" if value == "abacus" else parameter):
        IMLE(steps=1).set_params(**{parameter: value}).fit(np.eye(3))


def test_an_unknown_index_is_told_the_names_that_training_takes():
    with pytest.raises(KeyError) as told:
        IMLE(index="brute", steps=1).fit(np.eye(3))
    assert str(told.value).startswith("unknown index 'brute'; known: auto, bf16, brute-force, components, ")
    assert str(told.value).endswith("did you mean brute-force?")


def test_an_index_object_is_passed_again_when_loading(tmp_path):
    index = indexes["brute-force"](n_neighbors=1)
    IMLE(index=index, steps=2, n_samples=4, random_state=0, device="cpu").fit(np.eye(3)).save(tmp_path / "m")
    with pytest.raises(TypeError, match="index=…"):
        IMLE.load(tmp_path / "m")
    assert IMLE.load(tmp_path / "m", index=index).step_ == 2


def test_a_search_where_the_samples_lie_trains_the_same_bits(monkeypatch):
    """The way of a CUDA device, taken on the CPU with a search of the host in place of the device's."""
    from estimators.models import imle

    def nearest(data, samples):
        found = indexes["brute-force"]().fit(samples.numpy()).search(data.numpy(), 1)
        return torch.from_numpy(found.indices[:, 0]), torch.from_numpy(found.distances[:, 0] ** 2)

    X = problem(n=60)[0].astype(np.float32)
    settings = {"hidden": (8,), "n_samples": 40, "steps": 12, "inner_steps": 3, "random_state": 0, "device": "cpu"}
    usual = IMLE(**settings).fit(X)
    monkeypatch.setattr(imle, "searches_there", lambda device: device.type == "cpu")
    monkeypatch.setattr(imle, "nearest_there", nearest)
    there = IMLE(**settings).fit(X)
    np.testing.assert_array_equal(there.sample(20, random_state=1), usual.sample(20, random_state=1))
    assert there.history_[-1]["objective"] == usual.history_[-1]["objective"]
