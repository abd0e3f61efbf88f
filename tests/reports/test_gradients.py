"""The experiment on gradients, cycles and objectives: closed forms by other ways, its cells, table and pictures."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from reports import table
from reports.experiment import SIZES, Cell, experiments
from reports.experiments import gradients
from reports.figures import figure
from reports.runner import run
from theory.claims.gradient_descent_ascent import alternately, extragradient, simultaneously


@pytest.mark.parametrize("distance", gradients.DISTANCES)
def test_the_gradients_at_the_best_discriminator_are_those_of_the_integral(distance):
    found = gradients.at_best_discriminator(distance)
    share = quad(lambda x: norm.pdf(x - distance) * expit(distance**2 / 2 - distance * x), -12, 20, limit=200)[0]
    # 200 nodes follow the logistic step, of width 1/Δ, to some 2e-6 at Δ = 6.
    assert found == pytest.approx((distance * share, distance * (1 - share)), rel=1e-5)


@pytest.mark.parametrize("s", gradients._STEPS)
def test_the_game_is_played_as_the_claim_has_it(s):
    steps = {"simultaneous": simultaneously, "alternating": alternately, "extragradient": extragradient}
    assert set(steps) == set(gradients.METHODS)
    for name, step in steps.items():
        x, y = 1.0, 0.0
        for place in gradients.played(name, s, 20):
            # Twenty rounds of a few roundings each, of numbers that have grown to their present size.
            assert place == pytest.approx((x, y), abs=200 * np.finfo(float).eps * max(1.0, abs(x), abs(y)))
            x, y = step(x, y, s)


def test_cycles_agree_with_their_closed_forms_and_fixed_latents_never_raise_the_objective():
    for m in gradients.Gradients().measure(Cell({"part": "cycling", "s": 0.5, "rounds": 50})):
        if m.metric.endswith("deviation"):
            assert m.value < 4
    found = {m.metric: m.value for m in gradients.Gradients().measure(Cell({"part": "fixed latents", "steps": 100}))}
    assert found["outer steps that rose"] == 0
    assert found["objective left"] < 0.5


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct(size):
    experiment = experiments["gradients"]()
    cells = list(experiment.cells(size, {}))
    assert cells == list(experiment.cells(size, {}))
    assert len({(tuple(sorted(cell.params.items(), key=str)), cell.seed) for cell in cells}) == len(cells)


@pytest.mark.usefixtures("measured_here")
def test_the_table_and_the_pictures_are_of_the_records(tmp_path, monkeypatch):
    monkeypatch.setitem(gradients._SIZES, "quick", (8, 16, 12, 3, 2))
    monkeypatch.setattr(gradients, "DISTANCES", (1.0, 6.0))
    run("gradients", output=tmp_path, jobs=1)
    frame = table("gradients", output=tmp_path)
    assert (frame.status == "ok").all(), frame.detail.tolist()
    assert set(frame.part) == {"vanishing", "cycling", "objective", "fixed latents"}
    vanishing = frame[frame.part == "vanishing"]
    assert len(vanishing) == 4
    assert (vanishing.seeds == 2).all()
    assert vanishing.expected.notna().all()
    pictures = figure("gradients", output=tmp_path)
    assert [p.title.split()[0] for p in pictures] == ["The", "Gradient", "A"]
    assert "imle: rank correlation" in pictures[2].description
