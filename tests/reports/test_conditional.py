"""The experiment on several outputs for one input: its metrics by hand, its cells, table and pictures."""

import numpy as np
import pytest

from reports import table
from reports.experiment import SIZES, Cell, experiments
from reports.experiments import conditional
from reports.figures import figure
from reports.runner import run


def test_the_metrics_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    outputs, truth = rng.random((3, 5, 16)), rng.random((3, 16))
    given = conditional.coarse(truth, 4, 2)
    found = conditional.graded(outputs, truth, given, 4, 2)
    length = lambda v: float(np.sqrt(np.mean(v**2)))  # noqa: E731
    for i in range(3):
        errors = [length(x - truth[i]) for x in outputs[i]]
        pairs = [length(outputs[i][a] - outputs[i][b]) for a in range(5) for b in range(a)]
        blocks = [length(conditional.coarse(x[None], 4, 2)[0] - given[i]) for x in outputs[i]]
        expected = {
            "mean error": np.mean(errors), "best of 20": min(errors), "diversity": np.mean(pairs),
            "error of the mean": length(outputs[i].mean(axis=0) - truth[i]), "inconsistency": np.mean(blocks),
            "energy score": np.mean(errors) - np.mean(pairs) / 2,
        }  # fmt: skip
        for name, value in expected.items():
            assert found[name][i] == pytest.approx(value, rel=1e-12)  # sums of 16 terms


def test_block_means_are_of_the_blocks():
    image = np.arange(16.0).reshape(1, 16)
    assert conditional.coarse(image, 4, 2).tolist() == [[2.5, 4.5, 10.5, 12.5]]


def test_the_energy_score_prefers_the_true_law_to_its_mean_and_to_too_much_spread():
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(2000, 1))
    scores = {
        s: conditional.graded(s * rng.normal(size=(2000, 20, 1)), truth, truth, 1, 1)["energy score"].mean()
        for s in (0.0, 1.0, 3.0)
    }
    # E|X| = 0.80, E|X| − ½E|X − X′| = 0.80·(√2 − 1/√2) = 0.56, and for 3: 0.80 (√10 − 3/√2) = 0.83; s.e. 0.01.
    assert scores[1.0] < scores[0.0] - 0.1
    assert scores[1.0] < scores[3.0] - 0.1


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct_and_need_their_data(size):
    experiment = experiments["conditional"]()
    found = {"digits": "a", "mnist": "b"}
    cells = list(experiment.cells(size, found))
    assert cells == list(experiment.cells(size, found))
    assert len({(tuple(sorted(cell.params.items())), cell.seed) for cell in cells}) == len(cells)
    assert {cell.params["dataset"] for cell in cells} == ({"digits"} if size == "quick" else {"digits", "mnist"})
    assert list(experiment.cells(size, {})) == []
    assert {cell.params["model"] for cell in cells} == {conditional.REFERENCE, *conditional.ROWS}


def test_nearest_inputs_are_those_of_all_distances():
    params = {"dataset": "digits", "train": 200, "test": 10, "width": 8, "model": conditional.REFERENCE, "steps": 0}
    cell = Cell(params, seed=3)
    found = {m.metric: m for m in conditional.Conditional().measure(cell)}
    task = conditional._task(cell, int(np.random.SeedSequence(3).generate_state(3)[0]))
    gaps = ((task.test_given[:, None] - task.given[None]) ** 2).sum(axis=2)
    outputs = task.X[np.argsort(gaps, axis=1, kind="stable")[:, :20]]
    expected = conditional.graded(outputs, task.test_X, task.test_given, 8, 2)
    for name, values in expected.items():
        assert found[name].value == pytest.approx(values.mean(), rel=1e-12)
        assert found[name].stderr == pytest.approx(values.std(ddof=1) / np.sqrt(10), rel=1e-12)


@pytest.mark.usefixtures("measured_here")
def test_the_table_and_the_pictures_are_of_the_records(tmp_path, monkeypatch):
    monkeypatch.setitem(conditional._SIZES, "quick", {"digits": (100, 10, 3, 8)})
    monkeypatch.setitem(conditional._SEEDS, "quick", 2)
    run("conditional", output=tmp_path, jobs=1)
    frame = table("conditional", output=tmp_path)
    assert len(frame) == 5
    assert (frame.status == "ok").all(), frame.detail.tolist()
    assert set(frame.seeds) == {2}
    # Equal rows of one matrix product, whose sums may be rounded in another order.
    assert frame.set_index("model").diversity["regression"] < 64 * np.finfo(np.float32).eps
    images, spread = figure("conditional", output=tmp_path)
    assert "4 outputs of conditional IMLE" in images.description
    assert "regression: error" in spread.description
