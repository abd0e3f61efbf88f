"""Precision-recall curves: closed forms on histograms, collapse and invention told apart."""

import numpy as np
import pytest

from estimators import precision_recall_curve
from estimators.prd import _best_f, curve


def test_the_curve_of_two_histograms_by_hand():
    """p = (1, 1, 0)/2 and q = (0, 1, 1)/2 share the middle: α(λ) = min(λ, 1)/2 and β(λ) = min(1, 1/λ)/2."""
    precision, recall = curve(np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.5, 0.5]), 3)
    slopes = np.tan(np.pi / 8 * np.arange(1, 4))
    assert precision == pytest.approx(np.minimum(slopes, 1) / 2, rel=1e-14)
    assert recall == pytest.approx(np.minimum(1 / slopes, 1) / 2, rel=1e-14)
    assert _best_f(precision, recall) == pytest.approx((0.5, 0.5), rel=1e-12)


def test_equal_histograms_reach_the_corner_and_disjoint_ones_stay_at_0():
    p = np.array([0.2, 0.3, 0.5])
    assert _best_f(*curve(p, p)) == pytest.approx((1, 1), rel=1e-12)
    assert _best_f(*curve(np.array([1.0, 0.0]), np.array([0.0, 1.0]))) == (0, 0)


@pytest.fixture
def modes():
    """Ten far apart modes, 40 rows each."""
    rng = np.random.default_rng(0)
    return [100.0 * k + rng.normal(size=(40, 2)) for k in range(10)]


def test_dropping_modes_lowers_recall_and_inventing_them_precision(modes):
    P = np.concatenate(modes[:5])
    dropped = precision_recall_curve(P, np.concatenate(modes[:1] * 5), n_clusters=10, n_repeats=3)
    invented = precision_recall_curve(P, np.concatenate(modes), n_clusters=10, n_repeats=3)
    assert dropped.f_recall.value < 0.4 < 0.8 < dropped.f_precision.value
    assert invented.f_precision.value < 0.7 < 0.9 < invented.f_recall.value
    assert 0 < dropped.f_precision.stderr < 0.2


def test_exchanging_the_samples_exchanges_the_axes(modes):
    P, Q = np.concatenate(modes[:4]), np.concatenate(modes[2:8])
    one, other = (precision_recall_curve(*pair, n_repeats=1, n_clusters=6) for pair in ((P, Q), (Q, P)))
    # The order in which rows are clustered puts those of one sample first, so that clusters may differ within a mode.
    assert one.f_recall.value == pytest.approx(other.f_precision.value, abs=0.05)


def test_bad_counts_are_refused(modes):
    for name in ("n_clusters", "n_angles", "n_repeats"):
        with pytest.raises(ValueError, match=f"{name} is 0"):
            precision_recall_curve(modes[0], modes[1], **{name: 0})
