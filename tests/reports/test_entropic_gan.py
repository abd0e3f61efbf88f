"""The experiment on the entropic GAN's likelihood: its closed forms, its cells, table and pictures."""

import numpy as np
import pytest

from estimators import Gaussian
from reports import table
from reports.experiment import SIZES, Cell, experiments
from reports.experiments import entropic_gan
from reports.figures import figure
from reports.runner import run


def measured(**params):
    cell = Cell({"generator": entropic_gan.BEST, "n": 30, "temperature": 1.0, **params})
    return {m.metric: m for m in entropic_gan.EntropicLikelihood().measure(cell)}


def test_the_exact_likelihood_is_that_of_draws():
    rng = np.random.default_rng(0)
    slope, offset, s = rng.normal(size=(4, 2)), rng.normal(size=4), entropic_gan.variances(4)
    exact = entropic_gan.exact_log_likelihood(s, slope, offset, 0.8)
    law = Gaussian(offset, slope @ slope.T + 0.4 * np.eye(4))
    found = law.logpdf(rng.normal(size=(40_000, 4)) * np.sqrt(s))
    assert abs(exact - found.mean()) < 5 * found.std() / 200


@pytest.mark.parametrize("d", entropic_gan.DIMENSIONS)
def test_the_bound_is_tight_at_the_best_generator_and_only_there(d):
    best, wide = measured(d=d), measured(d=d, generator=entropic_gan.COVARIANCE)
    assert best["surrogate"].low - 1e-9 <= best["exact"].value <= best["surrogate"].high + 1e-9
    # The claim's boundary: between 0.02 and 0.023 nats a dimension.
    assert 0.02 * d < wide["exact"].value - wide["surrogate"].value < 0.023 * d
    assert wide["exact"].value < best["exact"].value


def test_a_sampled_coupling_is_farther_off_in_more_dimensions():
    gaps = [measured(d=d)["exact"].value - measured(d=d)["sampled"].value for d in (5, 64)]
    assert gaps[1] > 10 > 2 > gaps[0]


def test_the_area_is_the_share_of_pairs():
    high, low = np.array([1.0, 2.0, 3.0]), np.array([0.0, 2.0])
    assert entropic_gan.area(high, low) == pytest.approx((3 + 1.5) / 6)


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct_and_images_need_data(size):
    experiment = entropic_gan.EntropicLikelihood()
    cells = list(experiment.cells(size, {"digits": "a", "mnist": "b"}))
    assert cells == list(experiment.cells(size, {"digits": "a", "mnist": "b"}))
    assert len({(tuple(sorted(cell.params.items(), key=str)), cell.seed) for cell in cells}) == len(cells)
    assert {cell.params.get("dataset") for cell in cells} == {None, "mnist"}
    assert {cell.params.get("dataset") for cell in experiment.cells(size, {})} == {None}
    assert experiments["entropic-gan"] is entropic_gan.EntropicLikelihood


@pytest.mark.usefixtures("measured_here")
def test_tables_and_pictures_are_of_the_records(tmp_path, monkeypatch):
    monkeypatch.setattr(entropic_gan, "DIMENSIONS", (2, 5))
    monkeypatch.setitem(entropic_gan._GAUSSIAN, "quick", (20, 2, 16, 1))
    monkeypatch.setitem(entropic_gan._IMAGES, "quick", (60, 20, 10, 2, 8))
    monkeypatch.setenv("IMPLICITBENCH_DATA", str(tmp_path))
    run("entropic-gan", output=tmp_path / "out", jobs=1)
    frame = table("entropic-gan", output=tmp_path / "out")
    assert (frame.status == "ok").all(), frame.detail.tolist()
    assert len(frame) == 6
    assert (frame.gap > -1e-9).all()
    digits = table("entropic-digits", output=tmp_path / "out").set_index("digit")
    assert sorted(digits.index) == list(range(10))
    assert digits.auc.drop(1).between(0, 1).all()
    assert np.isnan(digits.auc[1])
    gaussian, images = figure("entropic-gan", output=tmp_path / "out")
    assert "d = 5: exact" in gaussian.description
    assert "digit 8:" in images.description
