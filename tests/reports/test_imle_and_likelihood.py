"""The experiment on IMLE and maximum likelihood: its integrals against the claims', its cells, table and picture."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy.stats import norm

from estimators.known_generators import LocationScale, NormalMixture
from reports import table
from reports.experiment import SIZES, Cell, experiments
from reports.experiments import imle_and_likelihood as experiment
from reports.figures import figure
from reports.runner import run


def test_the_root_is_that_of_the_claim():
    best, wanted = experiment.known_answers("location", 16, weighted=False)
    assert best[0] == pytest.approx(0.3, abs=2e-6)  # the mean; the search stops at 1e-6
    assert wanted[0] == pytest.approx(0.5737306231, abs=1e-5)  # claim `imle-unweighted-bias`


@pytest.mark.parametrize("d", [1, 2])
def test_expected_squares_are_those_of_draws(d):
    family = experiment._scale(d)
    rng = np.random.default_rng(0)
    s, m = 1.3, 8
    squares = family.squares(np.array([np.log(s)]), m)
    drawn = s * rng.normal(size=(4000, m, d))
    for i in (0, 1, 2):
        found = ((drawn - family.X[i]) ** 2).sum(axis=2).min(axis=1)
        assert abs(found.mean() - squares[i]) < 5 * found.std() / np.sqrt(len(found))


def test_expected_squares_of_the_mixture_are_those_of_draws():
    family = experiment._mixture()
    z = torch.randn(4000 * 8, 2, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        drawn = family.build()(z).numpy().reshape(4000, 8)
    squares = family.squares(family.start, 8)
    for i in (0, 1, 2):
        found = ((drawn - family.X[i]) ** 2).min(axis=1)
        assert abs(found.mean() - squares[i]) < 5 * found.std() / np.sqrt(len(found))


def test_few_samples_are_too_narrow_and_many_too_wide_as_the_claim_has_it():
    variances = {
        m: float(np.exp(2 * experiment.known_answers("scale, d = 1", m, weighted=False)[1][0])) for m in (2, 64)
    }
    most_likely = float(np.mean(experiment._scale(1).X ** 2))
    assert variances[2] < most_likely < variances[64]
    weighted = float(np.exp(2 * experiment.known_answers("scale, d = 1", 64, weighted=True)[1][0]))
    assert abs(weighted - most_likely) < 0.2 * abs(variances[64] - most_likely)


@pytest.mark.parametrize("name", ["location", "scale, d = 1"])
@pytest.mark.parametrize("rounded", range(3))
def test_the_resting_point_is_found_however_a_processor_rounds(name, rounded):
    """Each integral is moved by an ulp or not, as sums in another order are: all runs of the experiment go on."""
    family = experiment.families[name]()

    def otherwise(theta, m):
        squares = family.squares(theta, m)
        rng = np.random.default_rng([rounded, *np.frombuffer(theta.tobytes(), np.uint32)])
        return squares + rng.choice([-1, 0, 1], squares.shape) * np.spacing(squares)

    found = experiment.resting_point(dataclasses.replace(family, squares=otherwise), 16)
    assert found == pytest.approx(experiment.resting_point(family, 16), abs=1e-6)


@pytest.mark.parametrize(("name", "m"), [("location", 16), ("scale, d = 1", 16), ("scale, d = 1", 64), ("mixture", 8)])
def test_the_resting_point_is_the_minimum_of_the_objective_with_its_own_weights_held(name, m):
    family = experiment.families[name]()
    rests = experiment.known_answers(name, m, weighted=True)[1]
    held = experiment.likelihood_weights(family.squares(rests, m))
    again = experiment.minimum(lambda theta: float((held * family.squares(theta, m)).mean()), rests + 0.01)
    # Both are settled to 1e-6, and differences of steps 1e-4 are off by the square of that.
    assert again == pytest.approx(rests, abs=3e-6)


def test_known_generators_have_the_laws_that_they_say():
    z = torch.randn(200_000, 2, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        affine = LocationScale([1.0, -2.0], 1.5)
        moved = affine(z).numpy()
        mixed = NormalMixture([0.0, 3.0], [0.5, 1.0], [0.75, 0.25])
        parts = mixed(z).numpy()
    assert affine.law().mean == pytest.approx(moved.mean(axis=0), abs=0.02)  # five standard errors
    assert affine.law().cov == pytest.approx(np.cov(moved.T), abs=0.04)
    cdf = 0.75 * norm.cdf(1.0, 0, 0.5) + 0.25 * norm.cdf(1.0, 3, 1.0)
    assert (parts < 1.0).mean() == pytest.approx(cdf, abs=5 * 0.5 / np.sqrt(200_000))
    assert mixed.law().weights.tolist() == [0.75, 0.25]
    only = LocationScale([0.0], trained=("shift",))
    assert [p.requires_grad for p in (only.shift, only.log_scale)] == [True, False]


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct_and_their_families_known(size):
    made = list(experiments["imle-and-likelihood"]().cells(size, {}))
    assert made == list(experiments["imle-and-likelihood"]().cells(size, {}))
    assert len({(tuple(sorted(cell.params.items())), cell.seed) for cell in made}) == len(made)
    assert {cell.params["family"] for cell in made} <= set(experiment.families)


def test_training_comes_near_what_is_predicted():
    params = {"family": "location", "m": 16, "model": "imle", "steps": 150}
    found = {m.metric: m.value for m in experiment.IMLEAndLikelihood().measure(Cell(params))}
    assert abs(found["parameter"] - found["predicted"]) < 0.15  # five data, 16 samples a step: a spread of 0.03
    assert found["nats lost"] > 0


@pytest.mark.usefixtures("measured_here")
def test_the_table_and_the_picture_are_of_the_records(tmp_path, monkeypatch):
    monkeypatch.setitem(experiment._SIZES, "quick", ({"location": (1, 4)}, 4, 2))
    run("imle-and-likelihood", output=tmp_path, jobs=1)
    frame = table("imle-and-likelihood", output=tmp_path)
    assert (frame.status == "ok").all(), frame.detail.tolist()
    assert len(frame) == 4
    assert (frame.seeds == 2).all()
    assert frame.maximum_likelihood.tolist() == pytest.approx([0.3] * 4, abs=2e-6)
    (drawn,) = figure("imle-and-likelihood", output=tmp_path)
    assert "location, imle, m = 4" in drawn.description
