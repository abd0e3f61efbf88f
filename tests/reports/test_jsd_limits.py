"""The experiment on the two limits of binned JSD: its expectation by enumeration, its means, table and picture."""

import itertools
import math

import numpy as np
import pytest

from estimators import Empirical, jsd
from reports.experiment import SIZES, experiments
from reports.experiments import jsd_limits
from reports.figures import figure
from reports.store import Store
from reports.tables import table
from tests.reports import made_up_results


@pytest.mark.parametrize("size", SIZES)
def test_cells_are_distinct_and_the_same_twice(size):
    experiment = experiments["jsd-limits"]()
    cells = list(experiment.cells(size, {}))
    assert cells == list(experiment.cells(size, {}))
    assert len({(cell.params["law"], cell.params["n"]) for cell in cells}) == len(cells)


@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 5), (2, 3), (3, 2)])
def test_the_expectation_is_the_mean_over_all_pairs_of_samples(n, k):
    draws = [Empirical(np.array(draw, dtype=float)) for draw in itertools.product(range(k), repeat=n)]
    mean = math.fsum(jsd(P, Q).value for P in draws for Q in draws) / k ** (2 * n)
    assert jsd_limits.expected_jsd(n, k) == pytest.approx(mean, abs=1e-14)  # some 64 roundings of terms below 1


def test_the_expectation_has_both_limits():
    for n in (1, 10, 1000):
        assert jsd_limits.expected_jsd(n, 1) == pytest.approx(0.0, abs=1e-14)
        k = 10**6 * n * n
        # At most n²/k pairs meet in a bin on average, each of which costs at most log 2.
        assert math.log(2) * (1 - n * n / k) - 1e-13 <= jsd_limits.expected_jsd(n, k) <= math.log(2) + 1e-13
    for k in (2, 16):
        # (k − 1)/4n with a relative error of order k/n, here below twice that.
        assert jsd_limits.expected_jsd(10_000, k) == pytest.approx((k - 1) / 40_000, rel=2 * k / 10_000)


def test_the_means_are_those_of_the_expectation_and_approach_both_limits(monkeypatch):
    monkeypatch.setitem(jsd_limits._SIZES, "quick", ((5, 500), 2**10, 2**20, 40))
    for cell in experiments["jsd-limits"]().cells("quick", {}):
        found = {(m.metric, m.payload["k"]): m for m in experiments["jsd-limits"]().measure(cell)}
        means = {k: m.value for (metric, k), m in found.items() if metric == "jsd"}
        n = cell.params["n"]
        assert means[1] <= means[2**10] <= means[2**20] <= math.log(2) + 1e-15
        # n²/k pairs meet on average, each worth log 2/n at most; the normal density is below the uniform one, so that
        # its bins are no fuller. Four times the expectation and one meeting more, of 40 repetitions.
        assert means[2**20] >= math.log(2) * (1 - 4 * n / 2**20 - 1 / 40 / n)
        if cell.params["law"] == "uniform":
            assert (means[1], found["jsd", 1].stderr) == (0.0, None)
            for k, mean in means.items():
                # Six standard errors: one failure in 10⁹ seeds. Where all agree, six meetings in 40 repetitions,
                # each worth log 2/n, were not seen. The seed is fixed.
                stderr = found["jsd", k].stderr
                reach = math.log(2) / (40 * n) if stderr is None else stderr
                assert abs(mean - found["expected", k].value) <= 6 * reach + 1e-13
        else:
            assert not any(metric == "expected" for metric, _ in found)


def test_the_table_and_the_picture_are_of_the_records(monkeypatch, tmp_path):
    monkeypatch.setitem(jsd_limits._SIZES, "quick", ((5, 20), 4, 4, 3))
    experiment = experiments["jsd-limits"]()
    with Store(tmp_path, write=True) as store:
        for i, cell in enumerate(experiment.cells("quick", {})):
            store.append([
                made_up_results.record(
                    "jsd-limits", f"{i}", cell.params, m.metric, m.value, stderr=m.stderr, payload=m.payload
                )
                for m in experiment.measure(cell)
            ])  # fmt: skip
        params = {"law": "uniform", "n": 99, "step": 4, "finest": 4, "repetitions": 3}
        store.append([made_up_results.record("jsd-limits", "x", params, "cell", None, status="failed", detail="no")])
    frame = table("jsd-limits", output=tmp_path)
    assert list(zip(frame.law, frame.n, frame.k, strict=True))[-3:] == [
        ("uniform", 20, 1), ("uniform", 20, 4), ("uniform", 99, 0),
    ]  # fmt: skip
    assert frame.expected[frame.law == "uniform"].tolist()[1] == jsd_limits.expected_jsd(5, 4)
    assert frame.expected[frame.law == "normal"].isna().all()
    assert (frame.status.iloc[-1], frame.detail.iloc[-1]) == ("failed", "no")
    (drawn,) = figure("jsd-limits", output=tmp_path)
    assert "uniform, n = 20, k = 4" in drawn.description
    with Store(tmp_path / "empty", write=True):
        pass
    assert figure("jsd-limits", output=tmp_path / "empty") == []
