"""The curse of dimensionality and the shifted measures: their numbers by other ways, their tables and pictures."""

import math

import numpy as np
import pytest

from reports import table
from reports.experiment import Cell, experiments
from reports.experiments import dimension_curse, shifted_measures
from reports.figures import figure
from reports.runner import run

FEW = {"lengths": "8 16 32", "repeats": 6}


def measured(name, params):
    found = {}
    for measurement in experiments[name]().measure(Cell(params)):
        found[measurement.metric] = measurement
    return found


@pytest.mark.parametrize("d", [1, 2, 6])
def test_the_mean_distance_is_that_of_draws_and_of_the_circle(d):
    exact = dimension_curse.mean_distance(d)
    if d == 1:  # E|sin πU|/π
        assert exact == pytest.approx(2 / math.pi**2, rel=1e-10)
    rng = np.random.default_rng(d)
    x, y = (dimension_curse.on_torus(rng.random((20_000, d))) for _ in range(2))
    lengths = np.linalg.norm(x - y, axis=1)
    assert abs(lengths.mean() - exact) <= 5 * lengths.std() / math.sqrt(len(lengths))
    # The same about every point: from the first one as from any.
    fixed = np.linalg.norm(x - y[:1], axis=1)
    assert abs(fixed.mean() - exact) <= 5 * fixed.std() / math.sqrt(len(fixed))


def test_circles_have_length_one_and_near_points_their_distance():
    u = np.array([[0.0], [0.001], [0.5]])
    x = dimension_curse.on_torus(u)
    assert np.linalg.norm(x, axis=1) == pytest.approx(1 / (2 * math.pi), rel=1e-15)
    assert np.linalg.norm(x[0] - x[1]) == pytest.approx(0.001, rel=1e-5)
    assert np.linalg.norm(x[0] - x[2]) == pytest.approx(1 / math.pi, rel=1e-12)


def test_the_identity_of_the_energy_holds_and_w1_is_slower_in_more_dimensions():
    low, high = (measured("dimension-curse", {"d": d, **FEW}) for d in (1, 8))
    for found in (low, high):
        scaled, exact = found["L times squared energy"], found["mean distance"]
        assert abs(scaled.value - exact.value) <= 6 * scaled.stderr
    assert low["slope of W1"].value < high["slope of W1"].value - 0.2
    assert abs(high["slope of energy"].value + 0.5) <= 6 * high["slope of energy"].stderr


def test_the_energy_to_the_law_is_that_to_many_points_of_it():
    exact = dimension_curse.mean_distance(1)
    x = dimension_curse.on_torus(np.random.default_rng(0).random((5, 1)))
    net = dimension_curse.on_torus((np.arange(4000)[:, None] + 0.5) / 4000)
    from estimators import energy_distance

    # A net of 4000 points stands for the law to some 1/4000² of its length.
    assert dimension_curse.squared_energy(x, exact) == pytest.approx(
        energy_distance(x, net, squared=True).value, abs=1e-6
    )


@pytest.mark.parametrize("shape", list(shifted_measures.SHAPES))
def test_shifted_measures_have_the_distances_that_are_known(shape):
    found = measured("shifted-measures", {"shape": shape, "atoms": 20})
    curves = {name: np.array(m.payload["value"]) for name, m in found.items()}
    shift = np.array(shifted_measures.SHIFTS)
    np.testing.assert_allclose(curves["W1"], shift, atol=1e-12)
    np.testing.assert_allclose(curves["Sinkhorn"], shift**2, atol=2e-4)
    assert (np.diff(curves["energy"]) > 0).all()
    assert curves["JSD"][0] == 0
    if shape == "parallel lines":
        np.testing.assert_allclose(curves["JSD"][1:], math.log(2), rtol=1e-12)
    else:
        assert 0 < curves["JSD"][1] < 0.1
        assert curves["JSD"][-1] == pytest.approx(math.log(2), rel=1e-6)


def test_tables_and_pictures_are_made_from_the_store(tmp_path, monkeypatch):
    """By a worker, to which a cell is all that it is told: constants that are patched here are not there."""
    for module, constant, value in (
        (dimension_curse, "_LENGTHS", {"quick": (8, 16)}),
        (dimension_curse, "_REPEATS", {"quick": 3}),
        (dimension_curse, "DIMENSIONS", (1, 2)),
        (shifted_measures, "_ATOMS", {"quick": 20}),
    ):
        monkeypatch.setattr(module, constant, value)
    run(["dimension-curse", "shifted-measures"], output=tmp_path, jobs=1)
    curse, shifted = (table(name, output=tmp_path) for name in ("dimension-curse", "shifted-measures"))
    assert list(curse.d) == [1, 2]
    assert list(curse.w1_rate) == [-0.5, -0.5]
    assert (curse.deviations.abs() < 6).all()
    assert len(shifted) == 10
    growth = shifted.set_index(["shape", "divergence"]).growth
    assert growth["parallel lines", "JSD"] == pytest.approx(1, rel=1e-12)
    assert growth["bumps", "W1"] == pytest.approx(2, rel=1e-12)
    for name in ("dimension-curse", "shifted-measures"):
        (picture,) = figure(name, output=tmp_path)
        assert "<svg" in picture.svg
        assert "W1" in picture.description or "W₁" in picture.description
