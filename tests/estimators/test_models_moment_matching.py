"""GMMN: its losses are the formulas, without bias, and their gradients are right."""

from itertools import product

import numpy as np
import pytest
import torch

from estimators.models.moment_matching import GMMN, energy_loss, mmd_loss
from tests.estimators import naive_models as naive

#: Agreement of float64 sums of fewer than 200 terms of size about 1, through exp and fourth powers, in other orders.
ROUNDING = 1000 * np.finfo(np.float64).eps


def problem(n=7, m=9, d=3, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.normal(size=(n, d))), torch.from_numpy(rng.normal(0.5, 1.0, size=(m, d)))


LOSSES = [
    (lambda x, y: mmd_loss(x, y, 2.0, 4), lambda x, y: naive.mmd_loss(x, y, 2.0, 4)),
    (lambda x, y: mmd_loss(x, y, 1.5, 1), lambda x, y: naive.mmd_loss(x, y, 1.5, 1)),
    (energy_loss, naive.energy_loss),
]


@pytest.mark.parametrize(("loss", "twin"), LOSSES)
def test_the_losses_equal_their_naive_twins(loss, twin):
    for seed in range(10):
        data, samples = problem(seed=seed)
        assert float(loss(data, samples)) == pytest.approx(twin(data, samples), abs=ROUNDING)


@pytest.mark.parametrize(("loss", "twin"), LOSSES)
def test_the_gradients_equal_central_differences(loss, twin):
    data, samples = problem(n=4, m=5)
    at = samples.clone().requires_grad_(True)
    loss(data, at).backward()
    h = 2.0**-13
    numeric = naive.central_differences(lambda s: twin(data, torch.from_numpy(s)), samples.numpy(), step=h)
    # Truncation h²/6 · |f'''| with |f'''| < 60 at widths of 1/4 and distances above 1/5; rounding is far below.
    assert np.abs(at.grad.numpy() - numeric).max() < 10 * h * h


@pytest.mark.parametrize("loss", [LOSSES[0][0], energy_loss])
def test_the_estimate_is_unbiased(loss):
    """Over all pairs of samples of size 2 from laws on three atoms, the mean is the distance between the laws."""
    atoms = torch.tensor([[0.0, 0.0], [1.0, 0.5], [-0.5, 2.0]], dtype=torch.float64)
    p, q = [0.5, 0.25, 0.25], [0.125, 0.125, 0.75]
    expected = 0.0
    for i, j, k, l in product(range(3), repeat=4):
        expected += p[i] * p[j] * q[k] * q[l] * float(loss(atoms[[i, j]], atoms[[k, l]]))
    # The same loss on the whole laws: k or −d between independent draws, pairs of equal atoms included.
    single = {(a, b): pair_value(loss, atoms[a], atoms[b]) for a in range(3) for b in range(3)}
    exact = sum((p[a] - q[a]) * (p[b] - q[b]) * single[a, b] for a in range(3) for b in range(3))
    assert exact > 0.1
    assert expected == pytest.approx(exact, abs=ROUNDING)


def pair_value(loss, x, y):
    """The kernel of a loss at (x, y), read from its naive twin."""
    if loss is energy_loss:
        return -naive.distance(x, y)
    return naive.mean_between(lambda a, b: kernel_of_four(a, b), [x], [y])


def kernel_of_four(x, y):
    squared = naive.distance(x, y) ** 2
    return sum(np.exp(-squared / (2 * h * h)) for h in (2.0, 1.0, 0.5, 0.25)) / 4


def test_coinciding_points_have_a_finite_gradient():
    data = torch.zeros(3, 2, dtype=torch.float64)
    for loss in (LOSSES[0][0], energy_loss):
        samples = torch.zeros(3, 2, dtype=torch.float64, requires_grad=True)
        loss(data, samples).backward()
        assert torch.equal(samples.grad, torch.zeros_like(samples))


def test_the_median_distance_is_that_of_the_data():
    X = np.random.default_rng(0).normal(size=(60, 3))
    model = GMMN(hidden=(8,), random_state=0, device="cpu").start(X)
    unit = model._data.numpy().astype(float)
    distances = [naive.distance(unit[i], unit[j]) for i in range(60) for j in range(i)]
    # torch's median is the lower of two middle values; float32 distances below 8.
    assert model.median_distance_ == pytest.approx(float(np.quantile(distances, 0.5, method="lower")), rel=1e-6)


@pytest.mark.parametrize("kernel", ["gaussian", "energy"])
def test_both_kernels_train(kernel):
    X = np.random.default_rng(0).normal(size=(200, 2)) * [3.0, 1.0] + 5.0
    model = GMMN(kernel=kernel, steps=300, batch_size=64, hidden=(16,), random_state=0, device="cpu").fit(X)
    samples = model.sample(2000, random_state=1)
    # Untrained, the spread is below a third of the data's and the two features are alike.
    assert np.abs(samples.mean(axis=0) - X.mean(axis=0)).max() < 0.5
    assert np.abs(samples.std(axis=0) / X.std(axis=0) - 1).max() < 0.3


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [
        ("kernel", "cubic", ValueError),
        ("widest", 0, ValueError),
        ("n_widths", 0, ValueError),
        ("batch_size", 1, ValueError),
    ],
)
def test_bad_parameters_of_its_own(parameter, value, error):
    with pytest.raises(error, match=parameter):
        GMMN(steps=1).set_params(**{parameter: value}).fit(np.zeros((3, 2)))
