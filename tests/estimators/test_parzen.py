"""Parzen windows agree with the definition on hard data, and say what their bandwidth is worth."""

import math
import warnings

import numpy as np
import pytest

from estimators import Gaussian, parzen_log_likelihood
from estimators.parzen import BANDWIDTHS, parzen_log_densities
from tests.estimators import naive_coverage as naive

RNG = np.random.default_rng(0)


def hard_data():
    base = RNG.normal(size=(60, 7))
    clusters = 10.0 * RNG.integers(0, 20, size=(60, 1)) + 1e-4 * RNG.normal(size=(60, 7))
    return {
        "plain": (base, RNG.normal(size=(40, 7))),
        "offset 1e3": (base + 1e3, base[:40] + 1e3 + 0.1),
        "offset 1e6": (base + 1e6, base[:40] + 1e6 + 0.1),
        "near copies": (base, base[:40] + 1e-3 * RNG.normal(size=(40, 7))),
        "clusters": (clusters, clusters[:40] + 1e-5),
        "the same rows": (base, base),
        "one centre": (base[:1], base[:3]),
        "one far centre": (np.concatenate([base, [np.full(7, 1e9)]]), base[:40] + 0.1),
        "float32": (base.astype(np.float32), base[:40].astype(np.float32) + np.float32(1e-3)),
    }


@pytest.mark.parametrize("kind", hard_data())
@pytest.mark.parametrize("bandwidth", [1e-5, 0.1, 3.0])
def test_values_are_those_of_long_doubles_within_the_stated_rounding(kind, bandwidth):
    samples, points = hard_data()[kind]
    found, rounding = (part[0] for part in parzen_log_densities(samples, points, bandwidth))
    truth = naive.parzen(samples, points, bandwidth)
    assert (np.abs(found - truth) <= rounding).all()
    # 1e-3 nats is the accuracy promised; the bound itself keeps it wherever the density is not below e^(−10¹⁰).
    assert (rounding <= np.maximum(1e-3, 1e-13 * np.abs(truth))).all()


def test_all_bandwidths_in_one_pass_are_each_alone_in_any_order():
    samples, points = hard_data()["plain"]
    grid = [0.5, 1e-3, 2.0, 0.5]
    together, _ = parzen_log_densities(samples, points, grid)
    for row, bandwidth in zip(together, grid, strict=True):
        alone, rounding = parzen_log_densities(samples, points, bandwidth)
        assert (np.abs(row - alone[0]) <= 2 * rounding[0]).all()


def test_blocks_and_threads_leave_every_bit(monkeypatch):
    import estimators.parzen

    samples, points = hard_data()["plain"]
    monkeypatch.setattr(estimators.parzen, "_BLOCK_ENTRIES", 60 * 7)
    assert np.array_equal(
        parzen_log_densities(samples, points, BANDWIDTHS), parzen_log_densities(samples, points, BANDWIDTHS, n_jobs=3)
    )


def test_one_window_on_the_centre_is_the_gaussian_itself():
    x = RNG.normal(size=(9, 3))
    found, _ = parzen_log_densities(np.zeros((1, 3)), x, 0.7)
    assert found[0] == pytest.approx(Gaussian(np.zeros(3), 0.49).logpdf(x), rel=1e-14)


def test_the_bandwidth_is_chosen_on_the_validation_rows_alone():
    samples, validation, test = (RNG.normal(size=(n, 2)) for n in (300, 200, 100))
    found = parzen_log_likelihood(samples, test, validation=validation, bandwidths=[0.05, 0.3, 0.5, 3.0])
    means = [naive.parzen(samples, validation, h).mean() for h in (0.05, 0.3, 0.5, 3.0)]
    assert found.bandwidth == [0.05, 0.3, 0.5, 3.0][int(np.argmax(means))]
    assert [mean for _, mean in found.validation] == pytest.approx(means, rel=1e-12)
    assert not found.on_edge
    rows = naive.parzen(samples, test, found.bandwidth).astype(float)
    assert found.value in found.certificate
    assert abs(found.value - rows.mean()) <= found.certificate.gap
    assert found.stderr == pytest.approx(rows.std(ddof=1) / 10, rel=1e-12)
    given = parzen_log_likelihood(samples, test, bandwidths=found.bandwidth)
    assert (given.value, given.validation, given.on_edge) == (found.value, (), False)


@pytest.mark.parametrize(("grid", "edge"), [([1.0, 2.0, 3.0], 1.0), ([0.001, 0.01], 0.01)])
def test_an_edge_of_the_grid_warns_and_is_told(grid, edge):
    samples, rows = RNG.normal(size=(300, 2)), RNG.normal(size=(100, 2))
    with pytest.warns(UserWarning, match="edge of its grid"):
        found = parzen_log_likelihood(samples, rows, validation=rows[:50], bandwidths=grid)
    assert found.on_edge
    assert found.bandwidth == edge
    assert "edge" in found.detail


def test_no_edge_no_warning():
    samples, rows = RNG.normal(size=(300, 2)), RNG.normal(size=(100, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parzen_log_likelihood(samples, rows, validation=rows[:50])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"samples": np.zeros((3, 2))}, "samples has 2 coordinates a point and test has 3"),
        ({"samples": np.full((3, 3), np.nan)}, "samples: row 0 is not finite"),
        ({"test": np.zeros((1, 3))}, "test has one row"),
        ({"validation": None}, "bandwidths has 10 entries and validation is None"),
        ({"validation": np.zeros((3, 2))}, "validation has 2 coordinates"),
        ({"bandwidths": [0.1, 0.0]}, "entry 1 is 0.0"),
        ({"bandwidths": [math.nan]}, "entry 0 is nan"),
        ({"bandwidths": 1e-200}, "entry 0 is 1e-200"),
        ({"bandwidths": []}, "bandwidths has shape"),
        ({"samples": np.eye(3) * 1e200}, "overflow"),
    ],
)
def test_bad_input_is_refused(changes, message):
    given = {"samples": np.eye(3), "test": np.eye(3), "validation": np.eye(3)} | changes
    with pytest.raises(ValueError, match=message):
        parzen_log_likelihood(given.pop("samples"), given.pop("test"), **given)
