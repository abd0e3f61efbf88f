"""The experiment on k-NN KL: its numbers are those of the estimator, and its table and picture are of its records."""

import math

import numpy as np
import pytest

from estimators import Gaussian, kl_knn
from reports.experiment import SIZES, experiments
from reports.experiments import knn_divergence
from reports.figures import figure
from reports.store import Store
from reports.tables import table
from tests.reports import made_up_results


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct_and_the_same_twice(size):
    experiment = experiments["knn-divergence"]()
    cells = list(experiment.cells(size, {}))
    assert cells == list(experiment.cells(size, {}))
    assert len({tuple(cell.params.items()) for cell in cells}) == len(cells)


@pytest.fixture
def measured(monkeypatch):
    monkeypatch.setitem(knn_divergence._SIZES, "quick", ((2,), (40,), (3,), 4))
    experiment = experiments["knn-divergence"]()
    (cell,) = experiment.cells("quick", {})
    return cell, list(experiment.measure(cell))


def test_bias_and_spread_are_of_the_repetitions(measured):
    _, found = measured
    bias, spread = found[:2]
    values = np.array(bias.payload["values"])
    assert bias.value == pytest.approx(values.mean() - 1.0, abs=1e-15)
    assert (spread.value, bias.stderr) == pytest.approx((values.std(ddof=1), values.std(ddof=1) / 2))
    rng = np.random.default_rng(np.random.SeedSequence([0, 2, 40, 3]).spawn(4)[0])
    X, Y = Gaussian(np.zeros(2)).sample(40, rng), Gaussian(np.ones(2)).sample(40, rng)
    assert values[0] == kl_knn(X, Y, k=3).value
    assert {m.payload["method"] for m in found} == {"fixed-k", "adaptive"}


def test_the_table_and_the_picture_are_of_the_records(measured, tmp_path):
    cell, found = measured
    with Store(tmp_path, write=True) as store:
        store.append([
            made_up_results.record(
                "knn-divergence", "one", cell.params, m.metric, m.value, stderr=m.stderr, payload=m.payload
            )
            for m in found
        ])  # fmt: skip
        store.append([
            made_up_results.record(
                "knn-divergence", "two", cell.params | {"d": 3}, "cell", None, status="failed", detail="no"
            )
        ])  # fmt: skip
    frame = table("knn-divergence", output=tmp_path)
    assert list(frame.method) == ["adaptive", "fixed-k", ""]
    assert frame.bias[1] == found[0].value
    assert (frame.status[2], frame.detail[2]) == ("failed", "no")
    assert math.isnan(frame.bias[2])
    (drawn,) = figure("knn-divergence", output=tmp_path)
    assert "fixed-k, d = 2, n = 40, k = 3" in drawn.description
    with Store(tmp_path / "empty", write=True):
        pass
    assert figure("knn-divergence", output=tmp_path / "empty") == []
