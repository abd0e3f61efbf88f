"""FID against independent formulas, on singular covariances too, its error and its bias."""

import math

import numpy as np
import pytest
from scipy.linalg import sqrtm

from estimators import Gaussian, compare, frechet_distance, gaussian_wasserstein

RNG = np.random.default_rng(0)
#: Unit roundoff twice over: the spacing of floats at 1.
ULP = np.finfo(float).eps


def by_eigenvalues(x, y):
    """As torchmetrics computes it: the real parts of the roots of the eigenvalues of ΣT."""
    s, t = np.atleast_2d(np.cov(x.T)), np.atleast_2d(np.cov(y.T))
    gap = x.mean(axis=0) - y.mean(axis=0)
    roots = np.sqrt(np.linalg.eigvals(s @ t).astype(complex)).real
    return gap @ gap + np.trace(s) + np.trace(t) - 2 * roots.sum()


def test_three_formulas_agree():
    x, y = RNG.normal(size=(300, 5)) @ RNG.normal(size=(5, 5)) + 1, RNG.normal(size=(200, 5))
    found = frechet_distance(x, y).value
    s, t, gap = np.cov(x.T), np.cov(y.T), x.mean(axis=0) - y.mean(axis=0)
    # Sums of up to 300 squares, each with an ulp at worst, and roots of a product whose condition is that of ΣT.
    close = 300 * ULP * np.linalg.cond(s @ t) ** 0.5
    assert found == pytest.approx(by_eigenvalues(x, y), rel=close)
    assert found == pytest.approx(gap @ gap + np.trace(s + t - 2 * sqrtm(s @ t).real), rel=close)
    fitted = gaussian_wasserstein(Gaussian(x.mean(axis=0), s), Gaussian(y.mean(axis=0), t))
    assert found == pytest.approx(fitted.value**2, rel=close)
    # Exchanged, sums of 300 terms come shifted by another row.
    assert found == pytest.approx(frechet_distance(y, x).value, rel=300 * ULP)


def test_on_the_line_it_is_the_gap_of_means_and_of_deviations():
    x, y = RNG.normal(size=50), 3 * RNG.normal(size=70) + 2
    truth = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet_distance(x, y).value == pytest.approx(truth, rel=70 * ULP)  # sums of 70 rows


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_fewer_rows_than_features_are_served_with_all_digits(offset):
    """Against the covariances' roots in full, which the eigenvalues of their singular product lose digits of."""
    x, y = RNG.normal(size=(6, 40)) + offset, RNG.normal(size=(9, 40)) + offset
    a, b = (part - part.mean(axis=0) for part in (x, y))
    a, b = a / math.sqrt(5), b / math.sqrt(8)
    gap = x.mean(axis=0) - y.mean(axis=0)
    truth = gap @ gap + (a**2).sum() + (b**2).sum() - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum()
    # 40 coordinates of 9 rows are added up, each to the ulps of its offset, where the twin's means round.
    assert frechet_distance(x, y).value == pytest.approx(truth, rel=40 * 9 * ULP * (1 + offset))


def test_equal_samples_are_at_0_and_constant_ones_at_their_gap():
    x = RNG.normal(size=(30, 4))
    # Σ − 2 (ΣΣ)^½ + Σ cancels: ulps of the trace, which is near 8.
    assert frechet_distance(x, x[::-1]).value <= 64 * np.finfo(float).eps * 8
    assert frechet_distance(np.zeros((5, 2)), np.ones((4, 2))).value == 2


def test_features_whose_squares_overflow_are_named():
    x = RNG.normal(size=(30, 4))
    for scale in (1e80, 1e200):
        with pytest.raises(ValueError, match=r"P or Q: features differ by over 2\^240"):
            frechet_distance(x * scale, x)
    assert math.isfinite(frechet_distance(x * 1e70, x[::-1] * 2e70).value)


def test_the_error_is_the_spread():
    """Standard deviation over 150 draws against the mean stated: such a ratio is within a fifth of 1."""
    found = [frechet_distance(RNG.normal(size=(200, 3)), RNG.normal(size=(200, 3)) * [1, 2, 3] + 1) for _ in range(150)]
    assert np.std([e.value for e in found]) == pytest.approx(np.mean([e.stderr for e in found]), rel=0.2)
    # Means (1, 1, 1) and deviations (0, 1, 2) apart: 3 + 5, and the bias upwards that is told.
    assert 8 < np.mean([e.value for e in found]) < 8.4
    assert "about its biased mean" in found[0].detail


def test_no_interval_is_claimed_where_the_bias_prevails_and_its_order_is_told():
    """Means half apart in 64 dimensions, 16, from 200 rows: 27 ± 1, whose bias of 11 the detail tells to a tenth."""
    x, y = np.random.default_rng(0).normal(size=(2, 200, 64))
    found = frechet_distance(x, y + 0.5)
    assert found.interval is None
    assert found.value - 16 > 5 * found.stderr
    told = float(found.detail.rsplit("of order ", 1)[1])
    # Two digits are told, and the value is 16 and the bias to within three of its errors.
    assert abs(found.value - 16 - told) <= 3 * found.stderr + 0.05 * told
    row = compare(x, y + 0.5, divergences="frechet").iloc[0]
    assert row.stderr == found.stderr
    assert (row.low, row.high) == (None, None)
    far = frechet_distance(x, y + 0.5, extrapolate=True)
    assert (far.stderr, far.interval) == (None, None)
    assert "bias of higher order" in far.detail


def test_extrapolation_takes_the_bias_away():
    values = []
    for seed in range(12):
        x, y = np.random.default_rng(seed).normal(size=(2, 400, 20))
        values.append((frechet_distance(x, y).value, frechet_distance(x, y, extrapolate=True, random_state=seed).value))
    plain, extrapolated = np.mean(values, axis=0)
    assert plain > 0.4
    assert abs(extrapolated) < plain / 3


def test_too_few_rows_are_refused():
    with pytest.raises(ValueError, match="P has 1 rows"):
        frechet_distance([[1.0, 2.0]], np.eye(2))
    with pytest.raises(ValueError, match="20 to extrapolate"):
        frechet_distance(np.eye(5), np.eye(5), extrapolate=True)
