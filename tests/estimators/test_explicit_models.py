"""The laws of models with a density."""

import inspect
import math

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture

from estimators.models.explicit.gaussian import GaussianModel
from estimators.models.explicit.gaussian_mixture import (
    ExpectationMaximisation,
    GaussianMixtureModel,
    plus_plus_centres,
)
from estimators.models.explicit.monte_carlo_em import MonteCarloEM
from estimators.models.explicit.triangular_flow import TriangularFlow
from estimators.training.explicit_model import ExplicitModel
from estimators.training.registry import models

EXPLICIT = [name for name in models if issubclass(models[name], ExplicitModel)]

SMALL = {
    "steps": 60, "lr": 1e-2, "hidden": (16,), "n_hidden": 16, "n_components": 3, "n_transforms": 2, "n_bins": 6,
    "batch_size": 64, "n_times": 10, "device": "cpu", "random_state": 0,
}  # fmt: skip


def small(kind, **parameters):
    known = inspect.signature(kind).parameters
    return kind(**{key: value for key, value in SMALL.items() if key in known} | parameters)


def moons(n=300, d=2, seed=0):
    """Two bent clouds in units that are not the training scale."""
    rng = np.random.default_rng(seed)
    side = rng.random(n) < 0.4
    x = rng.normal(size=(n, d)) * 0.4
    x[:, 0] += np.where(side, 1.5, -1.0)
    if d > 1:
        x[:, 1] += x[:, 0] ** 2
    return 3.0 * x + 5.0


@pytest.fixture(scope="module")
def fitted():
    """Each explicit model, trained briefly on the plane once."""
    return {name: small(models[name]).fit(moons()) for name in EXPLICIT}


def midpoints(low, high, n):
    width = (high - low) / n
    return low + width * (np.arange(n) + 0.5), width


@pytest.mark.parametrize("name", EXPLICIT)
def test_a_density_integrates_to_one(name, fitted):
    """The midpoint rule on 400² cells of 40 training scales, against itself on every second row and column.

    Of smooth densities the rule's error falls at least fourfold with the cell's width, of kinked ones (rectified
    networks) hardly less: their difference bounds what is left, and nothing of a part in 200 lies outside.
    """
    model = fitted[name]
    scale, centre = model.standardisation_.scale, model.standardisation_.centre
    totals = []
    for n in (200, 400):
        line, width = midpoints(-20 * scale, 20 * scale, n)
        cells = np.stack(np.meshgrid(line + centre[0], line + centre[1]), axis=-1).reshape(-1, 2)
        totals.append(np.exp(model.log_prob(cells)).sum() * width**2)
    assert abs(totals[1] - 1) < abs(totals[1] - totals[0]) + 0.005, totals


@pytest.mark.parametrize("name", EXPLICIT)
def test_samples_are_drawn_from_the_density(name, fitted):
    """Shares of 20 000 samples in the cells of a coarse grid against the density's integral: χ² at level 10⁻⁶."""
    model = fitted[name]
    scale, centre = model.standardisation_.scale, model.standardisation_.centre
    n, fine = 20_000, 300
    line, width = midpoints(-6 * scale, 6 * scale, fine)
    cells = np.stack(np.meshgrid(line + centre[0], line + centre[1], indexing="ij"), axis=-1).reshape(-1, 2)
    masses = (np.exp(model.log_prob(cells)) * width**2).reshape(6, 50, 6, 50).sum(axis=(1, 3)).ravel()
    samples = model.sample(n, random_state=1) - centre
    edges = np.linspace(-6 * scale, 6 * scale, 7)
    counts = np.histogram2d(samples[:, 0], samples[:, 1], bins=(edges, edges))[0].ravel()
    large = masses * n > 20
    masses, counts = (
        np.append(masses[large], 1 - masses[large].sum()),
        np.append(counts[large], n - counts[large].sum()),
    )
    expected = np.maximum(masses * n, 1.0)
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < stats.chi2.isf(1e-6, len(counts) - 1), (statistic, len(counts))


@pytest.mark.parametrize("name", EXPLICIT)
def test_the_score_is_the_mean_and_units_shift_it(name, fitted):
    X = moons()
    model = fitted[name]
    rows = model.log_prob(X)
    assert rows.shape == (len(X),)
    assert rows.dtype == np.float64
    assert model.score(X) == pytest.approx(rows.mean(), rel=1e-15)  # one mean, of the same numbers
    assert np.array_equal(model.log_prob(X[:1]).shape, (1,))
    # 1024 times the unit is exact in floating point, so that the runs are the same: log p falls by d log 1024.
    larger = small(models[name], steps=3).fit(X * 1024).log_prob(X * 1024)
    assert np.allclose(larger, small(models[name], steps=3).fit(X).log_prob(X) - 2 * math.log(1024), rtol=1e-9)


@pytest.mark.parametrize("name", EXPLICIT)
def test_a_gaussian_is_learnt(name):
    """Nats lost on fresh rows of a Gaussian on the line: at most 0.1 (measured: at most 0.05 of 1.9)."""
    rng = np.random.default_rng(3)
    X, fresh = rng.normal(10.0, 2.0, size=(600, 1)), rng.normal(10.0, 2.0, size=(600, 1))
    own = {"n_components": 2} if "n_components" in inspect.signature(models[name]).parameters else {}
    descent = {} if issubclass(models[name], ExpectationMaximisation) else {"lr": 2e-2, "batch_size": 128}
    model = small(models[name], steps=250, **own, **descent).fit(X)
    truth = stats.norm(10.0, 2.0).logpdf(fresh).mean()
    assert abs(model.score(fresh) - truth) < 0.1, (model.score(fresh), truth)


@pytest.mark.parametrize("name", EXPLICIT)
def test_bad_rows_are_refused(name, fitted):
    with pytest.raises(ValueError, match="X has 3 features, the model was fitted to 2"):
        fitted[name].log_prob(np.zeros((4, 3)))
    with pytest.raises(ValueError, match="nan in row 1"):
        fitted[name].log_prob([[0.0, 1.0], [np.nan, 0.0]])
    with pytest.raises(NotFittedError, match=r"call fit\(X\) first"):
        models[name]().log_prob(np.zeros((2, 2)))


def test_one_gaussian_is_the_closed_form():
    X = moons(d=2)
    model = GaussianModel(device="cpu").fit(X)
    truth = stats.multivariate_normal(X.mean(axis=0), np.cov(X.T, bias=True)).logpdf(X)
    # Sums of 300 rows and an eigendecomposition at a condition below 100, in float64.
    assert np.allclose(model.log_prob(X), truth, rtol=0, atol=1e5 * np.finfo(float).eps)
    again = GaussianModel(device="cpu", steps=5).fit(X)
    assert np.allclose(again.log_prob(X), model.log_prob(X), rtol=0, atol=1e5 * np.finfo(float).eps)
    diagonal = GaussianModel(device="cpu", covariance="diagonal").fit(X)
    truth = stats.norm(X.mean(axis=0), X.std(axis=0)).logpdf(X).sum(axis=1)
    assert np.allclose(diagonal.log_prob(X), truth, rtol=0, atol=1e5 * np.finfo(float).eps)


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_em_is_that_of_scikit_learn(covariance):
    """From the same start, ten steps of both: the same mixture, but for rounding."""
    X = moons()
    model = GaussianMixtureModel(n_components=4, covariance=covariance, steps=10, random_state=0, device="cpu").start(X)
    start, unit = model.density_, (X - model.standardisation_.centre) / model.standardisation_.scale
    variances = start.variances.numpy()
    if covariance == "full":
        axes = start.axes.numpy()
        precisions = np.einsum("kij,kj,klj->kil", axes, 1 / variances, axes)
    else:
        precisions = 1 / variances
    theirs = GaussianMixture(
        4, covariance_type={"full": "full", "diagonal": "diag"}[covariance], reg_covar=0, tol=0, max_iter=10,
        weights_init=start.weights.numpy(), means_init=start.means.numpy(), precisions_init=precisions,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="converge"):
        theirs.fit(unit)
    model.fit(X)
    ours = model.log_prob(X) + 2 * math.log(model.standardisation_.scale)
    # Ten steps each multiply rounding by the conditions of covariances, below 1000 here; weights with 10 eps inside.
    assert np.allclose(ours, theirs.score_samples(unit), rtol=0, atol=1e-9)


@pytest.mark.parametrize("floor", [1e-4, 0.3])
def test_em_never_lowers_the_likelihood(floor):
    """With a floor that binds too: the M-step is the maximiser under the constraint. Rounding of 300 logarithms."""
    model = GaussianMixtureModel(n_components=6, floor=floor, steps=60, history_every=1, random_state=1, device="cpu")
    losses = [row["loss"] for row in model.fit(moons()).history_]
    assert max(np.diff(losses)) < 300 * 10 * np.finfo(float).eps
    assert losses[-1] < losses[0] - 0.01
    # An eigenvalue at the floor is it to the last bit.
    assert float(model.density_.variances.min()) >= floor
    assert (floor == 0.3) == bool((model.density_.variances == floor).any())


def test_centres_spread_by_distance():
    """Four tight clouds far apart: in each of 50 draws all four have a centre, which uniform rows have in 9 %."""
    rng = np.random.default_rng(0)
    x = torch.from_numpy(
        rng.normal(size=(80, 2)) * 1e-3 + np.repeat(np.eye(4)[:, :2] * 9 + np.eye(4)[:, 2:] * 20, 20, 0)
    )
    clouds = torch.arange(80) // 20
    stream = torch.Generator().manual_seed(0)
    for _ in range(50):
        centres = plus_plus_centres(x, 4, stream)
        assert set(clouds[torch.cdist(x, centres).argmin(dim=0)].tolist()) == {0, 1, 2, 3}
    assert plus_plus_centres(torch.ones(3, 2), 5, stream).shape == (5, 2)


def test_a_monte_carlo_step_misses_that_of_em_by_the_root_of_the_draws():
    """One step from the same start: the means miss by what the variance r(1 − r)/draws of the shares gives.

    First order: m̂_k − m_k = Σᵢ (r̂_ik − r_ik)(xᵢ − m_k)/Σᵢ r_ik; 30 runs each, squared errors within 40 % of that
    (a χ² of 30 × 4 values has a standard deviation of 13 %).
    """
    X = moons()
    exact = GaussianMixtureModel(n_components=2, covariance="diagonal", steps=9, random_state=0, device="cpu").start(X)
    memberships = exact.density_.log_joint(exact._data).softmax(dim=1)
    data, start = exact._data, {key: value.clone() for key, value in exact.density_.state_dict().items()}
    exact.step()
    means = exact.density_.means
    spread = (data[:, None] - means).square() * (memberships * (1 - memberships))[:, :, None]
    for n_draws in (10, 90):
        predicted = spread.sum(dim=0) / n_draws / memberships.sum(dim=0)[:, None].square()
        errors = []
        for seed in range(30):
            sampled = MonteCarloEM(
                n_components=2, n_draws=n_draws, covariance="diagonal", steps=9, random_state=seed, device="cpu"
            ).start(X)
            sampled.density_.load_state_dict(start)
            sampled.step()
            errors.append((sampled.density_.means - means).square() / predicted)
        assert abs(float(torch.stack(errors).mean()) - 1) < 0.4


def test_monte_carlo_em_ends_where_em_does():
    """At 2000 draws and the same start, within 1e-4 nats of EM after as many steps (measured over six starts: 2e-5).

    At 20 draws a run may end at another optimum, 0.01 nats away.
    """
    X = moons()
    parameters = {"n_components": 3, "steps": 20, "random_state": 4, "device": "cpu"}
    exact = GaussianMixtureModel(**parameters).fit(X).score(X)
    assert abs(MonteCarloEM(n_draws=2000, **parameters).fit(X).score(X) - exact) < 1e-4


def test_a_neural_triangular_map_is_increasing_triangular_and_inverted():
    X = moons(200)
    model = TriangularFlow(
        univariate="neural", hidden=(16,), steps=10, lr=1e-2, batch_size=64, random_state=0, device="cpu"
    ).fit(X)
    transform = model.density_.transform()
    line = torch.linspace(-3, 3, 41)
    with torch.no_grad():
        first = transform(torch.stack([line, line.flip(0)], dim=1))[:, 0]
        again = transform(torch.stack([line, line], dim=1))
        assert torch.equal(first, again[:, 0])
        assert bool((again[:, 0].diff() > 0).all())
        second = transform(torch.stack([torch.zeros(41), line], dim=1))[:, 1]
        assert bool((second.diff() > 0).all())
        samples = model._draw(100, torch.Generator().manual_seed(0))
        z = torch.randn(100, 2, generator=torch.Generator().manual_seed(0))
        # Bisection to 1e-6 of x, at slopes below 100.
        assert float((transform(samples) - z).abs().max()) < 1e-3
