"""Training along principal axes: an isometry of their span, the same run as on the coordinates themselves."""

import inspect

import numpy as np
import pytest
import torch

from estimators.models.conditional_imle import ConditionalIMLE
from estimators.models.imle import IMLE
from estimators.training import run_state
from estimators.training.checkpoint import write_checkpoint
from estimators.training.implicit_model import ImplicitModel
from estimators.training.principal_axes import ROWS, principal_axes
from estimators.training.registry import models
from estimators.training.stacked import StackedSeeds
from estimators.training.training_data import Standardisation
from tests.estimators.test_models import SMALL, data, network, small

pytestmark = pytest.mark.usefixtures("inputs_of_conditional_models")

TAKERS = [name for name, kind in models.items() if "principal_components" in inspect.signature(kind).parameters]
ULP = float(np.finfo(np.float32).eps)


def tilted(n=200, d=6):
    """Rows of decaying spread along turned axes, off the origin."""
    rng = np.random.default_rng(3)
    turned = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return rng.normal(size=(n, d)) * 2.0 ** -np.arange(d) @ turned + 5.0


def test_axes_are_those_of_the_covariance_leading_first():
    X = tilted()
    axes = principal_axes(X, 3)
    values, vectors = np.linalg.eigh(np.cov(X.T))
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(np.abs(np.sum(axes * vectors[:, :2:-1], axis=0)), 1, rtol=1e-13)
    np.testing.assert_allclose(np.var(X @ axes, axis=0, ddof=1), values[:2:-1], rtol=1e-12)


@pytest.mark.parametrize("p", [1, 3, 6])
def test_distances_to_the_span_are_those_of_coordinates_and_a_rest_that_is_the_same_for_all(p):
    X = tilted()
    unit = Standardisation.of(X, p)
    coordinates = unit.apply(X)
    assert coordinates.shape == (len(X), p)
    assert coordinates.dtype == np.float32
    # Coordinates are rounded to float32, sums of six products: a few roundings of numbers near 1.
    assert np.mean(coordinates.astype(float) ** 2) == pytest.approx(1, rel=50 * ULP)
    near = unit.undo(coordinates, "float64")
    rest = np.sum((X - near) ** 2, axis=1)
    # Beyond p axes lies the sum of their variances, 4⁻ᵖ + …; beyond all six the rounding of coordinates.
    assert rest.max() < (100 * ULP) ** 2 if p == 6 else rest.mean() > 4.0**-p
    whole = np.sum((X[:, None] - near[None, :40]) ** 2, axis=2)
    along = np.sum((coordinates[:, None].astype(float) - coordinates[None, :40]) ** 2, axis=2) * unit.scale**2
    np.testing.assert_allclose(whole, along + rest[:, None], atol=100 * ULP * whole.max())
    np.testing.assert_array_equal(np.argmin(whole[40:], axis=1), np.argmin(along[40:], axis=1))


def test_a_run_is_that_on_the_coordinates():
    X = tilted()
    settings = {"n_samples": 40, "inner_steps": 5, "steps": 15, "hidden": (8,), "random_state": 4, "device": "cpu"}
    whole = IMLE(principal_components=2, **settings).fit(X)
    by_hand = IMLE(standardise=False, **settings).fit(whole.standardisation_.apply(X))
    for ours, theirs in zip(whole.generator_.parameters(), by_hand.generator_.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    samples = by_hand.sample(7, random_state=0)
    assert np.array_equal(whole.sample(7, random_state=0), whole.standardisation_.undo(samples, "float64"))


@pytest.mark.parametrize("name", TAKERS)
def test_samples_lie_in_the_span_and_files_keep_it(name, tmp_path):
    X = data(d=4)
    model = small(name, principal_components=2, random_state=1).fit(X)
    samples = model.sample(9, random_state=0)
    assert samples.shape[1] == 4
    beyond = samples - model.standardisation_.centre
    beyond -= beyond @ model.standardisation_.axes @ model.standardisation_.axes.T
    assert np.abs(beyond).max() <= 1e-12 * max(1.0, np.abs(samples).max())
    model.save(tmp_path / "run")
    assert np.array_equal(ImplicitModel.load(tmp_path / "run").sample(9, random_state=0), samples)
    assert len(list(network(model).parameters())[-1]) == 2
    assert len(list(network(small(name, random_state=1).start(X)).parameters())[-1]) == 4


def test_a_resumed_run_is_bitwise_the_same(tmp_path):
    X = tilted()
    settings = {"n_samples": 40, "inner_steps": 5, "hidden": (8,), "random_state": 4, "device": "cpu", "steps": 23}
    for chosen in ({"principal_components": 2}, {"index": "components"}):
        whole = IMLE(**settings, **chosen).fit(X)
        part = IMLE(**settings, **chosen).start(X)
        for _ in range(12):
            part.step()
        part.save(tmp_path / "run")
        resumed = IMLE.load(tmp_path / "run").resume(X)
        assert np.array_equal(resumed.sample(5, random_state=0), whole.sample(5, random_state=0))


def test_stacked_seeds_share_the_axes():
    X = tilted()
    model = small("imle", principal_components=2, random_state=2)
    stack = StackedSeeds(model, n_seeds=2).fit(X)
    assert stack.sample(5, random_state=0).shape == (2, 5, 6)
    alone = small("imle", principal_components=2, random_state=2).fit(X)
    assert np.array_equal(stack.members_[0].standardisation_.axes, alone.standardisation_.axes)


def test_features_of_a_conditional_model_see_the_data_as_they_are():
    """With φ(x) = x the first objective is that without φ, in the data's squared units."""
    X, C = tilted(60), np.random.default_rng(0).normal(size=(60, 2))
    seen = []

    def features(x):
        seen.append(x)
        return x

    runs = [
        ConditionalIMLE(**SMALL, random_state=0, n_samples=5, principal_components=3, features=phi).start(X, given=C)
        for phi in (None, features)
    ]
    for run in runs:
        run.step()
    assert {x.shape[1] for x in seen} == {6}
    scale = runs[0].standardisation_.scale
    assert runs[1].objective_ == pytest.approx(runs[0].objective_ * scale**2, rel=100 * ULP)


@pytest.mark.parametrize(
    ("given", "error", "told"),
    [
        ({"principal_components": 7}, ValueError, "principal_components is 7, X has 6 features; give as many at most"),
        ({"principal_components": 0}, ValueError, "principal_components is 0"),
        ({"principal_components": 2.0}, TypeError, "principal_components is 2.0; give an integer"),
        ({"principal_components": 2, "standardise": False}, ValueError, "needs standardise=True"),
    ],
)
def test_bad_numbers_are_refused(given, error, told):
    with pytest.raises(error, match=told):
        IMLE(**given).fit(tilted())


def test_data_that_do_not_vary_are_trained_on_as_they_are():
    model = small("imle", principal_components=2, random_state=0).fit(np.full((20, 3), 7.0))
    assert model.standardisation_.scale == 1
    assert np.isfinite(model.sample(5, random_state=0)).all()


def test_a_file_of_a_release_without_axes_is_read(tmp_path):
    model = small("imle", random_state=0).fit(data())
    held = run_state.content(model)
    del held["axes"], held["parameters"]["principal_components"]
    write_checkpoint(tmp_path / "old", held)
    loaded = IMLE.load(tmp_path / "old")
    assert np.array_equal(loaded.sample(5, random_state=0), model.sample(5, random_state=0))


def test_no_order_of_the_rows_hides_a_direction():
    """Every tenth row is of another class: an even spacing of ten would see one class."""
    n = 10 * ROWS
    X = np.eye(10)[np.arange(n) % 10] + 0.01 * np.random.default_rng(0).normal(size=(n, 10))
    axes = principal_axes(X, 9)
    centred = X - X.mean(axis=0)
    left = np.square(centred).sum() - np.square(centred @ axes).sum()
    best = np.linalg.eigvalsh(centred.T @ centred)[0]
    assert left <= 1.1 * best
    assert np.mean(Standardisation.of(X, 9).apply(X).astype(float) ** 2) == pytest.approx(1, abs=0.05)
